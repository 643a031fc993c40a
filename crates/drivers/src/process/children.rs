//! Ends of children, seen before they are reaped.
//!
//! Whoever waits for a trial records its end first and reaps it then: if it is killed in between, the next one to wait finds
//! the end as it was.

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
#[cfg(target_os = "linux")]
use nix::sys::wait::{Id, waitid};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::status::Claim;

/// The exit code of a command that a real-time signal ended: the system call's wrapper does not tell which.
const REAL_TIME_SIGNAL: i32 = 128 + 34;

/// Where a child stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Child {
    /// It runs.
    Runs,
    /// It has ended, with an exit code as a shell counts, and is not reaped.
    Ended(i32),
    /// It is no child of this process, or not any more.
    Stranger,
}

/// Looks at a child. It is left as it is, or reaped where nothing lets it stay so.
pub(super) fn look(pid: Pid) -> Child {
    match peek(pid) {
        Ok(status) => code(status).map_or(Child::Runs, Child::Ended),
        Err(Errno::EINVAL) => Child::Ended(REAL_TIME_SIGNAL),
        Err(Errno::EINTR) => Child::Runs,
        Err(_) => Child::Stranger,
    }
}

#[cfg(target_os = "linux")]
fn peek(pid: Pid) -> nix::Result<WaitStatus> {
    const PEEK: WaitPidFlag = WaitPidFlag::WEXITED
        .union(WaitPidFlag::WNOWAIT)
        .union(WaitPidFlag::WNOHANG);
    waitid(Id::Pid(pid), PEEK)
}

#[cfg(not(target_os = "linux"))]
fn peek(pid: Pid) -> nix::Result<WaitStatus> {
    waitpid(pid, Some(WaitPidFlag::WNOHANG))
}

/// What a status says of an end.
pub(super) fn code(status: WaitStatus) -> Option<i32> {
    match status {
        WaitStatus::Exited(_, code) => Some(code),
        WaitStatus::Signaled(_, signal, _) => Some(128 + signal as i32),
        _ => None,
    }
}

/// How the end of a trial was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// Its end is in its status file.
    pub(super) recorded: bool,
    /// The disk of that file was full.
    pub(super) full: bool,
}

/// Settles the end of a trial: what it left in its group is told to end, which Diwan sees to, its end is recorded, and it is
/// reaped.
pub(super) fn settle(leader: Pid, claim: &Claim, code: i32) -> Settled {
    // Mostly there is nothing. The group is the trial's as long as its leader is not reaped.
    let _ = killpg(leader, Signal::SIGTERM);
    let full = claim.is_disk_full();
    let recorded = claim.record_exit(code, full).is_ok();
    reap(leader);
    Settled { recorded, full }
}

/// Reaps a child that has ended.
pub(super) fn reap(pid: Pid) {
    // It waits for nothing, and what it says is known.
    let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
}
