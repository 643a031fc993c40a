//! The supervisor: a small process that starts trials, waits for them and records their ends, so that these survive a
//! Diwan that is killed.
//!
//! It has one connection, its standard input, a socket. When the other end goes away it stays until its last trial has
//! ended and is recorded.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, setsid};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::runtime::Builder;
use tokio::signal::unix::{self, SignalKind};

use super::protocol::{Frames, Order, Report};
use super::roster::Roster;
use super::spawn::{Spawned, spawn};
use super::status::{Claim, Status};

/// Room for what one read takes.
const CHUNK: usize = 16 * 1024;
/// The exit code of a command that a real-time signal ended: which one is not told.
pub(super) const REAL_TIME_SIGNAL: i32 = 128 + 34;

/// Runs the supervisor until its Diwan and all its trials are gone. Meant for a process of its own, with a socket as
/// standard input, as [`ProcessDriver`](super::ProcessDriver) starts it, and as standard output the null device or what its
/// [heir](super::inherit) gives it.
///
/// # Errors
/// When the socket is none, or the system refuses what the supervisor needs before it takes any order.
pub fn supervise() -> io::Result<()> {
    // Away from Diwan's terminal and its signals. Refused only where that is so already.
    let _ = setsid();
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let socket = net::UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        socket.set_nonblocking(true)?;
        let roster = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let supervisor = Supervisor {
            diwan: Some(UnixStream::from_std(socket)?),
            ended: unix::signal(SignalKind::child())?,
            frames: Frames::default(),
            reports: Vec::new(),
            running: HashMap::new(),
            roster: Roster::new(roster),
        };
        supervisor.run().await
    })
}

/// Nobody inherits trials on this system: a supervisor alone.
///
/// # Errors
/// As [`supervise`].
#[cfg(not(target_os = "linux"))]
pub fn inherit(_: &super::SupervisorCommand) -> io::Result<()> {
    supervise()
}

struct Supervisor {
    /// None once the other end is gone.
    diwan: Option<UnixStream>,
    ended: unix::Signal,
    frames: Frames,
    /// Not yet sent.
    reports: Vec<u8>,
    running: HashMap<i32, Running>,
    roster: Roster,
}

/// A trial of this supervisor.
struct Running {
    order: u64,
    claim: Claim,
    /// In the roster.
    page: u64,
}

impl Supervisor {
    async fn run(mut self) -> io::Result<()> {
        while self.diwan.is_some() || !self.running.is_empty() {
            tokio::select! {
                _ = self.ended.recv() => self.reap(),
                () = ready(self.diwan.as_ref(), !self.reports.is_empty()) => self.receive(),
            }
            self.send();
        }
        Ok(())
    }

    fn receive(&mut self) {
        let mut chunk = [0; CHUNK];
        let Some(diwan) = &self.diwan else { return };
        match diwan.try_read(&mut chunk) {
            Ok(0) => self.diwan = None,
            Ok(read) => {
                self.frames.push(&chunk[..read]);
                self.carry_out();
            }
            Err(error) if is_passing(&error) => {}
            Err(_) => self.diwan = None,
        }
    }

    fn carry_out(&mut self) {
        while let Some(frame) = self.frames.next() {
            let Some((number, order)) = Order::decode(frame) else {
                continue;
            };
            let report = match spawn(&order) {
                Ok(Spawned::Taken) => Report::Taken,
                Ok(Spawned::Running(leader, claim)) => {
                    let page = self.roster.enter(leader, &Status::path(&order.id));
                    // The claim's block is there; should this fail all the same, the lock still tells that it runs.
                    let _ = claim.record_leader(leader);
                    let running = Running {
                        order: number,
                        claim,
                        page,
                    };
                    self.running.insert(leader.pid, running);
                    Report::Started(leader)
                }
                Ok(Spawned::Failed(code, claim)) => ended(&claim, code),
                Err(refusal) => Report::Refused(refusal),
            };
            self.reports.extend(report.encode(number));
        }
    }

    fn reap(&mut self) {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => self.end(pid, code),
                Ok(WaitStatus::Signaled(pid, signal, _)) => self.end(pid, 128 + signal as i32),
                Err(Errno::EINVAL) => self.end_unnamed(),
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(_) | Err(_) => {}
            }
        }
    }

    /// The one that is gone has ended by a signal without a name, and the system call's wrapper tells no more.
    fn end_unnamed(&mut self) {
        let mut pids = self.running.keys().map(|pid| Pid::from_raw(*pid));
        if let Some(pid) = pids.find(|pid| kill(*pid, None) == Err(Errno::ESRCH)) {
            self.end(pid, REAL_TIME_SIGNAL);
        }
    }

    /// What the command left behind is told to end; Diwan, or the next one, sees to it that it does.
    fn end(&mut self, pid: Pid, code: i32) {
        let Some(running) = self.running.remove(&pid.as_raw()) else {
            return;
        };
        // Mostly there is nothing.
        let _ = killpg(pid, Signal::SIGTERM);
        let report = ended(&running.claim, code);
        self.roster.leave(running.page);
        self.reports.extend(report.encode(running.order));
    }

    fn send(&mut self) {
        let Some(diwan) = &self.diwan else {
            self.reports.clear();
            return;
        };
        while !self.reports.is_empty() {
            match diwan.try_write(&self.reports) {
                Ok(written) => drop(self.reports.drain(..written)),
                Err(error) if is_passing(&error) => return,
                Err(_) => return self.reports.clear(),
            }
        }
    }
}

fn ended(claim: &Claim, code: i32) -> Report {
    Report::Ended {
        code,
        recorded: claim.record_exit(code).is_ok(),
    }
}

/// Waits until there is something to read, or room to write into if that is wanted.
async fn ready(diwan: Option<&UnixStream>, write: bool) {
    let interest = if write {
        Interest::READABLE | Interest::WRITABLE
    } else {
        Interest::READABLE
    };
    match diwan {
        // An error shows again at the read.
        Some(diwan) => drop(diwan.ready(interest).await),
        None => std::future::pending().await,
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
