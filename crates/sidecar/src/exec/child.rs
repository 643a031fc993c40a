//! The command's process, and those that it leaves behind.

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal};
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdout, Command, Stdio};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Code(i32),
    Signal(i32),
}

/// Why a command does not run.
pub(super) struct NotStarted {
    /// As a shell has it: 127 if it is not there, 126 if it cannot be run.
    pub(super) code: i32,
    pub(super) message: String,
}

/// The command, while it runs and after.
pub(super) struct Child {
    id: Pid,
    /// Whether it leads a process group of its own.
    leads: bool,
    exit: Option<Exit>,
}

/// What it prints.
pub(super) struct Outputs {
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

pub(super) fn start(words: &[OsString]) -> Result<(Child, Outputs), NotStarted> {
    // Orphans come to the first process of a container by themselves; where the pod's processes share one, it would be another.
    let _ = prctl::set_child_subreaper(true);
    let (program, arguments) = words.split_first().ok_or_else(|| NotStarted {
        code: 127,
        message: "no command is given".to_owned(),
    })?;
    // A terminal belongs to one group of processes.
    let leads = !std::io::stdin().is_terminal();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if leads {
        command.process_group(0);
    }
    let refused = |why: String, code| NotStarted {
        code,
        message: format!("the command {program:?} cannot be started: {why}"),
    };
    let mut child = command.spawn().map_err(|error| match error.kind() {
        ErrorKind::NotFound => refused(
            "there is no such program in the image, or what its first line names is missing".into(),
            127,
        ),
        _ => refused(error.to_string(), 126),
    })?;
    let id = i32::try_from(child.id()).map(Pid::from_raw);
    match (child.stdout.take(), child.stderr.take(), id) {
        (Some(stdout), Some(stderr), Ok(id)) => {
            let exit = None;
            Ok((Child { id, leads, exit }, Outputs { stdout, stderr }))
        }
        _ => Err(refused("it has no output".into(), 126)),
    }
}

impl Child {
    pub(super) fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Takes note of all processes that have ended: the command, and orphans that nobody else waits for.
    pub(super) fn reap(&mut self) {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(id, code)) if id == self.id => {
                    self.exit = Some(Exit::Code(code));
                }
                Ok(WaitStatus::Signaled(id, signal, _)) if id == self.id => {
                    self.exit = Some(Exit::Signal(signal as i32));
                }
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    }

    /// Passes a signal on to the command alone, which is whom it was sent to.
    pub(super) fn signal(&self, signal: Signal) {
        if self.exit.is_none() {
            // It may have ended by now.
            let _ = kill(self.id, signal);
        }
    }

    /// Asks the command and what it has started to end. A shell, for one, tells nobody that it was asked.
    pub(super) fn terminate_all(&self) {
        self.signal_all(Signal::SIGTERM);
    }

    pub(super) fn kill_all(&self) {
        self.signal_all(Signal::SIGKILL);
    }

    /// Whether something that it has started is left of its group.
    pub(super) fn has_others(&self) -> bool {
        self.leads && killpg(self.id, None).is_ok()
    }

    fn signal_all(&self, signal: Signal) {
        if self.leads {
            let _ = killpg(self.id, signal);
        } else {
            self.signal(signal);
        }
    }
}
