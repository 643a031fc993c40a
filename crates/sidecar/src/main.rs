//! `diwan-collect`: what runs in a trial's pod.
//!
//! `copy` brings this program into a volume of the pod, `exec` starts the trial's command there, and `watch` reads what the
//! trial writes and reports it. `exec` and `watch` are in two containers, which share a directory and nothing else: see
//! [`shared`].

mod cli;
mod clock;
mod copy;
mod exec;
mod files;
mod shared;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// Wrong usage or an invalid configuration.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Copy { directory } => copy::run(&directory),
        Command::Exec(arguments) => exec::run(&arguments),
        Command::Watch(arguments) => watch::run(&arguments),
    };
    done.map_or_else(
        |failure| {
            say(&failure.message);
            ExitCode::from(failure.exit)
        },
        ExitCode::from,
    )
}

/// Why nothing could be done.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: USAGE,
            message: message.into(),
        }
    }

    pub(crate) fn system(message: impl Into<String>) -> Self {
        Self {
            exit: 1,
            message: message.into(),
        }
    }
}

/// Says something to whoever reads the container's log. That nobody can is no reason to fail.
pub(crate) fn say(message: &str) {
    use std::io::Write;
    // One write, so that what the trial prints meanwhile does not come between.
    let line = format!("diwan-collect: {message}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}
