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

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Pid, setsid};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::runtime::Builder;
use tokio::signal::unix::{self, SignalKind};

use super::children::{self, Child, Settled};
use super::protocol::{Frames, Order, Report};
use super::roster::Roster;
use super::spawn::{Spawned, spawn};
use super::status::{Claim, Status};

/// Room for what one read takes.
const CHUNK: usize = 16 * 1024;

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
                _ = self.ended.recv() => self.settle(),
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
            make_room(self.running.len());
            // The heir must know of it from the moment that it exists.
            let status = Status::path(&order.id);
            let page = self.roster.enter(&status);
            let report = match spawn(&order) {
                Ok(Spawned::Taken) => Report::Taken,
                Ok(Spawned::Running(leader, claim)) => {
                    self.roster.complete(page, leader, &status);
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
                Ok(Spawned::Failed(code, claim)) => Report::Ended {
                    code,
                    recorded: claim.record_exit(code, false).is_ok(),
                    full: false,
                },
                Err(refusal) => Report::Refused(refusal),
            };
            if !matches!(report, Report::Started(_)) {
                self.roster.leave(page);
            }
            self.reports.extend(report.encode(number));
        }
    }

    fn settle(&mut self) {
        let ended: Vec<_> = self
            .running
            .keys()
            .filter_map(|pid| match children::look(Pid::from_raw(*pid)) {
                Child::Ended(code) => Some((*pid, code)),
                Child::Runs | Child::Stranger => None,
            })
            .collect();
        for (pid, code) in ended {
            let Some(running) = self.running.remove(&pid) else {
                continue;
            };
            let Settled { recorded, full } =
                children::settle(Pid::from_raw(pid), &running.claim, code);
            let report = Report::Ended {
                code,
                recorded,
                full,
            };
            self.roster.leave(running.page);
            self.reports.extend(report.encode(running.order));
        }
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

/// Sees to it that one more file can be open beside the status files of so many trials. Trials inherit the limit, so it is left
/// alone as long as it is enough.
pub(super) fn make_room(trials: usize) {
    /// What one start and the supervisor itself need.
    const OTHERS: u64 = 64;
    let wanted = trials as u64 + OTHERS;
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < wanted
    {
        // Refused, the next start says what is missing.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(2 * wanted), hard);
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
