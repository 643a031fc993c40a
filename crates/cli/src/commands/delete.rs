//! `diwan delete EXPERIMENT…`.

use clap::Args;
use diwan_core::record::TrialState;
use diwan_server::runner::{Hold, RunError};

use crate::Exit;
use crate::context::Context;
use crate::failure::Failure;

/// Delete experiments with all their trials, observations and logs
///
/// The experiment must not be running: stop it first.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The experiments
    #[arg(required = true)]
    experiments: Vec<String>,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    for name in &arguments.experiments {
        delete(context, name).await?;
    }
    Ok(Exit::Done)
}

async fn delete(context: &Context, name: &str) -> Result<(), Failure> {
    let found = context.experiment(name).await?.record;
    let key = found.key();
    let hold = Hold::acquire(&context.directory(&found), &key).map_err(RunError::from)?;
    // Another process may have run it until a moment ago.
    let snapshot = context.experiment(name).await?;
    if snapshot
        .active
        .values()
        .any(|trial| trial.state == TrialState::Running)
    {
        let program = context.program();
        return Err(Failure::new(
            Exit::Failed,
            format!("experiment {name} has trials that may still run"),
        )
        .hint(format!("stop them first: {program} stop {name}")));
    }
    context.store.delete(&key).await?;
    hold.remove().map_err(|error| {
        Failure::new(
            Exit::Failed,
            format!("experiment {name} is deleted, but not all of its files"),
        )
        .cause(error)
    })?;
    eprintln!("deleted {name}");
    Ok(())
}
