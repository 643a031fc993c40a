//! `diwan stop`, `pause` and `resume`: what is wanted of an experiment that exists.

use std::time::Duration;

use clap::Args;
use diwan_core::engine::Event;
use diwan_core::record::{ExperimentKey, ExperimentRecord, StopCause, TrialRecord};
use diwan_core::resources::ExperimentSpec;
use diwan_server::edit::change;
use diwan_server::runner::{Control, HoldError, Plans, Report, RunError};
use tokio::sync::watch;

use crate::Exit;
use crate::commands::logs::launch_id;
use crate::commands::run;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Format;
use crate::shell::quoted;
use crate::standing::{can_resume, holder};

/// End an experiment, or one trial, gracefully
///
/// Running trials get TERM and their grace period, then KILL. What they reported is kept.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct StopArguments {
    /// The experiment
    experiment: Option<String>,
    /// Only this trial; the experiment goes on
    #[arg(long)]
    trial: Option<String>,
}

/// Start no new trials; running ones go on
///
/// `diwan resume` goes on.
#[derive(Debug, Args)]
pub(crate) struct PauseArguments {
    /// The experiment
    experiment: String,
}

/// Go on with a paused, stopped or interrupted experiment, here and now
///
/// If another process runs the experiment, that one goes on with it.
#[derive(Debug, Args)]
pub(crate) struct ResumeArguments {
    /// The experiment
    experiment: String,
    /// How the result is printed
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) async fn stop(arguments: &StopArguments, context: &Context) -> Result<Exit, Failure> {
    match (&arguments.experiment, &arguments.trial) {
        (_, Some(trial)) => stop_trial(context, trial).await?,
        (Some(name), None) => stop_experiment(context, name).await?,
        (None, None) => {
            return Err(Failure::usage(
                "name an experiment, or a trial with --trial",
            ));
        }
    }
    Ok(Exit::Done)
}

async fn stop_experiment(context: &Context, name: &str) -> Result<(), Failure> {
    let snapshot = context.experiment(name).await?;
    if snapshot.is_completed() && snapshot.active.is_empty() {
        eprintln!("experiment {name} has ended before");
        return Ok(());
    }
    let key = snapshot.record.key();
    change(&*context.store, &key, |_| vec![Event::StopRequested]).await?;
    settle(context, &key).await?;
    let stopped = context.experiment(name).await?;
    let spent = if can_resume(&stopped) {
        ""
    } else {
        "its budget is spent: raise it in the file, run that, and then "
    };
    let resume = format!("{} resume {}", context.program(), quoted(name));
    eprintln!("stopped experiment {name}; {spent}go on with `{resume}`");
    Ok(())
}

/// Writes down that the trial is to stop. A running process carries it out; without one, the trial that an earlier process
/// left running is stopped here, and the next run finds it ended.
async fn stop_trial(context: &Context, name: &str) -> Result<(), Failure> {
    let (snapshot, trial) = context.trial(name).await?;
    if !trial.state.is_active() {
        tell_ended(&trial);
        return Ok(());
    }
    let key = snapshot.record.key();
    let stopping = Event::Stopping {
        trial: trial.number,
        cause: StopCause::Requested,
    };
    let changed = change(&*context.store, &key, |_| vec![stopping.clone()]).await?;
    if !changed.rejected.is_empty() {
        // It ended between the two looks.
        tell_ended(&context.trial(name).await?.1);
        return Ok(());
    }
    if holder(context, &snapshot.record)?.is_some() {
        eprintln!("stopped trial {name}");
        return Ok(());
    }
    stop_left(context, &snapshot.record, &trial).await?;
    let resume = format!("{} resume {}", context.program(), quoted(&key.name));
    let state = changed.snapshot.active.get(&trial.number);
    match state.map(|trial| trial.state) {
        Some(state) => eprintln!(
            "stopped trial {name}; nobody runs its experiment now, so it is shown as {state:?} until `{resume}`"
        ),
        None => eprintln!("stopped trial {name}"),
    }
    Ok(())
}

fn tell_ended(trial: &TrialRecord) {
    eprintln!("trial {} has ended before: {:?}", trial.name, trial.state);
}

/// Stops what an earlier process left running, as that process would have.
async fn stop_left(
    context: &Context,
    record: &ExperimentRecord,
    trial: &TrialRecord,
) -> Result<(), Failure> {
    let runner = context.runner(record)?;
    let plans = Plans::new(record, &context.directory(record)).map_err(RunError::Template)?;
    let grace = plans.grace(record, trial).unwrap_or(runner.options.grace);
    let id = launch_id(context, record, trial, trial.attempt);
    runner.driver.stop(&id, grace).await.map_err(|error| {
        let failed = format!("trial {} cannot be stopped", trial.name);
        Failure::new(Exit::Failed, failed).cause(error)
    })
}

pub(crate) async fn pause(arguments: &PauseArguments, context: &Context) -> Result<Exit, Failure> {
    let name = &arguments.experiment;
    let key = context.experiment(name).await?.record.key();
    let changed = change(&*context.store, &key, |snapshot| {
        if snapshot.is_completed() {
            return Vec::new();
        }
        let paused = snapshot.record.pause();
        paused.map(edited).into_iter().collect()
    })
    .await?;
    if changed.snapshot.is_completed() {
        let failure = Failure::new(
            Exit::Failed,
            format!("experiment {name} cannot be paused: it has ended"),
        );
        let last = changed.snapshot.record.progress.conditions.last();
        return Err(last
            .map(|last| &last.message)
            .into_iter()
            .fold(failure, Failure::cause));
    }
    let resume = format!("{} resume {}", context.program(), quoted(name));
    eprintln!("paused; go on with `{resume}`");
    Ok(Exit::Done)
}

pub(crate) async fn resume(
    arguments: &ResumeArguments,
    context: &Context,
) -> Result<Exit, Failure> {
    let record = context.experiment(&arguments.experiment).await?.record;
    let key = record.key();
    change(&*context.store, &key, |snapshot| {
        let resumed = snapshot.record.resume();
        let mut events: Vec<Event> = resumed.map(edited).into_iter().collect();
        if snapshot.record.progress.stop_requested {
            events.push(Event::StopWithdrawn);
        }
        events
    })
    .await?;
    if let Some(holder) = holder(context, &record)? {
        eprintln!("{holder} runs the experiment and goes on with it");
        return Ok(Exit::Done);
    }
    run::carry_on(context, &key, arguments.output, arguments.quiet).await
}

fn edited(spec: ExperimentSpec) -> Event {
    Event::Edited(Box::new(spec))
}

/// Waits until the process that runs the experiment has carried out a stop; if there is none, carries it out here, with the
/// trials that an earlier process left running.
async fn settle(context: &Context, key: &ExperimentKey) -> Result<(), Failure> {
    let record = context.experiment(&key.name).await?.record;
    loop {
        let (_control, controls) = watch::channel(Control::Run);
        let (report, _) = watch::channel(Report::default());
        match context.runner(&record)?.run(key, controls, report).await {
            Ok(_) => return Ok(()),
            Err(RunError::Hold(HoldError::Taken { .. })) => {
                tokio::time::sleep(Duration::from_millis(200)).await
            }
            Err(error) => return Err(error.into()),
        }
    }
}
