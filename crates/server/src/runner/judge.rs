//! The experiment's stopping rule, which sees all trials while they run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diwan_algorithms::stopping::{Curves, Stopping};
use diwan_algorithms::study::Objective;
use diwan_core::observation::MetricPoint;
use diwan_core::record::{ExperimentRecord, TrialRecord, TrialState};
use diwan_store::{Store, StoreError, TrialQuery, TrialRef};

use crate::suggester::{curve, stopping};

/// Ended trials whose reports are read when a run begins.
const TRIALS: u32 = 1_000;

/// A stopping rule and what it knows.
pub(super) struct Judge {
    stopping: Stopping,
    objective: Objective,
    curves: Mutex<Curves>,
}

impl Judge {
    /// That of an experiment, with what earlier runs have stored of ended trials; none if nothing stops its trials early.
    pub(super) async fn of(
        store: &dyn Store,
        record: &ExperimentRecord,
    ) -> Result<Option<Arc<Self>>, StoreError> {
        let Some(stopping) = stopping(record) else {
            return Ok(None);
        };
        let objective = Objective::from(&record.spec.objective.clone().unwrap_or_default());
        let ended = TrialState::ALL
            .into_iter()
            .filter(|state| !state.is_active());
        let states: Vec<TrialState> = ended
            .filter(|state| stopping.compares_with(*state))
            .collect();
        let mut curves = Curves::default();
        if !states.is_empty() {
            let query = TrialQuery {
                states,
                newest_first: true,
                limit: TRIALS,
                ..TrialQuery::of(record.key())
            };
            for trial in store.trials(&query).await?.iter().rev() {
                let trial_ref = TrialRef::new(record, trial);
                let curve = curve(store, trial_ref, &objective.metric).await?;
                curves.insert(trial.number, trial.state, curve);
            }
        }
        Ok(Some(Arc::new(Self {
            stopping,
            objective,
            curves: Mutex::new(curves),
        })))
    }

    /// A launch of a trial begins, or is found again: its reports follow from the first on.
    pub(super) fn begin(&self, trial: u64) {
        self.lock().begin(trial);
    }

    /// Takes a report of a running trial that was made before this run.
    pub(super) fn see(&self, trial: u64, point: &MetricPoint) {
        if let Some(value) = self.value(point) {
            self.lock().report(trial, point.step, value);
        }
    }

    /// Takes a report of a running trial; why that stops it, if it does.
    pub(super) fn observe(&self, trial: u64, point: &MetricPoint) -> Option<String> {
        let value = self.value(point)?;
        let mut curves = self.lock();
        curves.report(trial, point.step, value);
        self.stopping.judge(&self.objective, &curves, trial)
    }

    /// A trial stands somewhere.
    pub(super) fn settle(&self, trial: &TrialRecord) {
        self.lock().settle(trial.number, trial.state);
    }

    /// The value of a point, if it is one of the objective.
    fn value(&self, point: &MetricPoint) -> Option<f64> {
        point
            .number()
            .filter(|_| point.metric == self.objective.metric)
    }

    fn lock(&self) -> MutexGuard<'_, Curves> {
        self.curves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
