use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::*;

const CAP: u64 = 64 << 10;

/// A log of numbered lines, 16 bytes each.
fn numbered(directory: &Path, lines: std::ops::Range<u32>) -> PathBuf {
    let path = directory.join("stdout.log");
    let text: String = lines.map(|number| format!("line {number:010}\n")).collect();
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
    path
}

fn everything(path: &Path) -> Chunk {
    let mut all = read_from(path, 0).unwrap();
    loop {
        let next = read_from(path, all.next()).unwrap();
        if next.bytes.is_empty() {
            return all;
        }
        assert_eq!(next.offset, all.next());
        all.bytes.extend(next.bytes);
    }
}

fn assert_consistent(chunk: &Chunk, end: u64) {
    assert_eq!(chunk.next(), end);
    assert_eq!(chunk.offset % 16, 0);
    for (index, line) in chunk.bytes.chunks(16).enumerate() {
        let number = chunk.offset / 16 + index as u64;
        assert_eq!(line, format!("line {number:010}\n").as_bytes());
    }
}

#[test]
fn a_small_log_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = numbered(directory.path(), 0..100);
    assert_eq!(trim(&path, CAP, 1600).unwrap(), Trimmed::Nothing);
    assert_eq!(
        tail(&path, 2).unwrap().bytes,
        b"line 0000000098\nline 0000000099\n"
    );
    assert_eq!(tail(&path, 1000).unwrap().bytes.len(), 1600);
    assert_eq!(tail(&path, 0).unwrap().bytes, b"");
}

#[test]
fn trimming_keeps_offsets_and_the_last_part() {
    let directory = tempfile::tempdir().unwrap();
    let path = numbered(directory.path(), 0..20_000);
    let size = 20_000 * 16;
    assert_eq!(
        trim(&path, CAP, size).unwrap(),
        Trimmed::UpTo(size / 4096 * 4096)
    );
    let data = path.metadata().unwrap();
    assert_eq!(data.len(), size);
    assert!(
        data.blocks() * 512 <= 8192,
        "{} blocks are left",
        data.blocks()
    );

    let all = everything(&path);
    assert_consistent(&all, size);
    assert!(size - all.offset >= CAP);
    assert_consistent(&tail(&path, 100).unwrap(), size);
    assert_eq!(tail(&path, 100).unwrap().bytes.len(), 1600);
}

#[test]
fn a_log_that_grows_on_is_trimmed_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut size = 0;
    for round in 0..20 {
        let path = numbered(directory.path(), round * 3000..(round + 1) * 3000);
        size += 3000 * 16;
        trim(&path, CAP, size).unwrap();
        assert_consistent(&everything(&path), size);
        let used: u64 = [path.clone(), trim::older(&path)]
            .iter()
            .filter_map(|path| Some(path.metadata().ok()?.blocks() * 512))
            .sum();
        assert!(used <= 2 * CAP + 16384, "{used} bytes are used");
    }
}

#[test]
fn what_is_not_collected_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = numbered(directory.path(), 0..20_000);
    assert_eq!(trim(&path, CAP, 0).unwrap(), Trimmed::Nothing);
    assert_eq!(trim(&path, CAP, 10_000).unwrap(), Trimmed::UpTo(8192));
    assert_eq!(everything(&path).offset, 0);
    assert_eq!(trim(&path, CAP, 12_000).unwrap(), Trimmed::Nothing);
}

#[test]
fn lines_without_an_end_count() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("log");
    std::fs::write(&path, "a\nb\nc").unwrap();
    assert_eq!(tail(&path, 2).unwrap().bytes, b"b\nc");
    std::fs::write(&path, "\n\n\n").unwrap();
    assert_eq!(tail(&path, 2).unwrap().bytes, b"\n\n");
    std::fs::write(&path, "").unwrap();
    assert_eq!(tail(&path, 2).unwrap().bytes, b"");
}

#[test]
fn last_bytes_begin_with_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = numbered(directory.path(), 0..100);
    assert_eq!(
        last_bytes(&path, 40).unwrap(),
        b"line 0000000098\nline 0000000099\n"
    );
    std::fs::write(&path, "x".repeat(100)).unwrap();
    assert_eq!(last_bytes(&path, 40).unwrap().len(), 40);
}

#[test]
fn last_bytes_reach_into_the_part_that_was_trimmed() {
    let directory = tempfile::tempdir().unwrap();
    let path = numbered(directory.path(), 0..16_384);
    let end = std::fs::metadata(&path).unwrap().len();
    if trim(&path, CAP, end).unwrap() == Trimmed::Unsupported {
        return;
    }
    numbered(directory.path(), 16_384..16_385);
    let expected: String = (16_381..16_385)
        .map(|number| format!("line {number:010}\n"))
        .collect();
    assert_eq!(last_bytes(&path, 70).unwrap(), expected.as_bytes());
}
