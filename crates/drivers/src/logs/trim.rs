//! Keeps a growing log within its cap.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Once;

use super::sparse::Sparse;

/// Bytes of a log that are kept beside as many in `<log>.1`, when nobody says otherwise: 64 MiB.
pub const DEFAULT_CAP: u64 = 64 << 20;

const COPY: u64 = 1 << 20;

/// What [`trim`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trimmed {
    /// Nothing: the log is within its cap, or nothing more has been collected.
    Nothing,
    /// The part before this offset was moved to `<log>.1` and its blocks were freed.
    UpTo(u64),
    /// Nothing: the file system cannot free a part of a file. The log keeps growing.
    Unsupported,
}

/// Where the trimmed part of a log is.
pub(super) fn older(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// Frees the oldest part of a log that has outgrown `cap` bytes. Only what has been collected goes: bytes before
/// `collected_up_to`. Of what goes, the last `cap` bytes stay in `<log>.1`. The trial may write at the same time.
///
/// Killed in between, it leaves the log as it was.
///
/// # Errors
/// When a file cannot be read or written. The log is as it was.
pub fn trim(path: &Path, cap: u64, collected_up_to: u64) -> io::Result<Trimmed> {
    let log = Sparse::open(path)?;
    let block = log.file().metadata()?.blksize().max(1);
    let cut = collected_up_to.min(log.len()) / block * block;
    if log.len() - log.start().min(log.len()) <= cap || cut <= log.start() {
        return Ok(Trimmed::Nothing);
    }
    let older = older(path);
    let draft = older.with_extension("tmp");
    let moved = keep(&log, cut.saturating_sub(cap).max(log.start()), cut, &draft)
        .and_then(|()| std::fs::rename(&draft, &older))
        .and_then(|()| punch(&OpenOptions::new().write(true).open(path)?, cut));
    match moved {
        Ok(()) => Ok(Trimmed::UpTo(cut)),
        Err(error) => {
            let _ = std::fs::remove_file(&draft);
            unsupported(error, path)
        }
    }
}

/// Copies a part of the log to the same place in another file.
fn keep(log: &Sparse, from: u64, to: u64, draft: &Path) -> io::Result<()> {
    let file = File::create(draft)?;
    // Fails before anything is copied where holes cannot be made.
    punch(&file, 1)?;
    let mut offset = from;
    while offset < to {
        let bytes = log.read(offset, COPY.min(to - offset))?;
        if bytes.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        file.write_all_at(&bytes, offset)?;
        offset += bytes.len() as u64;
    }
    Ok(())
}

fn unsupported(error: io::Error, path: &Path) -> io::Result<Trimmed> {
    if error.kind() != ErrorKind::Unsupported {
        return Err(error);
    }
    static WARNING: Once = Once::new();
    WARNING.call_once(|| {
        tracing::warn!(log = %path.display(), "this file system cannot free a part of a file; logs of trials grow without bound");
    });
    Ok(Trimmed::Unsupported)
}

/// Frees the blocks before `end` and keeps the file's size.
#[cfg(target_os = "linux")]
fn punch(file: &File, end: u64) -> io::Result<()> {
    use nix::fcntl::{FallocateFlags, fallocate};
    let mode = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    let end = i64::try_from(end).map_err(|_| ErrorKind::InvalidInput)?;
    Ok(fallocate(file, mode, 0, end)?)
}

/// Frees the blocks before `end` and keeps the file's size.
#[cfg(not(target_os = "linux"))]
fn punch(_: &File, _: u64) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}
