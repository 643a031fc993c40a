//! One trial, as it is reported and as an algorithm sees it.

use std::collections::BTreeMap;

use diwan_core::record::{TrialRecord, TrialState};
use diwan_core::resources::ParameterAssignment;

use super::Objective;
use crate::space::Point;
use crate::stopping::Curve;

/// A trial as it is reported to a study: assignments are text, and any program may have made it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which of the experiment's trials it is, if it is one.
    pub number: Option<u64>,
    /// Its name, unique in the experiment; may be empty.
    pub name: String,
    /// Its parameters, in any order.
    pub assignments: Vec<ParameterAssignment>,
    /// Where it stands.
    pub state: TrialState,
    /// What it reached so far, by the objective's strategy.
    pub value: Option<f64>,
    /// What it has reported on the way. It may be thinned, and be empty for an algorithm that does not ask for it (see
    /// [`Algorithm::needs_curves`](crate::algorithm::Algorithm::needs_curves)) or a trial that has not ended.
    pub curve: Curve,
    /// What the algorithm wrote on it.
    pub labels: BTreeMap<String, String>,
}

/// A trial as an algorithm sees it.
#[derive(Clone, Debug)]
pub struct StudyTrial {
    /// Which suggestion it was; `None`: it was not suggested by this study's algorithm.
    pub number: Option<u64>,
    /// Its name; may be empty.
    pub name: String,
    /// Its parameters.
    pub point: Point,
    /// Where it stands.
    pub state: TrialState,
    /// What it reached so far; may be NaN or infinite. [`StudyTrial::outcome`] says what that means.
    pub value: Option<f64>,
    /// What it has reported on the way, as in [`Report::curve`], but of at most 1,000 values.
    pub curve: Curve,
    /// What the algorithm wrote on it.
    pub labels: BTreeMap<String, String>,
}

/// Values of a trial's curve that a study keeps.
const VALUES: usize = 1_000;

/// What a trial tells about its point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// Nothing yet: it has not ended.
    Pending,
    /// A finite result, of a trial that succeeded or was stopped early by a rule.
    Observed(f64),
    /// That it does not work: it failed, or ended without a finite result.
    Failed,
    /// Nothing, ever: it was stopped from outside.
    Dropped,
}

// === impl Report ===

impl Report {
    /// A trial of these assignments in a state, and nothing else known of it.
    #[must_use]
    pub fn new(assignments: Vec<ParameterAssignment>, state: TrialState) -> Self {
        Self {
            number: None,
            name: String::new(),
            assignments,
            state,
            value: None,
            curve: Curve::default(),
            labels: BTreeMap::new(),
        }
    }

    /// A trial as it is kept in the store.
    #[must_use]
    pub fn of(record: &TrialRecord, objective: &Objective) -> Self {
        let metric = record
            .observation
            .as_ref()
            .and_then(|observation| observation.metric(&objective.metric));
        let text = metric.map(|metric| metric.chosen(objective.strategy));
        Self {
            number: Some(record.number),
            name: record.name.clone(),
            value: text.and_then(|text| text.trim().parse().ok()),
            labels: record.labels.clone(),
            ..Self::new(record.assignments.clone(), record.state)
        }
    }
}

// === impl StudyTrial ===

impl StudyTrial {
    pub(super) fn new(report: Report, point: Point) -> Self {
        let Report {
            number,
            name,
            assignments: _,
            state,
            value,
            mut curve,
            labels,
        } = report;
        curve.thin(VALUES);
        Self {
            number,
            name,
            point,
            state,
            value,
            curve,
            labels,
        }
    }

    pub(super) fn update(&mut self, state: TrialState, value: Option<f64>, mut curve: Curve) {
        curve.thin(VALUES);
        (self.state, self.value, self.curve) = (state, value, curve);
    }

    /// What this trial tells about its point.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.state {
            TrialState::Pending | TrialState::Running => Outcome::Pending,
            TrialState::Killed => Outcome::Dropped,
            TrialState::Failed | TrialState::MetricsUnavailable => Outcome::Failed,
            TrialState::Succeeded | TrialState::EarlyStopped => match self.value {
                Some(value) if value.is_finite() => Outcome::Observed(value),
                _ => Outcome::Failed,
            },
        }
    }
}
