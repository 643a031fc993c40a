//! Makes an order of a plan: absolute paths, the command and its variables.

use std::path::{Path, PathBuf};

use super::blocking;
use super::protocol::Order;
use crate::driver::{DriverError, TrialPlan};
use crate::launch::{LaunchId, work_directory};
use crate::podspec::{PodCommand, Scope};

/// The entries in a launch's environment that tell its processes from all others.
pub(super) fn mark(id: &LaunchId) -> [String; 2] {
    mark_of(&id.directory, id.attempt)
}

/// The same of an attempt of the trial in a directory.
pub(super) fn mark_of(directory: &Path, attempt: u32) -> [String; 2] {
    [
        format!("DIWAN_TRIAL_DIR={}", work_directory(directory).display()),
        format!("DIWAN_ATTEMPT={attempt}"),
    ]
}

/// A plan's source directory, absolute.
pub(super) fn absolute_source(plan: &TrialPlan) -> Result<Option<PathBuf>, DriverError> {
    plan.source_directory
        .as_deref()
        .map(absolute_path)
        .transpose()
}

/// A launch's name as this machine can take it: absolute, so that the working directory of neither program matters.
pub(super) fn absolute_id(id: &LaunchId) -> Result<LaunchId, DriverError> {
    Ok(LaunchId {
        directory: absolute_path(&id.directory)?,
        ..id.clone()
    })
}

fn absolute_path(path: &Path) -> Result<PathBuf, DriverError> {
    std::path::absolute(path).map_err(DriverError::io("resolve", path))
}

/// Whether a plan could be launched, without launching it.
pub(super) fn check(plan: &TrialPlan) -> Result<(), DriverError> {
    let id = absolute_id(&plan.id())?;
    let source = absolute_source(plan)?;
    let command = command(plan, &id, source.as_deref())?;
    match command.working_dir {
        None => Ok(()),
        Some(given) => working_dir(&given, source.as_deref()).map(drop),
    }
}

/// What the plan's primary container runs, with Diwan's variables in its environment. `id` and `source` are the plan's, absolute.
pub(super) fn command(
    plan: &TrialPlan,
    id: &LaunchId,
    source: Option<&Path>,
) -> Result<PodCommand, DriverError> {
    let env = variables(id, source)?;
    let scope = Scope {
        trial: &plan.trial,
        namespace: &plan.experiment.namespace,
        env: &env,
    };
    Ok(PodCommand::find(
        &plan.manifest,
        &plan.primary_container,
        &scope,
    )?)
}

fn variables(id: &LaunchId, source: Option<&Path>) -> Result<Vec<(String, String)>, DriverError> {
    let mut variables = vec![
        ("KATIB_TRIAL_NAME".to_owned(), id.trial.clone()),
        ("DIWAN_TRIAL_NAME".to_owned(), id.trial.clone()),
        ("DIWAN_TRIAL_DIR".to_owned(), utf8(&id.work_directory())?),
        ("DIWAN_ATTEMPT".to_owned(), id.attempt.to_string()),
    ];
    if let Some(source) = source {
        variables.push(("DIWAN_SOURCE_DIR".to_owned(), utf8(source)?));
    }
    Ok(variables)
}

fn utf8(path: &Path) -> Result<String, DriverError> {
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| DriverError::Path(path.to_owned()))
}

/// The order for a launch. Looks at the file system only when the container names a working directory.
pub(super) async fn order(
    id: LaunchId,
    source: Option<PathBuf>,
    command: PodCommand,
) -> Result<Order, DriverError> {
    let working_dir = match command.working_dir {
        None => None,
        Some(given) => Some(blocking(move || working_dir(&given, source.as_deref())).await?),
    };
    Ok(Order {
        id,
        working_dir,
        argv: command.argv,
        env: command.env,
    })
}

fn working_dir(given: &str, source: Option<&Path>) -> Result<PathBuf, DriverError> {
    let problem = |problem: String| DriverError::WorkingDir {
        given: given.to_owned(),
        problem,
    };
    let path = match source {
        _ if Path::new(given).is_absolute() => PathBuf::from(given),
        Some(source) => source.join(given),
        None => {
            return Err(problem(
                "is relative, and the experiment did not come from a file; give an absolute path"
                    .to_owned(),
            ));
        }
    };
    if path.is_dir() {
        return Ok(path);
    }
    Err(problem(format!(
        "{} is not a directory of this machine; leave workingDir out to use the trial's own, or name one relative to \
         the experiment's file",
        path.display()
    )))
}
