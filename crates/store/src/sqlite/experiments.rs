//! Experiments: made, loaded, committed to, listed.

use diwan_core::engine::{Change, Snapshot};
use diwan_core::record::ExperimentKey;
use sqlx::Row;
use sqlx::error::ErrorKind;

use super::writer::Statement;
use super::{SqliteStore, rows, sql};
use crate::{ExperimentQuery, StoreError, StoredExperiment, columns};

impl SqliteStore {
    pub(super) async fn create_experiment(
        &self,
        snapshot: &mut Snapshot,
    ) -> Result<(), StoreError> {
        let mut created = snapshot.clone();
        let change = created.take_change();
        let key = change.record.key();
        let script =
            rows::bind_key(sqlx::query(sql::CREATE), &key).bind(change.record.metadata.uid.clone());
        created.version = self
            .run_commit(bind_change(script, 0, &change)?, &key)
            .await?
            .ok_or(StoreError::AlreadyExists { key })?;
        *snapshot = created;
        Ok(())
    }

    pub(super) async fn commit_change(
        &self,
        key: &ExperimentKey,
        expected: u64,
        change: &Change,
    ) -> Result<u64, StoreError> {
        let script = bind_change(sqlx::query(sql::COMMIT), expected, change)?;
        match self.run_commit(script, key).await? {
            Some(version) => Ok(version),
            None => Err(StoreError::not_as_expected(
                key.clone(),
                &change.record.metadata.uid,
                expected,
                self.version_and_uid(key).await?,
            )),
        }
    }

    async fn run_commit(
        &self,
        script: Statement,
        key: &ExperimentKey,
    ) -> Result<Option<u64>, StoreError> {
        let committed = self.writer.run(script).await;
        let rows = committed.map_err(|error| match error.constraint() {
            Some(ErrorKind::UniqueViolation) => StoreError::NameTaken { key: key.clone() },
            _ => error,
        })?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        self.announce();
        columns::natural("version", row.try_get("version")?).map(Some)
    }

    pub(super) async fn version_and_uid(
        &self,
        key: &ExperimentKey,
    ) -> Result<Option<(u64, String)>, StoreError> {
        let query = rows::bind_key(sqlx::query(sql::VERSION), key);
        let Some(row) = self.read_one(query).await? else {
            return Ok(None);
        };
        let version = columns::natural("version", row.try_get("version")?)?;
        Ok(Some((version, row.try_get("uid")?)))
    }

    pub(super) async fn load_experiment(
        &self,
        key: &ExperimentKey,
    ) -> Result<Option<Snapshot>, StoreError> {
        let found = self
            .read(rows::bind_key(sqlx::query(sql::LOAD), key))
            .await?;
        let mut stored = None;
        let mut active = Vec::new();
        for row in &found {
            match row.try_get::<Option<i64>, _>("version")? {
                Some(version) => {
                    stored = Some((
                        rows::experiment(row)?,
                        columns::natural("version", version)?,
                    ));
                }
                None => active.push(rows::trial(row)?),
            }
        }
        Ok(stored.map(|(record, version)| Snapshot::load(record, version, active)))
    }

    pub(super) async fn list_experiments(
        &self,
        query: &ExperimentQuery,
    ) -> Result<Vec<StoredExperiment>, StoreError> {
        let text = match (&query.namespace, query.open) {
            (None, false) => sql::EXPERIMENTS,
            (None, true) => sql::EXPERIMENTS_OPEN,
            (Some(_), false) => sql::EXPERIMENTS_OF,
            (Some(_), true) => sql::EXPERIMENTS_OF_OPEN,
        };
        let after = query
            .after
            .clone()
            .unwrap_or_else(|| ExperimentKey::new("", ""));
        let statement = rows::bind_key(sqlx::query(text).bind(query.namespace.clone()), &after)
            .bind(columns::limit(query.limit));
        let found = self.read(statement).await?;
        found
            .iter()
            .map(|row| {
                Ok(StoredExperiment {
                    record: rows::experiment(row)?,
                    version: columns::natural("version", row.try_get("version")?)?,
                })
            })
            .collect()
    }
}

/// Binds a commit's part of a script.
fn bind_change(script: Statement, expected: u64, change: &Change) -> Result<Statement, StoreError> {
    let expected = columns::integer("version", expected)?;
    let record = &change.record;
    let key = record.key();
    let bind_expected = |script: Statement| {
        rows::bind_key(script, &key)
            .bind(record.metadata.uid.clone())
            .bind(expected)
    };
    let (records, index) = rows::trials(&change.trials)?;
    let script = bind_expected(script.bind(records).bind(index));
    let script = bind_expected(script.bind(columns::definition(record)?));
    let progress = columns::to_json(&record.progress)?;
    Ok(bind_expected(
        script.bind(columns::is_open(record)).bind(progress),
    ))
}
