//! What the heir of a supervisor must know: which process leads which attempt.
//!
//! A page of a file in memory for each trial that runs. Keeping it costs a supervisor two system calls a trial; its heir
//! reads it only if the supervisor dies before its trials. A page says `PID START PATH`, ended by a NUL: the leader, and the
//! attempt's status file; PID is 0 while the trial is being started. A page that is not in use any more tells of an attempt
//! whose end is recorded.

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

    /// Enters an attempt that is about to be started; gives the page it is on.
    pub(super) fn enter(&mut self, status: &Path) -> u64 {
        let page = self.unused.pop().unwrap_or_else(|| {
            self.pages += 1;
            self.pages - 1
        });
        self.write(page, Leader { pid: 0, start: 0 }, status);
        page
    }

    /// Says who leads the attempt on a page.
    pub(super) fn complete(&mut self, page: u64, leader: Leader, status: &Path) {
        self.write(page, leader, status);
    }

    /// What cannot be written, the heir does not know.
    fn write(&mut self, page: u64, leader: Leader, status: &Path) {
        let mut entry = format!("{} {} ", leader.pid, leader.start).into_bytes();
        entry.extend_from_slice(status.as_os_str().as_bytes());
        entry.push(0);
        if entry.len() <= PAGE {
            let _ = self.file.write_all_at(&entry, page * PAGE as u64);
        }
    }

    /// A page whose attempt has ended, and is recorded, may be used again.
    pub(super) fn leave(&mut self, page: u64) {
        self.unused.push(page);
    }
}

/// What a page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// None: the trial was being started.
    pub(super) leader: Option<Leader>,
    /// The attempt's status file.
    pub(super) status: PathBuf,
}

/// All that was ever entered and not overwritten.
pub(super) fn read(file: &File) -> io::Result<Vec<Entry>> {
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

fn entry(page: &[u8]) -> Option<Entry> {
    let end = page.iter().position(|byte| *byte == 0)?;
    let mut fields = page.get(..end)?.splitn(3, |byte| *byte == b' ');
    let mut number = || std::str::from_utf8(fields.next()?).ok();
    let leader = Leader {
        pid: number()?.parse().ok()?,
        start: number()?.parse().ok()?,
    };
    Some(Entry {
        leader: (leader.pid > 1).then_some(leader),
        status: PathBuf::from(OsStr::from_bytes(fields.next()?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_entered_is_read_until_its_page_is_used_again() {
        let file = tempfile::tempfile().unwrap();
        let mut roster = Roster::new(file.try_clone().unwrap());
        assert_eq!(read(&file).unwrap(), []);
        let leader = |pid| Leader { pid, start: 7 };
        let of = |pid: i32, path: &str| Entry {
            leader: (pid > 0).then(|| leader(pid)),
            status: path.into(),
        };
        let mut enter = |pid, path: &str| {
            let page = roster.enter(Path::new(path));
            roster.complete(page, leader(pid), Path::new(path));
            page
        };
        enter(10, "/a b/attempt-1.status");
        let second = enter(11, "/a/long/path/attempt-1.status");
        enter(13, &format!("/{}", "x".repeat(5000)));
        enter(14, "/d");
        roster.leave(second);
        assert_eq!(roster.enter(Path::new("/c")), second);
        let expected = [of(10, "/a b/attempt-1.status"), of(0, "/c"), of(14, "/d")];
        assert_eq!(read(&file).unwrap(), expected);
    }
}
