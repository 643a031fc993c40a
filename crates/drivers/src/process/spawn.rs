//! Starts one trial: claims its attempt, makes its files and its process.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;

use super::protocol::{Doing, Order, Refusal};
use super::status::{Claim, Leader, Status};
use super::table;
use crate::launch::LaunchId;

/// What became of an order.
#[derive(Debug)]
pub(super) enum Spawned {
    /// Somebody else has the attempt.
    Taken,
    /// The command runs; its leader is not recorded yet.
    Running(Leader, Claim),
    /// There is no such command (127), or it cannot be executed (126), as a shell counts. Its stderr tells which and why.
    Failed(i32, Claim),
}

/// Starts an order in a process group of its own. Blocks for as long as the file system does.
///
/// # Errors
/// When the system refuses something. The attempt is free then.
pub(super) fn spawn(order: &Order) -> Result<Spawned, Refusal> {
    let path = Status::path(&order.id);
    make_directories(&order.id)?;
    let claim = Claim::take(&path).map_err(Refusal::new(Doing::Create, &path))?;
    let Some(claim) = claim else {
        return Ok(Spawned::Taken);
    };
    match run(order) {
        Ok(Ran::Running(leader)) => Ok(Spawned::Running(leader, claim)),
        Ok(Ran::Failed(code)) => Ok(Spawned::Failed(code, claim)),
        Err(refusal) => {
            claim.release(&path);
            Err(refusal)
        }
    }
}

enum Ran {
    Running(Leader),
    Failed(i32),
}

fn run(order: &Order) -> Result<Ran, Refusal> {
    let (program, arguments) = order
        .argv
        .split_first()
        .map_or(("", &[][..]), |(program, rest)| (program, rest));
    let stdout = log(&order.id.stdout())?;
    let stderr = log(&order.id.stderr())?;
    let own = order.id.work_directory();
    let before = table::ticks();
    let spawned = Command::new(program)
        .args(arguments)
        .envs(order.env.iter().map(|(name, value)| (name, value)))
        .current_dir(order.working_dir.as_deref().unwrap_or(&own))
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn();
    match spawned {
        Ok(child) => {
            let pid = i32::try_from(child.id()).expect("the system's process ids are of this type");
            Ok(Ran::Running(Leader {
                pid,
                start: table::start_of(pid, before).unwrap_or_default(),
            }))
        }
        Err(error) => match shell_code(&error) {
            Some(code) => {
                // A full disk costs the explanation, not the code.
                let _ = writeln!(
                    log(&order.id.stderr())?,
                    "cannot run {program:?}: {}",
                    explain(&error)
                );
                Ok(Ran::Failed(code))
            }
            None => Err(Refusal::new(Doing::Spawn, Path::new(program))(error)),
        },
    }
}

/// What a shell exits with, if the command itself is to blame.
fn shell_code(error: &io::Error) -> Option<i32> {
    match Errno::from_raw(error.raw_os_error()?) {
        Errno::ENOENT | Errno::ENOTDIR => Some(127),
        Errno::EACCES
        | Errno::EPERM
        | Errno::ENOEXEC
        | Errno::EISDIR
        | Errno::ELOOP
        | Errno::ETXTBSY => Some(126),
        _ => None,
    }
}

fn explain(error: &io::Error) -> String {
    if error.raw_os_error() == Some(Errno::ENOEXEC as i32) {
        return "it is no program of this machine; a script needs a first line such as #!/bin/sh"
            .to_owned();
    }
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
        .desc()
        .to_owned()
}

/// Two system calls for a new trial of an experiment that has one.
fn make_directories(id: &LaunchId) -> Result<(), Refusal> {
    for directory in [&id.directory, &id.work_directory()] {
        create(directory).map_err(Refusal::new(Doing::Create, directory))?;
    }
    Ok(())
}

fn create(directory: &Path) -> io::Result<()> {
    match std::fs::create_dir(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => std::fs::create_dir_all(directory),
        other => other,
    }
}

/// Files, not pipes: they outlive Diwan. Appending keeps writers apart and lets the oldest part be freed.
fn log(path: &Path) -> Result<File, Refusal> {
    let options = OpenOptions::new().append(true).create(true).open(path);
    options.map_err(Refusal::new(Doing::Create, path))
}
