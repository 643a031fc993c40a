//! Which trial is best.

use crate::record::{TrialRecord, TrialState};
use crate::resources::{ObjectiveSpec, ObjectiveType, Observation, UNAVAILABLE};

use super::Snapshot;

/// What a trial's objective came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Objective {
    /// A number; may be NaN or infinite.
    Number(f64),
    /// A word, such as DARTS' genotype.
    Word,
    /// Nothing.
    Missing,
}

/// The objective of an observation, by its strategy, falling back to the latest value where there is no smallest or largest.
#[must_use]
pub fn objective_value(objective: &ObjectiveSpec, observation: Option<&Observation>) -> Objective {
    let name = &objective.objective_metric_name;
    let Some(metric) = observation.and_then(|observation| observation.metric(name)) else {
        return Objective::Missing;
    };
    let text = metric.chosen(objective.strategy_of(name)).trim();
    if text.is_empty() || text == UNAVAILABLE {
        return Objective::Missing;
    }
    text.parse().map_or(Objective::Word, Objective::Number)
}

/// Takes a trial that has ended into account. Only a trial that succeeded or was stopped early by a rule can be best, and
/// never with NaN. Words cannot be compared: among them the latest counts as best, as in Katib, and any number beats them.
pub(super) fn consider(snapshot: &mut Snapshot, trial: &TrialRecord) {
    if !matches!(
        trial.state,
        TrialState::Succeeded | TrialState::EarlyStopped
    ) {
        return;
    }
    let Some(objective) = &snapshot.record.spec.objective else {
        return;
    };
    let progress = &mut snapshot.record.progress;
    let value = match objective_value(objective, trial.observation.as_ref()) {
        Objective::Number(value)
            if progress
                .best_value
                .is_none_or(|best| objective.kind.better(value, best))
                && !value.is_nan() =>
        {
            Some(value)
        }
        Objective::Word if progress.best_value.is_none() => None,
        _ => return,
    };
    progress.best_value = value;
    progress.best.best_trial_name.clone_from(&trial.name);
    progress
        .best
        .parameter_assignments
        .clone_from(&trial.assignments);
    progress.best.observation = trial.observation.clone().unwrap_or_default();
}

/// Whether the best value is as good as the goal.
pub(super) fn goal_reached(snapshot: &Snapshot) -> bool {
    let Some(objective) = &snapshot.record.spec.objective else {
        return false;
    };
    let (Some(goal), Some(best)) = (objective.goal, snapshot.record.progress.best_value) else {
        return false;
    };
    match objective.kind {
        ObjectiveType::Maximize => best >= goal,
        ObjectiveType::Minimize | ObjectiveType::Unknown => best <= goal,
    }
}
