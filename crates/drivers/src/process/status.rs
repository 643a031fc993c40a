//! The file that says who runs an attempt and how it ended.
//!
//! `status` in the attempt's directory. Whoever creates it owns the attempt; nobody creates it twice. Its first line is the
//! process id of the launch's leader, 0 when the attempt was called off before it began. Later lines are the exit code, as
//! a shell counts it, and `deadline N` when Diwan ended the launch after N seconds. Only lines that end in a newline count.
//! One file for both facts, because appending to a block that exists works even when the disk is full.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::launch::LaunchId;

/// What a shell reports for a command that SIGTERM ended.
const TERMINATED: i32 = 128 + 15;

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// Leader of the process group. None: the file was created and its first line is not there (yet).
    pub(super) leader: Option<i32>,
    /// Exit code, 128 + n for signal n; 0 to 255.
    pub(super) code: Option<i32>,
    /// The deadline that was missed, in seconds.
    pub(super) overdue: Option<u64>,
}

impl Status {
    /// Where the file is.
    pub(super) fn path(id: &LaunchId) -> PathBuf {
        id.attempt_directory().join("status")
    }

    /// Reads the file; none if there is none.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Some(Self::parse(&String::from_utf8_lossy(&bytes)))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn parse(text: &str) -> Self {
        let mut lines = text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'));
        let mut status = Self {
            leader: lines.next().and_then(|line| line.parse().ok()),
            ..Self::default()
        };
        for line in lines {
            match line.strip_prefix("deadline ") {
                // A launch that ended while its deadline was noted has kept it.
                Some(seconds) if status.code.is_none() => status.overdue = seconds.parse().ok(),
                Some(_) => {}
                None => status.code = status.code.or(line.parse().ok()),
            }
        }
        status
    }

    /// Whether the attempt was called off before it began.
    pub(super) fn called_off(&self) -> bool {
        self.leader == Some(0)
    }

    /// When the attempt was claimed. Good while it runs: the end changes the time too.
    pub(super) fn started(path: &Path) -> io::Result<SystemTime> {
        std::fs::metadata(path)?.modified()
    }

    /// Takes an attempt that nobody owns, so that it never runs. False: somebody owns it.
    pub(super) fn call_off(path: &Path) -> io::Result<bool> {
        Self::claim(path, 0, TERMINATED)
    }

    /// Writes down the end of a launch that could not do so itself.
    pub(super) fn settle(path: &Path, leader: i32, code: i32) -> io::Result<()> {
        if Self::claim(path, leader, code)? {
            return Ok(());
        }
        Self::append(path, &code.to_string())
    }

    /// Notes that the deadline has passed.
    pub(super) fn note_overdue(path: &Path, seconds: u64) -> io::Result<()> {
        Self::append(path, &format!("deadline {seconds}"))
    }

    fn claim(path: &Path, leader: i32, code: i32) -> io::Result<bool> {
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(mut file) => file
                .write_all(format!("{leader}\n{code}\n").as_bytes())
                .map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn append(path: &Path, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).open(path)?;
        file.write_all(format!("{line}\n").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_count() {
        assert_eq!(Status::parse(""), Status::default());
        assert_eq!(Status::parse("12"), Status::default());
        assert_eq!(Status::parse("123\n1").leader, Some(123));
        assert_eq!(Status::parse("123\n1").code, None);
        assert_eq!(Status::parse("123\n1\n").code, Some(1));
    }

    #[test]
    fn the_first_code_stays() {
        let status = Status::parse("7\ndeadline 30\n143\n137\n");
        assert_eq!((status.code, status.overdue), (Some(143), Some(30)));
        assert_eq!(Status::parse("7\n0\ndeadline 30\n").overdue, None);
    }

    #[test]
    fn an_attempt_is_claimed_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status");
        assert!(Status::call_off(&path).unwrap());
        assert!(!Status::call_off(&path).unwrap());
        let status = Status::read(&path).unwrap().unwrap();
        assert!(status.called_off());
        assert_eq!(status.code, Some(143));
    }
}
