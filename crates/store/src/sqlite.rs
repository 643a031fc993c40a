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
mod interning;
mod observations;
mod opening;
mod reports;
mod rows;
mod settle;
mod sql;
mod sweep;
mod trials;
mod writer;

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use diwan_core::engine::{Change, Snapshot};
use diwan_core::observation::{MetricPoint, ReportedPoint};
use diwan_core::record::{ExperimentKey, TrialRecord};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use tokio::sync::watch;

use crate::metrics::MetricIds;
use crate::{
    Cursor, ExperimentQuery, FoundTrial, ObservationQuery, Store, StoreError, StoredExperiment,
    TrialQuery, TrialRef,
};
use identity::Identity;
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

    async fn hold(&self, _uid: &str) -> Result<Box<dyn Any + Send>, StoreError> {
        Ok(Box::new(()))
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
mod tests;
