//! `diwan`: tunes hyperparameters.
//!
//! stdout is data, stderr is talk. Every command returns an [`Exit`] or a [`Failure`]; both are printed here and nowhere else.

mod cli;
mod clock;
mod commands;
mod context;
mod database;
mod environment;
mod failure;
mod output;
mod progress;
mod result;
mod shell;
mod standing;
mod usage;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::failure::Failure;

/// How a command ended; the number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Wrong usage or invalid input.
    Usage = 2,
    /// No such object.
    NotFound = 3,
    /// It did not happen in time.
    TimedOut = 4,
    /// Stopped early by the user or a time budget.
    Stopped = 5,
}

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(failure) => return finish(Err(failure)),
    };
    // A supervisor stays small and starts its own runtime.
    if let Command::Supervise(arguments) = &cli.command {
        return finish(commands::supervise::run(arguments));
    }
    environment::start_log(cli.global.verbose);
    let runtime = match runtime(&cli.command) {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(Failure::from(error))),
    };
    let result = runtime.block_on(commands::dispatch(cli));
    runtime.shutdown_background();
    finish(result)
}

/// One thread for all verbs but `serve`: what a run does between a trial's end and the next one's start is short, and waking
/// another thread for each step of it takes longer than the steps. Optimizers and the database have threads of their own.
fn runtime(command: &Command) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = match command {
        Command::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build()
}

fn finish(result: Result<Exit, Failure>) -> ExitCode {
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            eprint!("{failure}");
            ExitCode::from(failure.exit as u8)
        }
    }
}
