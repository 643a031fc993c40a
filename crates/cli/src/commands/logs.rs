//! `diwan logs TRIAL`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use diwan_core::record::{ExperimentRecord, TrialRecord};
use diwan_drivers::{LaunchId, logs, trial_directory};

use crate::Exit;
use crate::context::Context;
use crate::failure::Failure;

/// Print what a trial wrote
///
/// Standard output goes to standard output, standard error to standard error.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The trial
    trial: String,
    /// Go on while the trial runs
    #[arg(long, short)]
    follow: bool,
    /// Only the last so many lines of each
    #[arg(long)]
    tail: Option<usize>,
    /// The launch, from 1; by default the last
    #[arg(long)]
    attempt: Option<u32>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let (snapshot, trial) = context.trial(&arguments.trial).await?;
    let id = launch(context, &snapshot.record, &trial, arguments.attempt)?;
    if !id.stdout().exists() {
        return Err(Failure::not_found(format!(
            "attempt {} of trial {} has no logs here",
            id.attempt, trial.name
        ))
        .hint("it may not have started yet, or have run on another machine"));
    }
    let mut streams = [Stream::new(id.stdout()), Stream::new(id.stderr())];
    if let Some(lines) = arguments.tail {
        for stream in &mut streams {
            stream.skip_to_last(lines)?;
        }
    }
    loop {
        let running = context.trial(&arguments.trial).await?.1.state.is_active();
        streams[0].copy(&mut io::stdout().lock())?;
        streams[1].copy(&mut io::stderr().lock())?;
        if !(arguments.follow && running) {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn launch(
    context: &Context,
    record: &ExperimentRecord,
    trial: &TrialRecord,
    attempt: Option<u32>,
) -> Result<LaunchId, Failure> {
    // A trial that waits for its next launch has its newest logs in the one before.
    let waits = trial.state == diwan_core::record::TrialState::Pending && trial.attempt > 1;
    let newest = if waits {
        trial.attempt - 1
    } else {
        trial.attempt
    };
    let attempt = attempt.unwrap_or(newest);
    if attempt == 0 || attempt > trial.attempt {
        return Err(Failure::not_found(format!(
            "trial {} has attempts 1 to {}",
            trial.name, trial.attempt
        )));
    }
    Ok(launch_id(context, record, trial, attempt))
}

/// Where a launch's files are.
pub(crate) fn launch_id(
    context: &Context,
    record: &ExperimentRecord,
    trial: &TrialRecord,
    attempt: u32,
) -> LaunchId {
    LaunchId {
        experiment: record.key(),
        trial: trial.name.clone(),
        attempt,
        directory: trial_directory(&context.directory(record), &trial.name),
    }
}

/// A log file and how far it was printed.
struct Stream {
    path: PathBuf,
    offset: u64,
}

impl Stream {
    fn new(path: PathBuf) -> Self {
        Self { path, offset: 0 }
    }

    fn skip_to_last(&mut self, lines: usize) -> Result<(), Failure> {
        self.offset = logs::tail(&self.path, lines)?.offset;
        Ok(())
    }

    fn copy(&mut self, out: &mut impl io::Write) -> Result<(), Failure> {
        loop {
            let chunk = logs::read_from(&self.path, self.offset)?;
            if chunk.bytes.is_empty() {
                out.flush()?;
                return Ok(());
            }
            out.write_all(&chunk.bytes)?;
            self.offset = chunk.next();
        }
    }
}
