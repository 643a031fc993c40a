//! Which trial is best.

use crate::record::{ExperimentRecord, TrialRecord, TrialState};
use crate::resources::{ObjectiveSpec, ObjectiveType, Observation, OptimalTrial, UNAVAILABLE};

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
    let text = objective.chosen(metric).trim();
    if text.is_empty() || text == UNAVAILABLE {
        return Objective::Missing;
    }
    text.parse().map_or(Objective::Word, Objective::Number)
}

impl ExperimentRecord {
    /// The best trial's objective, when that is a number; always finite.
    #[must_use]
    pub fn best_value(&self) -> Option<f64> {
        let objective = self.spec.objective.as_ref()?;
        match objective_value(objective, Some(&self.progress.best.observation)) {
            Objective::Number(value) => Some(value),
            Objective::Word | Objective::Missing => None,
        }
    }
}

/// Takes a trial that has ended into account. Only a trial that succeeded or was stopped early by a rule can be best, and
/// only with a finite number: an infinity is an overflow, which beats everything and reaches any goal. Words cannot be compared: among them the latest counts as best, as in Katib, and any number beats them.
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
    let best = snapshot.record.best_value();
    let is_better = match objective_value(objective, trial.observation.as_ref()) {
        Objective::Number(value) => {
            value.is_finite() && best.is_none_or(|best| objective.kind.better(value, best))
        }
        Objective::Word => best.is_none(),
        Objective::Missing => false,
    };
    if is_better {
        snapshot.record.progress.best = OptimalTrial {
            best_trial_name: trial.name.clone(),
            parameter_assignments: trial.assignments.clone(),
            observation: trial.observation.clone().unwrap_or_default(),
        };
    }
}

/// Whether the best value is as good as the goal.
pub(super) fn goal_reached(snapshot: &Snapshot) -> bool {
    let Some(objective) = &snapshot.record.spec.objective else {
        return false;
    };
    let (Some(goal), Some(best)) = (objective.goal, snapshot.record.best_value()) else {
        return false;
    };
    match objective.kind {
        ObjectiveType::Maximize => best >= goal,
        ObjectiveType::Minimize | ObjectiveType::Unknown => best <= goal,
    }
}
