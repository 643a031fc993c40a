//! The contract.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use diwan_core::engine::{Change, Snapshot};
use diwan_core::observation::{MetricPoint, ReportedPoint};
use diwan_core::record::{ExperimentKey, TrialRecord};
use tokio::sync::watch;

use crate::location::Location;
use crate::{
    Cursor, ExperimentQuery, FoundTrial, ObservationQuery, PostgresStore, SqliteStore, StoreError,
    StoredExperiment, TrialQuery, TrialRef,
};

/// Where experiments, trials and observations are kept.
///
/// Several processes may use one database at the same time. Every call is one transaction and takes effect entirely or not
/// at all; dropping its future does not undo or halve it. What a call has acknowledged survives the death of the process.
#[async_trait]
pub trait Store: Send + Sync {
    /// Stores a new experiment with all that its snapshot holds, and sets the snapshot's version to 1.
    ///
    /// # Errors
    /// [`StoreError::AlreadyExists`]; the snapshot is then unchanged, as with every error.
    async fn create(&self, snapshot: &mut Snapshot) -> Result<(), StoreError>;

    /// The record, the active trials and the version of an experiment, as they were at one moment.
    async fn load(&self, key: &ExperimentKey) -> Result<Option<Snapshot>, StoreError>;

    /// The version alone: cheap enough to ask every second whether somebody else has committed.
    async fn version(&self, key: &ExperimentKey) -> Result<Option<u64>, StoreError>;

    /// Stores the record and the changed trials if the stored version is still `expected`, and returns the new version.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] says nothing about whether it took effect; a commit that is then repeated, with the same
    /// change, is answered as the first would have been. [`StoreError::Conflict`] when somebody else has committed, [`StoreError::NotFound`] when the experiment is gone (or
    /// another one, of another uid, has its name), [`StoreError::NameTaken`] when another trial has a trial's name.
    async fn commit(
        &self,
        key: &ExperimentKey,
        expected: u64,
        change: &Change,
    ) -> Result<u64, StoreError>;

    /// Experiments in the order of namespace and name.
    async fn experiments(
        &self,
        query: &ExperimentQuery,
    ) -> Result<Vec<StoredExperiment>, StoreError>;

    /// Trials of one experiment in the order of their numbers. None if there is no such experiment.
    async fn trials(&self, query: &TrialQuery) -> Result<Vec<TrialRecord>, StoreError>;

    /// A trial of an experiment.
    async fn trial(
        &self,
        experiment: &ExperimentKey,
        name: &str,
    ) -> Result<Option<TrialRecord>, StoreError>;

    /// Trials of this name in all experiments, at most [`crate::MAX_PAGE`].
    async fn find_trials(&self, name: &str) -> Result<Vec<FoundTrial>, StoreError>;

    /// Keeps points that were read from the output of a launch, and how far its streams have been read.
    ///
    /// A point whose place is already stored changes nothing, whatever its value. Points never lag behind cursors: when a
    /// cursor is stored, so is every point of this call and of those before it. A large call may be cut short by a kill
    /// with some of its points stored and its cursors not; repeating it completes it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the experiment is gone. Whether it has such a trial is not checked.
    async fn append(
        &self,
        trial: &TrialRef,
        points: &[MetricPoint],
        cursors: &[Cursor],
    ) -> Result<(), StoreError>;

    /// Keeps points that a launch has reported through an API, all or none, behind those that were reported before.
    ///
    /// A report that equals an earlier one of this launch is that one sent again, and adds nothing. If no point of it has a
    /// step, or a time that is no whole second, that only holds of the last one: a value may come back. Any other is new, even if it has points that
    /// were reported before.
    ///
    /// # Errors
    /// As [`Self::append`].
    async fn report(&self, trial: &TrialRef, points: &[ReportedPoint]) -> Result<(), StoreError>;

    /// How far the streams of a launch have been read. A stream that was never read is missing; pushed points are no stream
    /// that is read.
    async fn cursors(&self, trial: &TrialRef) -> Result<Vec<Cursor>, StoreError>;

    /// Points of a launch in the order of their places: stream by stream, each as it was written, pushed points as they
    /// arrived.
    async fn observations(&self, query: &ObservationQuery) -> Result<Vec<MetricPoint>, StoreError>;

    /// Forgets the points and cursors of every launch of a trial.
    async fn delete_observations(&self, trial: &TrialRef) -> Result<(), StoreError>;

    /// A place for the observations of a trial that Diwan did not make, in no experiment: the same for the same name.
    async fn foreign_trial(&self, name: &str) -> Result<TrialRef, StoreError>;

    /// The same, if [`Self::foreign_trial`] was ever asked for it.
    async fn find_foreign_trial(&self, name: &str) -> Result<Option<TrialRef>, StoreError>;

    /// Deletes an experiment with all its trials and observations.
    ///
    /// It is gone, and its name free, with the first of many small transactions, so that others can write meanwhile. If
    /// the rest is interrupted, the next `delete` or the next opening of the database completes it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    async fn delete(&self, key: &ExperimentKey) -> Result<(), StoreError>;

    /// Takes the right to run an experiment, by its uid, as processes of one machine, until what is returned is dropped or the
    /// process ends. A database in a file gives it to everybody: there, a lock beside the file decides.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another process has it.
    async fn hold(&self, uid: &str) -> Result<Box<dyn Any + Send>, StoreError>;

    /// A number that grows with every `create`, `commit` and `delete` through this handle. Other handles and processes are
    /// not seen: poll [`Self::version`] for those.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Waits for writes under way and tidies the database's files up; every later call fails. A process that ends without it
    /// loses nothing.
    async fn close(&self);
}

/// Opens the store at a URL: `sqlite:PATH`, `sqlite::memory:`, a plain path, or `postgres://USER:PASSWORD@HOST/DATABASE`. A
/// missing file is made, with its directories, and so are missing tables; an older database is brought up to date. Must be called on a tokio runtime.
///
/// # Errors
/// When the URL names another kind of database, or the file cannot be used: the variants of [`StoreError`] say why.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    match url.parse()? {
        Location::Memory => Ok(Arc::new(SqliteStore::in_memory().await?)),
        Location::File(path) => Ok(Arc::new(SqliteStore::open(&path).await?)),
        Location::Postgres(url) => Ok(Arc::new(PostgresStore::open(&url).await?)),
    }
}
