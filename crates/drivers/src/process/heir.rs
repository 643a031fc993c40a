//! The heir: the parent of a supervisor, and of its trials once it is dead.
//!
//! Only its parent learns a process's exit status. So that it is not lost when something kills the supervisor alone, the
//! supervisor is a child of a process that does nothing else: on Linux that inherits the trials ("child subreaper", prctl(2)),
//! waits for them and records their ends. Should both be killed, trials run on and their ends are lost.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, dup2_stdin, setsid};

use super::children::{self, Child};
use super::launcher::SupervisorCommand;
use super::roster;
use super::status::{Claim, Leader, Status};
use super::supervise::{make_room, supervise};
use super::survey::BIRTH;
use super::table::{self, Table};

/// Looks for a process that was being started.
const LOOKS: u32 = 10;

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
        supervisor: Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?),
        roster,
        orphans: None,
        unplaced: None,
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
    /// The status file of the attempt that was being started then.
    unplaced: Option<PathBuf>,
}

impl Heir {
    fn run(mut self) -> io::Result<()> {
        loop {
            let seen = waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            self.take_over_if_due()?;
            match seen {
                Ok(WaitStatus::Exited(pid, 0)) if pid == self.supervisor => return Ok(()),
                Ok(status) => {
                    if let (Some(pid), Some(code)) = (status.pid(), children::code(status)) {
                        self.end(pid, code);
                    }
                }
                Err(Errno::EINVAL) => self.end_unnamed(),
                Err(Errno::ECHILD) => return Ok(()),
                Err(_) => {}
            }
            let is_done = self.orphans.as_ref().is_some_and(HashMap::is_empty);
            if is_done && self.unplaced.is_none() {
                return Ok(());
            }
        }
    }

    /// The system hands over the trials and makes the supervisor's death known in one step, so no trial comes before it.
    fn take_over_if_due(&mut self) -> io::Result<()> {
        if self.orphans.is_none()
            && matches!(children::look(self.supervisor), Child::Ended(code) if code != 0)
        {
            let entries = roster::read(&self.roster)?;
            make_room(entries.len());
            let open = entries.iter().filter(|entry| entry.leader.is_none());
            let open: Vec<_> = open.map(|entry| entry.status.clone()).collect();
            self.orphans = Some(entries.into_iter().filter_map(adopt).collect());
            self.unplaced = open.into_iter().find(|status| was_starting(status));
        }
        Ok(())
    }

    /// Settles the end of a trial. Other children are what trials have left behind, and need nothing.
    fn end(&mut self, pid: Pid, code: i32) {
        let orphans = self.orphans.as_mut();
        let claim = match orphans.and_then(|orphans| orphans.remove(&pid.as_raw())) {
            None if pid != self.supervisor => self.place(pid),
            known => known,
        };
        match claim {
            Some(claim) => {
                children::settle(pid, &claim, code);
            }
            None => children::reap(pid),
        }
    }

    /// The attempt that the supervisor was starting when it died, if this is its process: it has ended before it could be
    /// told by its environment, and leads a group, as what trials leave behind seldom does.
    fn place(&mut self, pid: Pid) -> Option<Claim> {
        let status = self.unplaced.as_ref()?;
        let leader = table::group_leader(pid.as_raw())?;
        let claim = Claim::inherit(status, leader).ok().flatten();
        self.unplaced = None;
        claim
    }

    /// Some child has ended by a signal without a name, so nothing says which.
    fn end_unnamed(&mut self) {
        let orphans = self.orphans.iter().flat_map(HashMap::keys);
        let known = orphans.copied().chain([self.supervisor.as_raw()]);
        let mut ended = known.filter_map(|pid| match children::look(Pid::from_raw(pid)) {
            Child::Ended(code) => Some((Pid::from_raw(pid), code)),
            Child::Runs | Child::Stranger => None,
        });
        if let Some((pid, code)) = ended.next() {
            return self.end(pid, code);
        }
        // It is nobody's, unless one that is known has ended at this moment.
        if let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG))
            && let (Some(pid), Some(code)) = (status.pid(), children::code(status))
        {
            self.end(pid, code);
        }
    }
}

/// Takes over an attempt, if it is one that this process waits for now and whose end is not recorded.
fn adopt(entry: roster::Entry) -> Option<(i32, Claim)> {
    let leader = entry.leader.or_else(|| just_started(&entry.status))?;
    // Nobody waits for others any more, so nobody must think that somebody does.
    if children::look(Pid::from_raw(leader.pid)) == Child::Stranger {
        return None;
    }
    let claim = Claim::inherit(&entry.status, leader).ok().flatten()?;
    Some((leader.pid, claim))
}

/// Whether an attempt was claimed and nobody knows who leads it.
fn was_starting(path: &Path) -> bool {
    Status::at(path).is_ok_and(|status| {
        status.claimed && status.leader.is_none() && status.code.is_none() && !status.lost
    })
}

/// The leader of an attempt that the supervisor was starting when it died: a process that may not be seen as such yet.
fn just_started(path: &Path) -> Option<Leader> {
    let marks = Status::marks(path).filter(|_| was_starting(path))?;
    (0..LOOKS).find_map(|look| {
        if look > 0 {
            std::thread::sleep(BIRTH / LOOKS);
        }
        Table::read().leader_with(&marks)
    })
}
