//! `diwan delete EXPERIMENT…`.

use std::io;

use clap::Args;
use diwan_server::runner::{Hold, HoldError, RunError, experiment_directory};

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
    let snapshot = context.experiment(name).await?;
    let key = snapshot.record.key();
    let program = context.program();
    let hold = match Hold::acquire(&context.work_directory(&snapshot.record), &key) {
        Ok(hold) => hold,
        Err(error @ HoldError::Taken { .. }) => {
            return Err(Failure::from(RunError::from(error)));
        }
        Err(error) => return Err(RunError::from(error).into()),
    };
    if snapshot
        .active
        .values()
        .any(|trial| trial.state == diwan_core::record::TrialState::Running)
    {
        return Err(Failure::new(
            Exit::Failed,
            format!("experiment {name} has trials that may still run"),
        )
        .hint(format!("stop them first: {program} stop {name}")));
    }
    context.store.delete(&key).await?;
    let directory = experiment_directory(&context.work_directory(&snapshot.record), &key);
    match std::fs::remove_dir_all(&directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Failure::new(
                Exit::Failed,
                format!("{} cannot be removed", directory.display()),
            )
            .cause(error));
        }
        _ => {}
    }
    drop(hold);
    eprintln!("deleted {name}");
    Ok(())
}
