//! The heir: the parent of a supervisor, and of its trials once it is dead.
//!
//! Only its parent learns a process's exit status. So that it is not lost when something kills the supervisor alone, the
//! supervisor is a child of a process that does nothing else: on Linux that inherits the trials ("child subreaper", prctl(2)),
//! waits for them and records their ends. Should both be killed, trials run on and their ends are lost.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, dup2_stdin, setsid};

use super::launcher::SupervisorCommand;
use super::roster;
use super::status::Claim;
use super::supervise::{REAL_TIME_SIGNAL, supervise};

/// Looks whether a process has ended and leaves it as it is.
const PEEK: WaitPidFlag = WaitPidFlag::WEXITED
    .union(WaitPidFlag::WNOWAIT)
    .union(WaitPidFlag::WNOHANG);

/// Starts `supervisor` with this process's standard input, and stays until it has ended, or else until all its trials have.
/// Meant for a process of its own, in place of [`supervise`]; where the system has no such inheritance, it is that.
///
/// # Errors
/// When the supervisor cannot be started.
pub fn inherit(supervisor: &SupervisorCommand) -> io::Result<()> {
    // Away from Diwan's terminal and its signals. Refused only where that is so already.
    let _ = setsid();
    let Ok(roster) = prepare() else {
        return supervise();
    };
    let child = supervisor.spawn_as_child(roster.try_clone()?)?;
    // Diwan must see the supervisor's end of the socket close, and the supervisor Diwan's.
    dup2_stdin(File::open("/dev/null")?)?;
    let heir = Heir {
        supervisor: Pid::from_raw(i32::try_from(child.id()).unwrap_or_default()),
        roster,
        orphans: None,
    };
    heir.run()
}

fn prepare() -> nix::Result<File> {
    set_child_subreaper(true)?;
    memfd_create("diwan-roster", MFdFlags::MFD_CLOEXEC).map(File::from)
}

struct Heir {
    supervisor: Pid,
    roster: File,
    /// What the dead supervisor has left. None while it lives.
    orphans: Option<HashMap<i32, Claim>>,
}

impl Heir {
    fn run(mut self) -> io::Result<()> {
        loop {
            // Seen before it is reaped: until its end is recorded, others must see that there is somebody who will.
            let seen = waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            self.take_over_if_due()?;
            match seen.map(ended) {
                Ok(Some((pid, 0))) if pid == self.supervisor => return Ok(()),
                Ok(Some((pid, code))) => {
                    self.end(pid, code);
                    reap(Some(pid));
                }
                Err(Errno::EINVAL) => self.end_unnamed(),
                Err(Errno::ECHILD) => return Ok(()),
                Ok(None) | Err(_) => {}
            }
            if self.orphans.as_ref().is_some_and(HashMap::is_empty) {
                return Ok(());
            }
        }
    }

    /// A process has ended by a signal without a name: the one that cannot be looked at for that reason.
    fn end_unnamed(&mut self) {
        let orphans = self.orphans.iter().flat_map(HashMap::keys);
        let mut pids = orphans.map(|pid| Pid::from_raw(*pid));
        let pid = pids.find(|pid| waitid(Id::Pid(*pid), PEEK) == Err(Errno::EINVAL));
        if let Some(pid) = pid {
            self.end(pid, REAL_TIME_SIGNAL);
        }
        reap(pid);
    }

    /// The system hands over the trials and makes the supervisor's death known in one step, so no trial comes before it.
    fn take_over_if_due(&mut self) -> io::Result<()> {
        let is_due = self.orphans.is_none()
            && waitid(Id::Pid(self.supervisor), PEEK).is_ok_and(|status| ended(status).is_some());
        if is_due {
            let known = roster::read(&self.roster)?;
            let claims = known.into_iter().filter_map(|(leader, status)| {
                let claim = Claim::inherit(&status, leader).ok().flatten()?;
                Some((leader.pid, claim))
            });
            self.orphans = Some(claims.collect());
        }
        Ok(())
    }

    /// Records the end of a trial. Other orphans are what trials have left behind, and need nothing.
    fn end(&mut self, pid: Pid, code: i32) {
        let orphan = self
            .orphans
            .as_mut()
            .and_then(|orphans| orphans.remove(&pid.as_raw()));
        if let Some(claim) = orphan {
            // As the supervisor does it.
            let _ = killpg(pid, Signal::SIGTERM);
            let _ = claim.record_exit(code);
        }
    }
}

/// None: whichever has ended first.
fn reap(pid: Option<Pid>) {
    // It has ended: this waits for nothing, and what it says is known.
    let _ = waitpid(pid, None);
}

fn ended(status: WaitStatus) -> Option<(Pid, i32)> {
    match status {
        WaitStatus::Exited(pid, code) => Some((pid, code)),
        WaitStatus::Signaled(pid, signal, _) => Some((pid, 128 + signal as i32)),
        _ => None,
    }
}
