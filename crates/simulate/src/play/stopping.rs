//! Stops trials as the service does: the stopping rule sees all trials as they report.

use diwan_algorithms::stopping::{Curves, Stopping};
use diwan_algorithms::study::Objective;
use diwan_core::record::TrialState;

/// Judges the trials that run.
pub(super) struct Judge {
    stopping: Stopping,
    objective: Objective,
    curves: Curves,
}

impl Judge {
    pub(super) fn new(stopping: &Stopping, objective: &Objective) -> Self {
        Self {
            stopping: stopping.clone(),
            objective: objective.clone(),
            curves: Curves::default(),
        }
    }

    /// A trial begins.
    pub(super) fn begin(&mut self, number: u64) {
        self.curves.begin(number);
    }

    /// A trial makes its next report; whether that stops it.
    pub(super) fn stops(&mut self, number: u64, value: f64) -> bool {
        self.curves.report(number, None, value);
        let reason = self.stopping.judge(&self.objective, &self.curves, number);
        reason.is_some()
    }

    /// A trial has ended.
    pub(super) fn end(&mut self, number: u64, state: TrialState) {
        self.curves.settle(number, state);
    }
}
