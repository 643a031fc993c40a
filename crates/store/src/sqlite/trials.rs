//! Trials: listed, found by name.

use diwan_core::record::{ExperimentKey, TrialRecord};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{SqliteStore, rows, sql};
use crate::{FoundTrial, MAX_PAGE, StoreError, TrialQuery, TrialRef, columns};

impl SqliteStore {
    pub(super) async fn list_trials(
        &self,
        query: &TrialQuery,
    ) -> Result<Vec<TrialRecord>, StoreError> {
        let (all, some) = if query.newest_first {
            (sql::TRIALS_DOWN, sql::TRIALS_IN_DOWN)
        } else {
            (sql::TRIALS_UP, sql::TRIALS_IN_UP)
        };
        let text = if query.states.is_empty() { all } else { some };
        let mut statement = rows::bind_key(sqlx::query(text), &query.experiment)
            .bind(query.behind())
            .bind(columns::limit(query.limit));
        if !query.states.is_empty() {
            statement = statement.bind(rows::state_bits(&query.states));
        }
        self.read(statement)
            .await?
            .iter()
            .map(rows::trial)
            .collect()
    }

    pub(super) async fn trial_by_name(
        &self,
        experiment: &ExperimentKey,
        name: &str,
    ) -> Result<Option<TrialRecord>, StoreError> {
        let found = self.named(name, Some(experiment)).await?;
        found.first().map(rows::trial).transpose()
    }

    pub(super) async fn trials_by_name(&self, name: &str) -> Result<Vec<FoundTrial>, StoreError> {
        let found = self.named(name, None).await?;
        found
            .iter()
            .map(|row| {
                Ok(FoundTrial {
                    experiment: ExperimentKey {
                        namespace: row.try_get("namespace")?,
                        name: row.try_get("name")?,
                    },
                    uid: row.try_get("uid")?,
                    trial: rows::trial(row)?,
                })
            })
            .collect()
    }

    async fn named(
        &self,
        name: &str,
        experiment: Option<&ExperimentKey>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let statement = sqlx::query(sql::TRIALS_NAMED)
            .bind(name.to_owned())
            .bind(columns::limit(MAX_PAGE))
            .bind(experiment.map(|key| key.namespace.clone()))
            .bind(experiment.map(|key| key.name.clone()));
        self.read(statement).await
    }

    pub(super) async fn foreign_trial_by_name(
        &self,
        name: &str,
    ) -> Result<Option<TrialRef>, StoreError> {
        let statement = sqlx::query(sql::FOREIGN_TRIAL).bind(name.to_owned());
        self.read_one(statement)
            .await?
            .as_ref()
            .map(foreign)
            .transpose()
    }

    pub(super) async fn make_foreign_trial(&self, name: &str) -> Result<TrialRef, StoreError> {
        if let Some(found) = self.foreign_trial_by_name(name).await? {
            return Ok(found);
        }
        let script = sqlx::query(sql::MAKE_FOREIGN_TRIAL)
            .bind(name.to_owned())
            .bind(name.to_owned());
        let made = self.writer.run(script).await?;
        made.first().map_or(Err(StoreError::Closed), foreign)
    }
}

fn foreign(row: &SqliteRow) -> Result<TrialRef, StoreError> {
    columns::foreign_trial(row.try_get("number")?)
}
