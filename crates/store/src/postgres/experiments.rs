//! Experiments: made, loaded, committed to, listed.

use diwan_core::digest::{EMPTY, fnv1a};
use diwan_core::engine::{Change, Snapshot};
use diwan_core::record::{ExperimentKey, ExperimentRecord};
use sqlx::error::ErrorKind;

use super::fault::fault;
use super::patience::patiently;
use super::{PostgresStore, Unsure, sql};
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
            None => Err(self.why_not(&entry, expected).await?),
        }
    }

    /// The new version, if the expected one was there. A commit that took effect while its answer was lost is known when it is
    /// repeated, by this call or by the next one.
    async fn enter(
        &self,
        text: &'static str,
        entry: &Entry<'_>,
    ) -> Result<Option<u64>, StoreError> {
        let digest = entry.digest();
        let unsure = Unsure {
            uid: entry.uid.to_owned(),
            expected: entry.expected,
            digest,
        };
        let reached = match patiently(|| self.try_to_enter(text, entry, digest)).await {
            Err(error @ StoreError::Unreachable(_)) => {
                self.unsure().insert(unsure);
                return Err(error);
            }
            other => other?,
        };
        let was_unsure = self.unsure().remove(&unsure);
        let version = match reached.value {
            None if reached.is_repeated || was_unsure => self.found(entry, digest).await?,
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

    /// The version that this very commit has made, if it has.
    async fn found(&self, entry: &Entry<'_>, digest: i64) -> Result<Option<i64>, StoreError> {
        let found = self.row_of(entry.key).await?;
        let is_it = |(version, uid, last): &(i64, String, i64)| {
            (*version, uid.as_str(), *last) == (entry.expected + 1, entry.uid, digest)
        };
        Ok(found.filter(is_it).map(|(version, ..)| version))
    }

    /// Why a commit found nothing to change.
    async fn why_not(&self, entry: &Entry<'_>, expected: u64) -> Result<StoreError, StoreError> {
        let key = entry.key.clone();
        Ok(match self.row_of(&key).await? {
            Some((version, uid, _)) if uid == entry.uid => StoreError::Conflict {
                key,
                expected,
                found: columns::natural("version", version)?,
            },
            _ => StoreError::NotFound { key },
        })
    }

    /// Version, uid and digest.
    async fn row_of(&self, key: &ExperimentKey) -> Result<Option<(i64, String, i64)>, StoreError> {
        let ask = async || {
            let query = sqlx::query_as(sql::VERSION)
                .bind(&key.namespace)
                .bind(&key.name);
            query.fetch_optional(&self.pool).await.map_err(fault)
        };
        Ok(patiently(ask).await?.value)
    }

    pub(super) async fn stored_version(
        &self,
        key: &ExperimentKey,
    ) -> Result<Option<u64>, StoreError> {
        let found = self.row_of(key).await?;
        found
            .map(|(version, ..)| columns::natural("version", version))
            .transpose()
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
        let text = if query.open {
            sql::EXPERIMENTS_OPEN
        } else {
            sql::EXPERIMENTS
        };
        let first = ExperimentKey::new("", "");
        let after = query.after.as_ref().unwrap_or(&first);
        let ask = async || {
            let statement = sqlx::query_as(text)
                .bind(&after.namespace)
                .bind(&after.name)
                .bind(columns::limit(query.limit))
                .bind(&query.namespace);
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

    /// FNV-1a of what is committed.
    fn digest(&self) -> i64 {
        let texts = [&self.progress, &self.definition].into_iter();
        let texts = texts.chain(&self.records);
        let digest = texts.fold(EMPTY, |digest, text| {
            // No UTF-8 has this byte, so no text ends where another one begins.
            fnv1a(fnv1a(digest, text.as_bytes()), &[0xff])
        });
        digest.cast_signed()
    }
}
