//! The stopping rules that the next trials of stored experiments get, whoever suggests their points: they need no search
//! space, only the objective and its history.

use std::sync::Arc;

use diwan_algorithms::registry;
use diwan_algorithms::settings::Settings;
use diwan_algorithms::stopping::{Curve, Curves, Stopping};
use diwan_algorithms::study::Objective;
use diwan_core::engine::Snapshot;
use diwan_core::record::{ExperimentRecord, TrialRecord};
use diwan_core::resources::{EarlyStoppingRule, EarlyStoppingSpec};
use diwan_store::{FoundTrial, ObservationQuery, Store, StoreError};

use super::changes::Changes;
use super::local::{broke_down, failed, refused, study_spec};
use super::warm::Warm;
use super::{SuggestError, Suggestions};
use crate::grpc::reports;

/// Makes the rules, by the stopping rules of this program.
pub(super) struct Rules {
    store: Arc<dyn Store>,
    warm: Warm<Seen>,
}

/// What an experiment's trials have reported that have ended.
#[derive(Default)]
struct Seen {
    changes: Changes,
    curves: Curves,
}

impl Rules {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            warm: Warm::default(),
        }
    }

    /// Whether the experiment's stopping rule can work.
    pub(super) fn validate(experiment: &ExperimentRecord) -> Result<(), SuggestError> {
        let named = experiment.spec.early_stopping.as_ref();
        named.map_or(Ok(()), |named| admit(named).map(drop))
    }

    /// The rules for trials that are made now.
    pub(super) async fn now(
        &self,
        snapshot: &Snapshot,
    ) -> Result<Vec<EarlyStoppingRule>, SuggestError> {
        let record = &snapshot.record;
        let Some(named) = &record.spec.early_stopping else {
            return Ok(Vec::new());
        };
        let stopping = admit(named)?;
        let objective = Objective::from(&record.spec.objective.clone().unwrap_or_default());
        let slot = self.warm.slot(&record.metadata.uid);
        let mut warm = slot.lock().await;
        let mut seen = warm.take().unwrap_or_default();
        self.bring_up_to_date(&mut seen, record, &objective.metric, &stopping)
            .await
            .map_err(failed)?;
        let work = move || (stopping.rules(&objective, &seen.curves), seen);
        let done = tokio::task::spawn_blocking(work).await;
        let (rules, seen) = done.map_err(broke_down)?;
        *warm = Some(seen);
        Ok(rules)
    }

    async fn bring_up_to_date(
        &self,
        seen: &mut Seen,
        record: &ExperimentRecord,
        metric: &str,
        stopping: &Stopping,
    ) -> Result<(), StoreError> {
        let count = stopping.values_needed();
        if count == 0 {
            return Ok(());
        }
        let (store, key) = (&*self.store, record.key());
        let mut trials = seen.changes.of_active(store, &key).await?;
        loop {
            for trial in trials {
                if !trial.state.is_active() && stopping.compares_with(trial.state) {
                    let (number, state) = (trial.number, trial.state);
                    let curve = self.curve(record, trial, metric, count).await?;
                    seen.curves.insert(number, state, curve);
                }
            }
            trials = seen.changes.new_ones(store, &key).await?;
            if trials.is_empty() {
                return Ok(());
            }
        }
    }

    async fn curve(
        &self,
        record: &ExperimentRecord,
        trial: TrialRecord,
        metric: &str,
        count: usize,
    ) -> Result<Curve, StoreError> {
        let found = FoundTrial {
            experiment: record.key(),
            uid: record.metadata.uid.clone(),
            trial,
        };
        let query = ObservationQuery {
            metric: Some(metric.to_owned()),
            ..ObservationQuery::of(found.reference())
        };
        let values = reports::first_values(&*self.store, query, count).await?;
        Ok(values.into_iter().collect())
    }
}

/// What stops trials of an experiment while they run: the rule that it names, or else the one of its algorithm. One that is
/// refused stops nothing; validation has said so.
pub(crate) fn stopping(experiment: &ExperimentRecord) -> Option<Stopping> {
    if let Some(named) = &experiment.spec.early_stopping {
        return admit(named).ok();
    }
    let algorithm = experiment.spec.algorithm.as_ref()?;
    let algorithm = registry::find(&algorithm.algorithm_name).ok()?;
    algorithm.stopping(&study_spec(experiment).ok()?)
}

impl Suggestions {
    /// Gives each of the points these rules.
    pub(super) fn with_rules(mut self, rules: &[EarlyStoppingRule]) -> Self {
        for point in &mut self.points {
            point.rules = rules.to_vec();
        }
        self
    }
}

fn admit(named: &EarlyStoppingSpec) -> Result<Stopping, SuggestError> {
    let settings = Settings::from(named.algorithm_settings.as_slice());
    let stopping = Stopping::admit(&named.algorithm_name, settings);
    stopping.map_err(|error| refused(&error))
}

#[cfg(test)]
mod tests;
