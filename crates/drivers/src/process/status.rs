//! The file that says who runs an attempt and how it ended.
//!
//! `attempt-N.status` in the trial's directory. Whoever creates it owns the attempt; nobody creates it twice. Its lines:
//!
//! - `claimed S`: the supervisor with process id S is about to start the command;
//! - `leader P T M`: it did, M milliseconds after 1970. P leads the launch's process group, T tells it from a later process of
//!   the same id;
//! - `full`: it ended while there was no room for what it writes;
//! - `exit N`: it ended, with an exit code as a shell counts it;
//! - `deadline N`: Diwan ended it after N seconds;
//! - `told`: Diwan was about to send it a TERM;
//! - `called off`: it was stopped before anybody claimed it. `lost`: whoever claimed it went away before it began.
//!
//! A supervisor, or its heir, keeps the file locked until it has recorded the end, so a file that is not locked tells that nobody will.
//! Only lines that end in a newline count. One file for all, because appending to a block that exists works even when the
//! disk is full.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::sys::statvfs::fstatvfs;

#[cfg(target_os = "linux")]
use super::prepare::mark_of;
use crate::clock;
use crate::launch::LaunchId;

/// What a shell reports for a command that SIGTERM ended.
const TERMINATED: i32 = 128 + 15;

/// The process that leads a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leader {
    /// Its id, and that of its group.
    pub(super) pid: i32,
    /// When it started, in the units of the process table; 0 where that cannot be told cheaply.
    pub(super) start: u64,
}

/// What the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// Somebody was about to start it.
    pub(super) claimed: bool,
    /// Who leads it; none before it began.
    pub(super) leader: Option<Leader>,
    /// When it began; none before.
    pub(super) began: Option<SystemTime>,
    /// Exit code, 128 + n for signal n; 0 to 255.
    pub(super) code: Option<i32>,
    /// The deadline that was missed, in seconds.
    pub(super) overdue: Option<u64>,
    /// There was no room on the disk when it ended.
    pub(super) full: bool,
    /// It was told to stop while it ran.
    pub(super) told: bool,
    /// It was stopped before it was claimed.
    pub(super) called_off: bool,
    /// It was claimed and never began.
    pub(super) lost: bool,
}

impl Status {
    /// Where the file is.
    pub(super) fn path(id: &LaunchId) -> PathBuf {
        id.file("status")
    }

    /// What marks the processes of the attempt whose file is at `path`.
    #[cfg(target_os = "linux")]
    pub(super) fn marks(path: &Path) -> Option<[String; 2]> {
        let name = path.file_name()?.to_str()?;
        let number = name.strip_prefix("attempt-")?.strip_suffix(".status")?;
        Some(mark_of(path.parent()?, number.parse().ok()?))
    }

    /// Opens the file for reading and appending; none if there is none.
    pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
        match OpenOptions::new().read(true).append(true).open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the file at `path`; of none, nothing is known.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let file = Self::open(path)?;
        file.map_or(Ok(Self::default()), |file| Self::read(&file))
    }

    /// Reads an open file.
    pub(super) fn read(mut file: &File) -> io::Result<Self> {
        let mut bytes = Vec::new();
        io::Seek::rewind(&mut file)?;
        file.read_to_end(&mut bytes)?;
        Ok(Self::parse(&String::from_utf8_lossy(&bytes)))
    }

    fn parse(text: &str) -> Self {
        let lines = text.split_inclusive('\n');
        let mut status = Self::default();
        for line in lines.filter_map(|line| line.strip_suffix('\n')) {
            status.take(line);
        }
        status
    }

    fn take(&mut self, line: &str) {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("claimed", _) => self.claimed = true,
            ("leader", rest) if self.leader.is_none() => {
                let (leader, began) = rest.rsplit_once(' ').unwrap_or_default();
                self.leader = Leader::parse(leader);
                self.began = moment(began);
            }
            ("exit", code) => self.code = self.code.or(code.parse().ok()),
            // A launch that ended while its deadline was noted has kept it.
            ("deadline", seconds) if self.code.is_none() => self.overdue = seconds.parse().ok(),
            ("full", "") => self.full = true,
            ("told", "") if self.code.is_none() => self.told = true,
            ("called", "off") => self.called_off = true,
            ("lost", "") => self.lost = true,
            _ => {}
        }
    }

    /// Takes an attempt that nobody owns, so that it never runs. False: somebody owns it.
    pub(super) fn call_off(path: &Path) -> io::Result<bool> {
        match OpenOptions::new().append(true).create_new(true).open(path) {
            Ok(mut file) => {
                file.write_all(format!("called off\nexit {TERMINATED}\n").as_bytes())?;
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Notes that the deadline has passed.
    pub(super) fn note_overdue(path: &Path, seconds: u64) -> io::Result<()> {
        append(path, &format!("deadline {seconds}\n"))
    }

    /// Notes that it is told to stop.
    pub(super) fn note_told(path: &Path) -> io::Result<()> {
        append(path, "told\n")
    }

    /// Notes that whoever claimed the attempt is gone and it never began. The caller has locked the file: by its path another
    /// claim's could be met.
    pub(super) fn give_up(mut file: &File) -> io::Result<()> {
        file.write_all(b"lost\n")
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(line.as_bytes())
}

fn moment(millis: &str) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis.parse().ok()?))
}

impl Leader {
    fn parse(text: &str) -> Option<Self> {
        let (pid, start) = text.split_once(' ')?;
        let (pid, start) = (pid.parse().ok()?, start.parse().ok()?);
        // 0, 1 and less mean groups of others, or everybody, to `kill`.
        (pid > 1).then_some(Self { pid, start })
    }
}

/// An attempt that this process owns. Dropping it lets others see that nobody records its end.
#[derive(Debug)]
pub(super) struct Claim(File);

impl Claim {
    /// Takes an attempt. None: somebody else owns it.
    ///
    /// # Errors
    /// When the file cannot be made, locked or written. The attempt is free again then.
    pub(super) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = match OpenOptions::new().append(true).create_new(true).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
            other => other?,
        };
        let claim = Self(file);
        match claim.begin() {
            Ok(owned) => Ok(owned.then_some(claim)),
            Err(error) => {
                claim.release(path);
                Err(error)
            }
        }
    }

    /// False: between the creation and the lock somebody took this for a claim whose owner is gone.
    fn begin(&self) -> io::Result<bool> {
        self.0.lock()?;
        if self.0.metadata()?.len() > 0 {
            return Ok(false);
        }
        self.write(&format!("claimed {}\n", std::process::id()))?;
        Ok(true)
    }

    /// Takes over from a claim's owner that is dead. None: its end is known, or it is somebody else's claim.
    ///
    /// # Errors
    /// When the file cannot be opened, locked or read.
    pub(super) fn inherit(path: &Path, leader: Leader) -> io::Result<Option<Self>> {
        let Some(file) = Status::open(path)? else {
            return Ok(None);
        };
        file.lock()?;
        let status = Status::read(&file)?;
        let claim = Self(file);
        match status.leader {
            _ if status.code.is_some() || status.lost => return Ok(None),
            Some(known) if known != leader => return Ok(None),
            Some(_) => {}
            None => claim.record_leader(leader)?,
        }
        Ok(Some(claim))
    }

    /// Frees an attempt that did not begin.
    pub(super) fn release(self, path: &Path) {
        // If it stays it counts as lost, which is true.
        let _ = std::fs::remove_file(path);
    }

    /// The command runs.
    pub(super) fn record_leader(&self, leader: Leader) -> io::Result<()> {
        let began = clock::now().duration_since(SystemTime::UNIX_EPOCH);
        let began = began.unwrap_or_default().as_millis();
        self.write(&format!("leader {} {} {began}\n", leader.pid, leader.start))
    }

    /// The command has ended, or could not be run.
    pub(super) fn record_exit(&self, code: i32, full: bool) -> io::Result<()> {
        let full = if full { "full\n" } else { "" };
        self.write(&format!("{full}exit {code}\n"))
    }

    /// Whether the disk that it is on has no room for another block.
    pub(super) fn is_disk_full(&self) -> bool {
        fstatvfs(&self.0).is_ok_and(|disk| disk.blocks_available() == 0)
    }

    fn write(&self, line: &str) -> io::Result<()> {
        (&self.0).write_all(line.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> Status {
        Status::read(&Status::open(path).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn only_whole_lines_count() {
        assert_eq!(Status::parse(""), Status::default());
        assert_eq!(Status::parse("leader 12 3"), Status::default());
        let running = Status::parse("claimed 9\nleader 123 77 1000\nexit 1");
        let leader = Leader {
            pid: 123,
            start: 77,
        };
        assert_eq!((running.leader, running.code), (Some(leader), None));
        let began = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        assert_eq!(running.began, Some(began));
        assert_eq!(Status::parse("leader 123 77 0\nexit 1\n").code, Some(1));
        assert_eq!(Status::parse("leader 1 7 0\nleader -1 7 0\n").leader, None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_tells_how_its_attempt_is_marked() {
        let id = LaunchId {
            experiment: diwan_core::record::ExperimentKey::new("default", "tune"),
            trial: "tune-a".to_owned(),
            attempt: 12,
            directory: "/d/tune-a".into(),
        };
        let marks = Status::marks(&Status::path(&id)).unwrap();
        assert_eq!(marks, crate::process::prepare::mark(&id));
        assert_eq!(Status::marks(Path::new("/d/attempt-x.status")), None);
    }

    #[test]
    fn the_first_code_stays() {
        let status = Status::parse("leader 7 0 0\ndeadline 30\nexit 143\nexit 137\n");
        assert_eq!((status.code, status.overdue), (Some(143), Some(30)));
        assert_eq!(Status::parse("exit 0\ndeadline 30\n").overdue, None);
        assert!(Status::parse("leader 7 0 0\ntold\nexit 0\n").told);
        assert!(!Status::parse("leader 7 0 0\nexit 0\ntold\n").told);
    }

    #[test]
    fn an_attempt_is_owned_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status");
        assert!(Status::call_off(&path).unwrap());
        assert!(!Status::call_off(&path).unwrap());
        assert!(Claim::take(&path).unwrap().is_none());
        let status = read(&path);
        assert!(status.called_off);
        assert_eq!(status.code, Some(143));
    }

    #[test]
    fn a_claim_can_be_released_and_is_seen_while_it_lasts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("status");
        let claim = Claim::take(&path).unwrap().unwrap();
        let other = Status::open(&path).unwrap().unwrap();
        assert!(other.try_lock_shared().is_err());
        claim.release(&path);
        assert!(other.try_lock_shared().is_ok());
        let claim = Claim::take(&path).unwrap().unwrap();
        claim.record_exit(3, false).unwrap();
        assert_eq!((read(&path).claimed, read(&path).code), (true, Some(3)));
    }
}
