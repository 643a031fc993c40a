//! SQLite, embedded.
//!
//! One connection writes, several read; in write-ahead-log mode neither waits for the other. A call that writes is *one*
//! script of statements from `BEGIN IMMEDIATE` to `COMMIT` and one message to the connection's thread, which costs a tenth of
//! a message a statement, and which nobody can leave half done (see [`writer::Writer`]). Only a report, whose size nothing
//! bounds, is a message for each few hundred points.
//!
//! `synchronous=NORMAL`: a kill of the process loses nothing, a power cut may take back the last second before it (see
//! [`settle`]), all of it together. Cursors go back with the points, so that collectors read those lines again. Reports, which
//! nobody sends again, wait for the disk.

mod experiments;
mod identity;
mod metrics;
mod observations;
mod opening;
mod reports;
mod rows;
mod settle;
mod sql;
mod sweep;
mod trials;
mod value;
mod writer;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use diwan_core::engine::{Change, Snapshot};
use diwan_core::observation::{MetricPoint, ReportedPoint};
use diwan_core::record::{ExperimentKey, TrialRecord};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use tokio::sync::watch;

use crate::{
    Cursor, ExperimentQuery, FoundTrial, ObservationQuery, Store, StoreError, StoredExperiment,
    TrialQuery, TrialRef,
};
use identity::Identity;
use metrics::MetricIds;
use settle::Settling;
use writer::{Statement, Writer};

/// A [`Store`] in a SQLite file or in memory.
pub struct SqliteStore {
    writer: Writer,
    /// None for a database in memory, which only one connection can see: the writer reads, too.
    readers: Option<Readers>,
    metrics: MetricIds,
    generation: watch::Sender<u64>,
    /// None for a database in memory.
    _settling: Option<Settling>,
}

/// Connections that read a file. They are opened by its path, so it must still be the same file.
struct Readers {
    pool: SqlitePool,
    file: Arc<Identity>,
}

impl SqliteStore {
    /// Opens a file, made with its directories if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be used: the variants of [`StoreError`] say why.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let (writer, identity) = opening::file(path).await?;
        let file = Arc::new(identity);
        let readers = Readers {
            pool: opening::readers(path),
            file: Arc::clone(&file),
        };
        let store = Self::new(Writer::new(writer, Some(file)), Some(readers));
        store.sweep_in_background();
        Ok(store)
    }

    /// Makes an empty database in memory.
    ///
    /// # Errors
    /// When there is no memory.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let writer = Writer::new(opening::memory().await?, None);
        Ok(Self::new(writer, None))
    }

    fn new(writer: Writer, readers: Option<Readers>) -> Self {
        let settling = readers.is_some().then(|| Settling::begin(writer.clone()));
        Self {
            _settling: settling,
            writer,
            readers,
            metrics: MetricIds::default(),
            generation: watch::Sender::new(0),
        }
    }

    async fn read(&self, statement: Statement) -> Result<Vec<SqliteRow>, StoreError> {
        match &self.readers {
            Some(readers) => {
                readers.file.check()?;
                Ok(statement.fetch_all(&readers.pool).await?)
            }
            None => self.writer.run(statement).await,
        }
    }

    async fn read_one(&self, statement: Statement) -> Result<Option<SqliteRow>, StoreError> {
        Ok(self.read(statement).await?.into_iter().next())
    }

    fn announce(&self) {
        self.generation
            .send_modify(|generation| *generation = generation.wrapping_add(1));
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn create(&self, snapshot: &mut Snapshot) -> Result<(), StoreError> {
        self.create_experiment(snapshot).await
    }

    async fn load(&self, key: &ExperimentKey) -> Result<Option<Snapshot>, StoreError> {
        self.load_experiment(key).await
    }

    async fn version(&self, key: &ExperimentKey) -> Result<Option<u64>, StoreError> {
        self.version_and_uid(key)
            .await
            .map(|found| found.map(|(version, _)| version))
    }

    async fn commit(
        &self,
        key: &ExperimentKey,
        expected: u64,
        change: &Change,
    ) -> Result<u64, StoreError> {
        self.commit_change(key, expected, change).await
    }

    async fn experiments(
        &self,
        query: &ExperimentQuery,
    ) -> Result<Vec<StoredExperiment>, StoreError> {
        self.list_experiments(query).await
    }

    async fn trials(&self, query: &TrialQuery) -> Result<Vec<TrialRecord>, StoreError> {
        self.list_trials(query).await
    }

    async fn trial(
        &self,
        experiment: &ExperimentKey,
        name: &str,
    ) -> Result<Option<TrialRecord>, StoreError> {
        self.trial_by_name(experiment, name).await
    }

    async fn find_trials(&self, name: &str) -> Result<Vec<FoundTrial>, StoreError> {
        self.trials_by_name(name).await
    }

    async fn append(
        &self,
        trial: &TrialRef,
        points: &[MetricPoint],
        cursors: &[Cursor],
    ) -> Result<(), StoreError> {
        self.append_points(trial, points, cursors).await
    }

    async fn report(&self, trial: &TrialRef, points: &[ReportedPoint]) -> Result<(), StoreError> {
        self.keep_report(trial, points).await
    }

    async fn cursors(&self, trial: &TrialRef) -> Result<Vec<Cursor>, StoreError> {
        self.list_cursors(trial).await
    }

    async fn observations(&self, query: &ObservationQuery) -> Result<Vec<MetricPoint>, StoreError> {
        self.list_points(query).await
    }

    async fn delete_observations(&self, trial: &TrialRef) -> Result<(), StoreError> {
        self.sweep_trial(trial).await
    }

    async fn foreign_trial(&self, name: &str) -> Result<TrialRef, StoreError> {
        self.make_foreign_trial(name).await
    }

    async fn find_foreign_trial(&self, name: &str) -> Result<Option<TrialRef>, StoreError> {
        self.foreign_trial_by_name(name).await
    }

    async fn delete(&self, key: &ExperimentKey) -> Result<(), StoreError> {
        self.delete_experiment(key).await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    async fn close(&self) {
        if let Some(readers) = &self.readers {
            readers.pool.close().await;
        }
        self.writer.close().await;
    }
}

#[cfg(test)]
mod tests {
    use diwan_core::observation::{Place, Source};
    use tempfile::TempDir;

    use super::*;

    fn point(offset: i64) -> MetricPoint {
        MetricPoint {
            metric: "loss".to_owned(),
            value: format!("{offset} and a text that fills pages"),
            time_ns: None,
            step: None,
            place: Place {
                source: Source::StdOut,
                offset,
                index: 0,
            },
        }
    }

    async fn allow_pages(store: &SqliteStore, pages: &'static str) {
        store.writer.run(sqlx::query(pages)).await.unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_costs_nothing_that_was_acknowledged() {
        let directory = TempDir::new().unwrap();
        let store = SqliteStore::open(&directory.path().join("a.db"))
            .await
            .unwrap();
        let trial = store.foreign_trial("t").await.unwrap();
        allow_pages(&store, "PRAGMA max_page_count = 60").await;
        let mut acknowledged = 0;
        let refusal = loop {
            let points: Vec<_> = (acknowledged..acknowledged + 5).map(point).collect();
            let cursor = Cursor::new(Source::StdOut, acknowledged + 5);
            match store.append(&trial, &points, &[cursor]).await {
                Ok(()) => acknowledged += 5,
                Err(error) => break error,
            }
        };
        assert!(matches!(refusal, StoreError::Full), "{refusal:?}");
        assert!(refusal.is_transient() && refusal.hint().is_some());

        let query = ObservationQuery::of(trial.clone());
        let kept: Vec<_> = (0..acknowledged).map(point).collect();
        assert_eq!(store.observations(&query).await.unwrap(), kept);
        let cursors = store.cursors(&trial).await.unwrap();
        assert_eq!(cursors[0].offset, acknowledged);

        allow_pages(&store, "PRAGMA max_page_count = 1000000").await;
        let rest: Vec<_> = (0..acknowledged + 50).map(point).collect();
        store.append(&trial, &rest, &[]).await.unwrap();
        assert_eq!(store.observations(&query).await.unwrap(), rest);
    }

    #[tokio::test]
    async fn an_interrupted_deletion_is_completed_at_the_next_opening() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("a.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let trial = store.foreign_trial("t").await.unwrap();
        let points: Vec<_> = (0..100).map(point).collect();
        store.append(&trial, &points, &[]).await.unwrap();
        // What a kill after the first transaction leaves, of an experiment with id 0.
        let trash = sqlx::query("INSERT INTO trash (experiment) VALUES (0)");
        store.writer.run(trash).await.unwrap();
        store.close().await;
        assert!(matches!(
            store.load(&trial.experiment).await,
            Err(StoreError::Closed)
        ));

        let store = SqliteStore::open(&path).await.unwrap();
        // Commits queue behind the sweep or between its steps; when the trash is empty, all is done.
        let wait = async {
            while !store
                .read(sqlx::query(sql::TRASH))
                .await
                .unwrap()
                .is_empty()
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), wait)
            .await
            .unwrap();
        let query = ObservationQuery::of(trial);
        assert_eq!(store.observations(&query).await.unwrap(), []);
    }

    #[tokio::test]
    async fn what_is_written_is_soon_in_the_file_itself() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("a.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let mut snapshot = empty_experiment();
        store.create(&mut snapshot).await.unwrap();
        let key = snapshot.record.key();
        let alone = directory.path().join("alone.db");
        // The log is left behind. A copy made in the middle of something may be damaged.
        let settled = async || {
            std::fs::copy(&path, &alone).unwrap();
            let copy = SqliteStore::open(&alone).await.ok()?;
            let found = copy.load(&key).await.ok()?;
            copy.close().await;
            found
        };
        let wait = async {
            while settled().await.is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), wait)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn an_unchanged_definition_is_not_written_again() {
        let store = SqliteStore::in_memory().await.unwrap();
        let mut snapshot = empty_experiment();
        store.create(&mut snapshot).await.unwrap();
        let key = snapshot.record.key();
        let watch = "CREATE TEMP TRIGGER watch BEFORE UPDATE ON definitions
                     BEGIN SELECT RAISE(ABORT, 'written'); END";
        store.writer.run(sqlx::query(watch)).await.unwrap();
        store
            .commit(&key, 1, &snapshot.take_change())
            .await
            .unwrap();
        snapshot
            .record
            .metadata
            .labels
            .insert("a".into(), "b".into());
        assert!(
            store
                .commit(&key, 2, &snapshot.take_change())
                .await
                .is_err()
        );
    }

    fn empty_experiment() -> Snapshot {
        let record = diwan_core::record::ExperimentRecord {
            metadata: diwan_core::resources::ObjectMeta {
                namespace: "default".to_owned(),
                name: "a".to_owned(),
                ..Default::default()
            },
            spec: Default::default(),
            progress: Default::default(),
        };
        Snapshot::create(record, diwan_core::time::Timestamp::from_millis(0))
    }
}
