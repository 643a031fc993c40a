//! Trials: listed, found by name.

use std::collections::BTreeSet;

use diwan_core::record::{ExperimentKey, TrialRecord};

use super::fault::fault;
use super::patience::patiently;
use super::{PostgresStore, sql};
use crate::{FoundTrial, MAX_PAGE, StoreError, TrialQuery, TrialRef, columns};

type NamedRow = (String, String, String, String);

impl PostgresStore {
    pub(super) async fn list_trials(
        &self,
        query: &TrialQuery,
    ) -> Result<Vec<TrialRecord>, StoreError> {
        let (all, some) = if query.newest_first {
            (sql::TRIALS_DOWN, sql::TRIALS_IN_DOWN)
        } else {
            (sql::TRIALS_UP, sql::TRIALS_IN_UP)
        };
        // A state that is named twice is one range all the same.
        let states: BTreeSet<i16> = query
            .states
            .iter()
            .map(|state| i16::from(*state as u8))
            .collect();
        let states: Vec<i16> = states.into_iter().collect();
        let text = if states.is_empty() { all } else { some };
        let ask = async || {
            let mut statement = sqlx::query_scalar(text)
                .bind(&query.experiment.namespace)
                .bind(&query.experiment.name)
                .bind(query.behind())
                .bind(columns::limit(query.limit));
            if !states.is_empty() {
                statement = statement.bind(&states);
            }
            statement.fetch_all(&self.pool).await.map_err(fault)
        };
        let records: Vec<String> = patiently(ask).await?.value;
        records
            .iter()
            .map(|record| columns::trial(record))
            .collect()
    }

    pub(super) async fn trial_by_name(
        &self,
        experiment: &ExperimentKey,
        name: &str,
    ) -> Result<Option<TrialRecord>, StoreError> {
        let found = self.named(name, Some(experiment)).await?;
        let record = found.first().map(|(.., record)| columns::trial(record));
        record.transpose()
    }

    pub(super) async fn trials_by_name(&self, name: &str) -> Result<Vec<FoundTrial>, StoreError> {
        let found = self.named(name, None).await?.into_iter();
        let trials = found.map(|(namespace, name, uid, record)| {
            Ok(FoundTrial {
                experiment: ExperimentKey { namespace, name },
                uid,
                trial: columns::trial(&record)?,
            })
        });
        trials.collect()
    }

    async fn named(
        &self,
        name: &str,
        experiment: Option<&ExperimentKey>,
    ) -> Result<Vec<NamedRow>, StoreError> {
        let ask = async || {
            let statement = sqlx::query_as(sql::TRIALS_NAMED)
                .bind(name)
                .bind(columns::limit(MAX_PAGE))
                .bind(experiment.map(|key| &key.namespace))
                .bind(experiment.map(|key| &key.name));
            statement.fetch_all(&self.pool).await.map_err(fault)
        };
        Ok(patiently(ask).await?.value)
    }

    pub(super) async fn foreign_trial_by_name(
        &self,
        name: &str,
    ) -> Result<Option<TrialRef>, StoreError> {
        let found = self.number_of(sql::FOREIGN_TRIAL, name).await?;
        found.map(columns::foreign_trial).transpose()
    }

    pub(super) async fn make_foreign_trial(&self, name: &str) -> Result<TrialRef, StoreError> {
        let number = self
            .number_or_new(sql::FOREIGN_TRIAL, sql::MAKE_FOREIGN_TRIAL, name)
            .await?;
        columns::foreign_trial(number)
    }
}
