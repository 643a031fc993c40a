//! Rows and resources of experiments.

use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialState};
use diwan_core::resources::Experiment;
use diwan_core::view;
use diwan_store::{StoreError, TrialQuery};

use super::{Arguments, Listing, age, chosen};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Rows, short};
use crate::standing::Standing;

const TITLES: [&str; 8] = [
    "name",
    "state",
    "trials",
    "succeeded",
    "failed",
    "running",
    "best",
    "age",
];
const MORE_TITLES: [&str; 6] = [
    "stopped early",
    "killed",
    "metric",
    "algorithm",
    "best trial",
    "reason",
];

pub(super) async fn listing(arguments: &Arguments, context: &Context) -> Result<Listing, Failure> {
    let mut rows = Rows::new(&TITLES);
    let mut wide = Rows::new(&[&TITLES[..], &MORE_TITLES[..]].concat());
    let mut items = Vec::new();
    for record in chosen(&arguments.names, context).await? {
        let best = record
            .best_value()
            .map(|value| value.to_string())
            .unwrap_or_default();
        let standing = Standing::of(context, &record);
        rows.rows.push(row(&record, &standing, short(&best)));
        wide.rows
            .push([row(&record, &standing, best), more(&record, &standing)].concat());
        if arguments.wants_objects() {
            items.push(serde_json::to_value(
                experiment_resource(context, &record.key()).await?,
            )?);
        }
    }
    Ok(Listing { rows, wide, items })
}

fn row(record: &ExperimentRecord, standing: &Standing, best: String) -> Vec<String> {
    let progress = &record.progress;
    let counts = &progress.counts;
    let trials = match record.spec.max_trial_count {
        Some(max) => format!("{}/{max}", counts.finished()),
        None => counts.trials.to_string(),
    };
    vec![
        record.metadata.name.clone(),
        standing.to_string(),
        trials,
        counts.trials_succeeded.to_string(),
        (counts.trials_failed + counts.trial_metrics_unavailable).to_string(),
        counts.trials_running.to_string(),
        best,
        age(progress.start_time),
    ]
}

fn more(record: &ExperimentRecord, standing: &Standing) -> Vec<String> {
    let (spec, progress) = (&record.spec, &record.progress);
    // The last condition is of the time when somebody ran it.
    let reason = progress
        .conditions
        .last()
        .filter(|_| *standing != Standing::Interrupted);
    vec![
        progress.counts.trials_early_stopped.to_string(),
        progress.counts.trials_killed.to_string(),
        spec.objective
            .as_ref()
            .map(|objective| objective.objective_metric_name.clone())
            .unwrap_or_default(),
        spec.algorithm
            .as_ref()
            .map(|algorithm| algorithm.algorithm_name.clone())
            .unwrap_or_default(),
        progress.best.best_trial_name.clone(),
        reason
            .map(|condition| condition.reason.clone())
            .unwrap_or_default(),
    ]
}

/// An experiment of the store as Katib would show it.
pub(crate) async fn experiment_resource(
    context: &Context,
    key: &ExperimentKey,
) -> Result<Experiment, Failure> {
    let missing = || StoreError::NotFound { key: key.clone() };
    let snapshot = context.store.load(key).await?.ok_or_else(missing)?;
    let mut names = view::NamesByState::new();
    for state in TrialState::ALL {
        let query = TrialQuery {
            states: vec![state],
            limit: view::NAMES_CAP,
            newest_first: true,
            ..TrialQuery::of(key.clone())
        };
        let trials = context.store.trials(&query).await?;
        names.insert(
            state,
            trials.into_iter().rev().map(|trial| trial.name).collect(),
        );
    }
    Ok(view::experiment(&snapshot.record, snapshot.version, names))
}
