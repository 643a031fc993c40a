//! Experiments: made, loaded, committed to, listed.

use diwan_core::digest::{self, EMPTY, fnv1a};
use diwan_core::engine::{Change, Snapshot};
use diwan_core::record::{ExperimentKey, ExperimentRecord};
use sqlx::error::ErrorKind;

use super::fault::fault;
use super::patience::patiently;
use super::{PostgresStore, sql};
use crate::{ExperimentQuery, StoreError, StoredExperiment, columns};

/// A commit as its statement takes it.
struct Entry<'a> {
    key: &'a ExperimentKey,
    uid: &'a str,
    expected: i64,
    is_open: bool,
    progress: String,
    definition: String,
    numbers: Vec<i64>,
    names: Vec<&'a str>,
    states: Vec<i16>,
    records: Vec<String>,
}

impl PostgresStore {
    pub(super) async fn create_experiment(
        &self,
        snapshot: &mut Snapshot,
    ) -> Result<(), StoreError> {
        let mut created = snapshot.clone();
        let change = created.take_change();
        let key = change.record.key();
        let entry = Entry::of(&key, 0, &change)?;
        created.version = match self.enter(sql::CREATE, &entry).await? {
            Some(version) => version,
            None => return Err(StoreError::AlreadyExists { key }),
        };
        *snapshot = created;
        Ok(())
    }

    pub(super) async fn commit_change(
        &self,
        key: &ExperimentKey,
        expected: u64,
        change: &Change,
    ) -> Result<u64, StoreError> {
        let entry = Entry::of(key, expected, change)?;
        match self.enter(sql::COMMIT, &entry).await? {
            Some(version) => Ok(version),
            None => Err(StoreError::not_as_expected(
                key.clone(),
                entry.uid,
                expected,
                self.version_and_uid(key).await?,
            )),
        }
    }

    /// The new version, if the expected one was there. A commit that took effect while its answer was lost is known when it is
    /// repeated, by this call or by a later one, whatever others have committed since.
    async fn enter(
        &self,
        text: &'static str,
        entry: &Entry<'_>,
    ) -> Result<Option<u64>, StoreError> {
        let digest = entry.digest(self.handle);
        let entered = patiently(|| self.try_to_enter(text, entry, digest)).await?;
        // Whoever creates the same a second time is told that it is there.
        let may_be_ours = entered.is_repeated || entry.expected > 0;
        let version = match entered.value {
            None if may_be_ours && self.has_committed(entry, digest).await? => {
                Some(entry.expected + 1)
            }
            version => version,
        };
        let Some(version) = version else {
            return Ok(None);
        };
        self.announce();
        columns::natural("version", version).map(Some)
    }

    async fn try_to_enter(
        &self,
        text: &'static str,
        entry: &Entry<'_>,
        digest: i64,
    ) -> Result<Option<i64>, StoreError> {
        let found = sqlx::query_scalar(text)
            .bind(&entry.key.namespace)
            .bind(&entry.key.name)
            .bind(entry.uid)
            .bind(entry.expected)
            .bind(entry.is_open)
            .bind(&entry.progress)
            .bind(digest)
            .bind(&entry.numbers)
            .bind(&entry.names)
            .bind(&entry.states)
            .bind(&entry.records)
            .bind(&entry.definition)
            .fetch_optional(&self.pool)
            .await;
        found.map_err(
            |error| match error.as_database_error().map(|error| error.kind()) {
                Some(ErrorKind::UniqueViolation) => StoreError::NameTaken {
                    key: entry.key.clone(),
                },
                _ => fault(error),
            },
        )
    }

    /// Whether this very commit was made before.
    async fn has_committed(&self, entry: &Entry<'_>, digest: i64) -> Result<bool, StoreError> {
        let ask = async || {
            let query = sqlx::query_scalar(sql::COMMITTED)
                .bind(&entry.key.namespace)
                .bind(&entry.key.name)
                .bind(entry.uid)
                .bind(entry.expected + 1)
                .bind(digest);
            query.fetch_optional(&self.pool).await.map_err(fault)
        };
        Ok(patiently(ask).await?.value.unwrap_or(false))
    }

    /// Version and uid.
    pub(super) async fn version_and_uid(
        &self,
        key: &ExperimentKey,
    ) -> Result<Option<(u64, String)>, StoreError> {
        let ask = async || {
            let query = sqlx::query_as(sql::VERSION)
                .bind(&key.namespace)
                .bind(&key.name);
            query.fetch_optional(&self.pool).await.map_err(fault)
        };
        let found: Option<(i64, String)> = patiently(ask).await?.value;
        let found = found.map(|(version, uid)| Ok((columns::natural("version", version)?, uid)));
        found.transpose()
    }

    pub(super) async fn load_experiment(
        &self,
        key: &ExperimentKey,
    ) -> Result<Option<Snapshot>, StoreError> {
        let ask = async || {
            let query = sqlx::query_as(sql::LOAD)
                .bind(&key.namespace)
                .bind(&key.name);
            query.fetch_all(&self.pool).await.map_err(fault)
        };
        let found: Vec<(Option<i64>, String, Option<String>)> = patiently(ask).await?.value;
        let mut stored = None;
        let mut active = Vec::new();
        for (version, record, definition) in &found {
            match (version, definition) {
                (Some(version), Some(definition)) => {
                    let version = columns::natural("version", *version)?;
                    stored = Some((columns::experiment(definition, record)?, version));
                }
                _ => active.push(columns::trial(record)?),
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
        let first = ExperimentKey::new("", "");
        let after = query.after.as_ref().unwrap_or(&first);
        let ask = async || {
            let mut statement = sqlx::query_as(text)
                .bind(&after.namespace)
                .bind(&after.name)
                .bind(columns::limit(query.limit));
            if let Some(namespace) = &query.namespace {
                statement = statement.bind(namespace);
            }
            statement.fetch_all(&self.pool).await.map_err(fault)
        };
        let found: Vec<(i64, String, String)> = patiently(ask).await?.value;
        let stored = found.iter().map(|(version, progress, definition)| {
            Ok(StoredExperiment {
                record: columns::experiment(definition, progress)?,
                version: columns::natural("version", *version)?,
            })
        });
        stored.collect()
    }
}

// === impl Entry ===

impl<'a> Entry<'a> {
    fn of(key: &'a ExperimentKey, expected: u64, change: &'a Change) -> Result<Self, StoreError> {
        let record: &ExperimentRecord = &change.record;
        let trials = &change.trials;
        let number = |number| columns::integer("trial number", number);
        Ok(Self {
            key,
            uid: &record.metadata.uid,
            expected: columns::integer("version", expected)?,
            is_open: columns::is_open(record),
            progress: columns::to_json(&record.progress)?,
            definition: columns::definition(record)?,
            numbers: trials
                .iter()
                .map(|trial| number(trial.number))
                .collect::<Result<_, _>>()?,
            names: trials.iter().map(|trial| trial.name.as_str()).collect(),
            states: trials
                .iter()
                .map(|trial| i16::from(trial.state as u8))
                .collect(),
            records: trials
                .iter()
                .map(columns::to_json)
                .collect::<Result<_, _>>()?,
        })
    }

    /// FNV-1a of what is committed, and by whom: of two who commit the same, one must be told that the other was first.
    fn digest(&self, handle: i64) -> i64 {
        let texts = [&self.progress, &self.definition].into_iter();
        let texts = texts.chain(&self.records);
        let begun = fnv1a(EMPTY, &handle.to_le_bytes());
        let digest = texts.fold(begun, |before, text| digest::text(before, text));
        digest.cast_signed()
    }
}
