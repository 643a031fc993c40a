//! The stopping rules that the next trials of stored experiments get, whoever suggests their points: they need no search
//! space, only the objective and its history.

use std::sync::Arc;

use diwan_algorithms::settings::Settings;
use diwan_algorithms::stopping::{self, Curve, StoppingRule};
use diwan_algorithms::study::Objective;
use diwan_core::engine::Snapshot;
use diwan_core::record::{ExperimentRecord, TrialRecord, TrialState};
use diwan_core::resources::{EarlyStoppingRule, EarlyStoppingSpec};
use diwan_store::{FoundTrial, ObservationQuery, Store, StoreError};

use super::changes::Changes;
use super::local::{broke_down, failed, refused};
use super::warm::Warm;
use super::{SuggestError, Suggestions};
use crate::grpc::reports;

/// Makes the rules, by the stopping rules of this program.
pub(super) struct Rules {
    store: Arc<dyn Store>,
    warm: Warm<Curves>,
}

/// The curves of the trials that have succeeded.
#[derive(Default)]
struct Curves {
    changes: Changes,
    succeeded: Vec<Curve>,
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
        let (rule, settings) = admit(named)?;
        let objective = Objective::from(&record.spec.objective.clone().unwrap_or_default());
        let slot = self.warm.slot(&record.metadata.uid);
        let mut warm = slot.lock().await;
        let mut curves = warm.take().unwrap_or_default();
        let count = rule.values_needed(&settings);
        self.bring_up_to_date(&mut curves, record, &objective.metric, count)
            .await
            .map_err(failed)?;
        let work = move || (rule.rules(&objective, &curves.succeeded, &settings), curves);
        let done = tokio::task::spawn_blocking(work).await;
        let (rules, curves) = done.map_err(broke_down)?;
        *warm = Some(curves);
        Ok(rules)
    }

    async fn bring_up_to_date(
        &self,
        curves: &mut Curves,
        record: &ExperimentRecord,
        metric: &str,
        count: usize,
    ) -> Result<(), StoreError> {
        let (store, key) = (&*self.store, record.key());
        let mut trials = curves.changes.of_active(store, &key).await?;
        loop {
            for trial in trials {
                if trial.state == TrialState::Succeeded {
                    let curve = self.curve(record, trial, metric, count).await?;
                    curves.succeeded.push(curve);
                }
            }
            trials = curves.changes.new_ones(store, &key).await?;
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
        reports::first_values(&*self.store, query, count).await
    }
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

fn admit(named: &EarlyStoppingSpec) -> Result<(&'static dyn StoppingRule, Settings), SuggestError> {
    let settings = Settings::from(named.algorithm_settings.as_slice());
    let rule = stopping::admit(&named.algorithm_name, &settings);
    Ok((rule.map_err(|error| refused(&error))?, settings))
}

#[cfg(test)]
mod tests;
