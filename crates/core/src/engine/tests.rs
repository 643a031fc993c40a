//! Examples of one behaviour each, and properties over random histories: an interpreter that may die between any two of its
//! steps, events out of place, and a model that says the rules a second time over whole histories.

mod examples;
mod model;
mod moves;
mod properties;
mod world;

use super::*;
use crate::record::{ExperimentRecord, OptimizerState, StopCause, TrialState};
use crate::resources::*;
use crate::time::Timestamp;
use world::World;

/// A spec with the budgets that matter here.
fn record(
    parallel: i32,
    max: Option<i32>,
    max_failed: Option<i32>,
    goal: Option<f64>,
    retries: i32,
) -> ExperimentRecord {
    let objective = ObjectiveSpec {
        kind: ObjectiveType::Maximize,
        goal,
        objective_metric_name: "accuracy".into(),
        ..ObjectiveSpec::default()
    };
    let template = TrialTemplate {
        retry_limit: Some(retries),
        ..TrialTemplate::default()
    };
    ExperimentRecord {
        metadata: ObjectMeta {
            name: "tune".into(),
            namespace: "default".into(),
            uid: "u1".into(),
            ..ObjectMeta::default()
        },
        spec: ExperimentSpec {
            objective: Some(objective),
            trial_template: Some(template),
            parallel_trial_count: Some(parallel),
            max_trial_count: max,
            max_failed_trial_count: max_failed,
            ..ExperimentSpec::default()
        },
        progress: crate::record::Progress::default(),
    }
}

fn accuracy(value: &str) -> Observation {
    let text = value.to_owned();
    Observation {
        metrics: vec![Metric {
            name: "accuracy".into(),
            min: text.clone(),
            max: text.clone(),
            latest: text,
        }],
    }
}
