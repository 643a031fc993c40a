//! The directory in which `exec` and `watch` meet.
//!
//! | file | who writes it | what it says |
//! | --- | --- | --- |
//! | `running` | `exec` | locked: it runs. The lock goes when `exec` does, however it ends |
//! | `ended` | `exec` | the command has ended, and how: an [`Ended`] |
//! | `stop` | `watch` | the command is to be stopped: a [`Stop`] |
//! | `observations.jsonl` | `watch` | what it has read: see `watch::journal` |
//!
//! Every file is put there in one step. The containers may run as different users, so none needs to write a file of the other.

use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use diwan_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::files;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ended {
    /// Its exit code, if it exited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i32>,
    /// The signal that killed it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signal: Option<i32>,
    /// Whether it was stopped early; then its container succeeds.
    #[serde(default)]
    pub(crate) stopped: bool,
    /// Why it could not be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// When.
    pub(crate) time: Timestamp,
}

impl Ended {
    /// The exit code of the container. A signal is told as shells do: the first process of a container cannot die of one.
    pub(crate) fn exit_code(&self) -> u8 {
        let signal = || self.signal.map(|signal| 128 + signal);
        match self.code.or_else(signal) {
            _ if self.stopped => 0,
            Some(code) => u8::try_from(code & 0xff).unwrap_or(u8::MAX),
            None => 1,
        }
    }
}

/// That a command is to be stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stop {
    /// Seconds between TERM and KILL.
    #[serde(default)]
    grace_seconds: Option<u64>,
    /// Why, for people.
    #[serde(default)]
    pub(crate) reason: String,
}

impl Stop {
    /// When nobody says another: as long as Kubernetes gives a pod.
    const GRACE: u64 = 30;

    pub(crate) fn new(grace_seconds: u64, reason: String) -> Self {
        Self {
            grace_seconds: Some(grace_seconds),
            reason,
        }
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds.unwrap_or(Self::GRACE))
    }
}

/// Where a command is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Not started.
    Waiting,
    /// It runs.
    Running,
    /// It has ended, and how.
    Ended(Ended),
    /// `exec` is gone without a word: killed, with all that it had started.
    Gone,
}

/// The directory.
#[derive(Clone, Debug)]
pub(crate) struct Shared(PathBuf);

impl Shared {
    pub(crate) fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    fn running(&self) -> PathBuf {
        self.0.join("running")
    }

    fn ended(&self) -> PathBuf {
        self.0.join("ended")
    }

    fn stop(&self) -> PathBuf {
        self.0.join("stop")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.0.join("observations.jsonl")
    }

    /// Says that a command runs, until what is returned goes. An earlier end is forgotten: the container was started again.
    pub(crate) fn begin(&self) -> io::Result<File> {
        let held = files::place(&self.running(), |file| {
            file.set_permissions(Permissions::from_mode(0o644))?;
            file.lock()
        })?;
        files::remove(&self.ended())?;
        Ok(held)
    }

    pub(crate) fn end(&self, ended: &Ended) -> io::Result<()> {
        write_json(&self.ended(), ended)
    }

    pub(crate) fn ask_to_stop(&self, stop: &Stop) -> io::Result<()> {
        write_json(&self.stop(), stop)
    }

    /// Whether the command is to be stopped. The file alone says so, whatever is in it.
    pub(crate) fn asked_to_stop(&self) -> Option<Stop> {
        let text = fs::read(self.stop()).ok()?;
        Some(serde_json::from_slice(&text).unwrap_or_else(|_| Stop {
            grace_seconds: None,
            reason: String::new(),
        }))
    }

    pub(crate) fn state(&self) -> State {
        let Ok(running) = File::open(self.running()) else {
            return self.read_ended().map_or(State::Waiting, State::Ended);
        };
        match running.try_lock_shared() {
            Err(TryLockError::WouldBlock) => State::Running,
            // Only after the lock is known to be gone: `exec` writes the end while it has it.
            Ok(()) | Err(TryLockError::Error(_)) => match self.read_ended() {
                Some(ended) => State::Ended(ended),
                None => State::Gone,
            },
        }
    }

    fn read_ended(&self) -> Option<Ended> {
        serde_json::from_slice(&fs::read(self.ended()).ok()?).ok()
    }
}

fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(value)?;
    files::write(path, &mut json.as_slice(), 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: Option<i32>, signal: Option<i32>, stopped: bool) -> Ended {
        Ended {
            code,
            signal,
            stopped,
            error: None,
            time: Timestamp::default(),
        }
    }

    #[test]
    fn codes_are_those_of_a_shell() {
        assert_eq!(ended(Some(3), None, false).exit_code(), 3);
        assert_eq!(ended(None, Some(9), false).exit_code(), 137);
        assert_eq!(ended(None, Some(15), true).exit_code(), 0);
    }

    #[test]
    fn the_lock_tells_who_runs() {
        let directory = tempfile::tempdir().unwrap();
        let shared = Shared::new(directory.path());
        assert_eq!(shared.state(), State::Waiting);
        let held = shared.begin().unwrap();
        assert_eq!(shared.state(), State::Running);
        drop(held);
        assert_eq!(shared.state(), State::Gone);
        let held = shared.begin().unwrap();
        let end = ended(Some(0), None, false);
        shared.end(&end).unwrap();
        drop(held);
        assert_eq!(shared.state(), State::Ended(end));
        let _held = shared.begin().unwrap();
        assert_eq!(shared.state(), State::Running, "started again");
    }

    #[test]
    fn a_stop_file_stops_whatever_is_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let shared = Shared::new(directory.path());
        assert_eq!(shared.asked_to_stop(), None);
        fs::write(directory.path().join("stop"), "").unwrap();
        let grace = shared.asked_to_stop().unwrap().grace();
        assert_eq!(grace, Duration::from_secs(30));
        let stop = Stop::new(2, "acc 0.1 is less than 0.5".to_owned());
        shared.ask_to_stop(&stop).unwrap();
        assert_eq!(shared.asked_to_stop(), Some(stop));
    }
}
