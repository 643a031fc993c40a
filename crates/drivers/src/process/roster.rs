//! What the heir of a supervisor must know: which process leads which attempt.
//!
//! A page of a file in memory for each trial that runs. Keeping it costs a supervisor one system call a trial; its heir reads
//! it only if the supervisor dies before its trials. A page says `PID START PATH`, ended by a NUL: the leader, and the
//! attempt's status file. One that is not in use any more tells of an attempt whose end is recorded.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::status::Leader;

/// No path that the system takes is longer.
const PAGE: usize = 4096;

/// The supervisor's end of it.
#[derive(Debug)]
pub(super) struct Roster {
    file: File,
    unused: Vec<u64>,
    pages: u64,
}

impl Roster {
    /// One that is kept in an empty file, or in a device that forgets it.
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            unused: Vec::new(),
            pages: 0,
        }
    }

    /// Enters a trial that runs; gives the page it is on. What cannot be written, the heir does not know.
    pub(super) fn enter(&mut self, leader: Leader, status: &Path) -> u64 {
        let page = self.unused.pop().unwrap_or_else(|| {
            self.pages += 1;
            self.pages - 1
        });
        let mut entry = format!("{} {} ", leader.pid, leader.start).into_bytes();
        entry.extend_from_slice(status.as_os_str().as_bytes());
        entry.push(0);
        if entry.len() <= PAGE {
            let _ = self.file.write_all_at(&entry, page * PAGE as u64);
        }
        page
    }

    /// A page whose attempt has ended, and is recorded, may be used again.
    pub(super) fn leave(&mut self, page: u64) {
        self.unused.push(page);
    }
}

/// All that was ever entered and not overwritten: leaders, and the status files of their attempts.
pub(super) fn read(file: &File) -> io::Result<Vec<(Leader, PathBuf)>> {
    let mut page = [0; PAGE];
    let mut entries = Vec::new();
    for number in 0.. {
        if file.read_at(&mut page, number * PAGE as u64)? == 0 {
            break;
        }
        entries.extend(entry(&page));
        page.fill(0);
    }
    Ok(entries)
}

fn entry(page: &[u8]) -> Option<(Leader, PathBuf)> {
    let end = page.iter().position(|byte| *byte == 0)?;
    let mut fields = page.get(..end)?.splitn(3, |byte| *byte == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok();
    let leader = Leader {
        pid: number()?.parse().ok()?,
        start: number()?.parse().ok()?,
    };
    Some((leader, PathBuf::from(OsStr::from_bytes(fields.next()?))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_entered_is_read_until_its_page_is_used_again() {
        let file = tempfile::tempfile().unwrap();
        let mut roster = Roster::new(file.try_clone().unwrap());
        assert_eq!(read(&file).unwrap(), []);
        let of = |pid, path: &str| (Leader { pid, start: 7 }, PathBuf::from(path));
        fn enter(roster: &mut Roster, pid: i32, path: &str) -> u64 {
            roster.enter(Leader { pid, start: 7 }, Path::new(path))
        }
        enter(&mut roster, 10, "/a b/attempt-1.status");
        let second = enter(&mut roster, 11, "/a/long/path/attempt-1.status");
        roster.leave(second);
        assert_eq!(enter(&mut roster, 12, "/c"), second);
        enter(&mut roster, 13, &format!("/{}", "x".repeat(5000)));
        enter(&mut roster, 14, "/d");
        let expected = [of(10, "/a b/attempt-1.status"), of(12, "/c"), of(14, "/d")];
        assert_eq!(read(&file).unwrap(), expected);
    }
}
