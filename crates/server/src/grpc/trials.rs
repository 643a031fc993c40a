//! Trials by name alone, which is all that Katib's messages have.

use diwan_core::problem::Problem;
use diwan_store::{FoundTrial, Store, TrialRef};
use tonic::{Code, Status};

use super::status;

/// A name of a request.
///
/// # Errors
/// When it is empty.
pub(super) fn given(name: &str) -> Result<&str, Status> {
    if name.is_empty() {
        let problem = Problem::required("trial_name", "must be specified");
        return Err(status::invalid_field(problem));
    }
    Ok(name)
}

/// The trial of a name. Names are unique in a namespace only: of several trials it is the one that is active.
///
/// # Errors
/// When several trials could be meant.
pub(super) async fn find(store: &dyn Store, name: &str) -> Result<Option<FoundTrial>, Status> {
    let mut found = store
        .find_trials(name)
        .await
        .map_err(|error| status::store(&error))?;
    if found.len() > 1 {
        found.sort_by_key(|found| !found.trial.state.is_active());
        if found[1].trial.state.is_active() || !found[0].trial.state.is_active() {
            return Err(ambiguous(name, &found));
        }
    }
    Ok(found.into_iter().next())
}

fn ambiguous(name: &str, found: &[FoundTrial]) -> Status {
    let experiments: Vec<String> = found
        .iter()
        .take(10)
        .map(|found| found.experiment.to_string())
        .collect();
    let message = format!(
        "trial {name:?} exists in several experiments ({}), and the request cannot say which is meant",
        experiments.join(", ")
    );
    status::status(Code::FailedPrecondition, message)
}

/// Where the reports of a trial are, if there is such a trial or somebody has reported for it.
pub(super) async fn find_reports(
    store: &dyn Store,
    name: &str,
) -> Result<Option<TrialRef>, Status> {
    match find(store, name).await? {
        Some(found) => Ok(Some(found.reference())),
        None => {
            let foreign = store.find_foreign_trial(name).await;
            foreign.map_err(|error| status::store(&error))
        }
    }
}
