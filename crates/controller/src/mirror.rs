//! A store that tells what was committed, so that Kubernetes' objects can follow.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use diwan_core::engine::{self, Snapshot};
use diwan_core::observation::{MetricPoint, ReportedPoint};
use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialRecord};
use diwan_store::{
    Cursor, ExperimentQuery, FoundTrial, ObservationQuery, Store, StoreError, StoredExperiment,
    TrialQuery, TrialRef,
};
use tokio::sync::{Notify, watch};

/// The store, and what was committed through it and is not shown yet.
pub struct MirroredStore {
    inner: Arc<dyn Store>,
    news: Arc<News>,
}

/// What has changed of experiments since it was shown last. However often something changes in between, it is one entry.
#[derive(Default)]
pub struct News {
    waiting: Mutex<BTreeMap<ExperimentKey, Change>>,
    more: Notify,
}

/// What is to be shown of an experiment.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) experiment: Due,
    /// Changed trials as they are now, by number.
    pub(crate) trials: BTreeMap<u64, TrialRecord>,
}

/// Whether the experiment itself is to be shown, and as what.
#[derive(Default)]
pub(crate) enum Due {
    /// Nothing of it has changed.
    #[default]
    No,
    /// As the store has it.
    AsStored,
    /// As it was committed, together with no more than these trials: it must not be seen to have ended before they are.
    Committed(Box<ExperimentRecord>, u64),
}

// === impl News ===

impl News {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<ExperimentKey, Change>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, key: &ExperimentKey, change: impl FnOnce(&mut Change)) {
        change(self.waiting().entry(key.clone()).or_default());
        self.more.notify_one();
    }

    /// An experiment is to be shown as it is stored.
    pub(crate) fn add(&self, key: &ExperimentKey) {
        self.note(key, |change| {
            if matches!(change.experiment, Due::No) {
                change.experiment = Due::AsStored;
            }
        });
    }

    /// A trial is to be shown, of which something newer may wait already.
    pub(crate) fn add_trial(&self, key: &ExperimentKey, trial: TrialRecord) {
        self.note(key, |change| {
            change.trials.entry(trial.number).or_insert(trial);
        });
    }

    fn add_committed(&self, key: &ExperimentKey, version: u64, committed: &engine::Change) {
        self.note(key, |change| {
            change.experiment = Due::Committed(Box::new(committed.record.clone()), version);
            let trials = committed.trials.iter().cloned();
            change
                .trials
                .extend(trials.map(|trial| (trial.number, trial)));
        });
    }

    /// What could not be shown waits again. What has come meanwhile is newer.
    pub(crate) fn put_back(&self, key: &ExperimentKey, old: Change) {
        self.note(key, |change| {
            if matches!(change.experiment, Due::No) {
                change.experiment = old.experiment;
            }
            for (number, trial) in old.trials {
                change.trials.entry(number).or_insert(trial);
            }
        });
    }

    /// All that waits, when there is something.
    pub(crate) async fn take(&self) -> BTreeMap<ExperimentKey, Change> {
        loop {
            let taken = std::mem::take(&mut *self.waiting());
            if !taken.is_empty() {
                return taken;
            }
            self.more.notified().await;
        }
    }
}

// === impl MirroredStore ===

impl MirroredStore {
    /// A store whose commits become news.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, news: Arc<News>) -> Self {
        Self { inner, news }
    }
}

#[async_trait]
impl Store for MirroredStore {
    async fn create(&self, snapshot: &mut Snapshot) -> Result<(), StoreError> {
        self.inner.create(snapshot).await?;
        self.news.add(&snapshot.record.key());
        Ok(())
    }

    async fn load(&self, key: &ExperimentKey) -> Result<Option<Snapshot>, StoreError> {
        self.inner.load(key).await
    }

    async fn version(&self, key: &ExperimentKey) -> Result<Option<u64>, StoreError> {
        self.inner.version(key).await
    }

    async fn commit(
        &self,
        key: &ExperimentKey,
        expected: u64,
        change: &engine::Change,
    ) -> Result<u64, StoreError> {
        let version = self.inner.commit(key, expected, change).await?;
        self.news.add_committed(key, version, change);
        Ok(version)
    }

    async fn experiments(
        &self,
        query: &ExperimentQuery,
    ) -> Result<Vec<StoredExperiment>, StoreError> {
        self.inner.experiments(query).await
    }

    async fn trials(&self, query: &TrialQuery) -> Result<Vec<TrialRecord>, StoreError> {
        self.inner.trials(query).await
    }

    async fn trial(
        &self,
        experiment: &ExperimentKey,
        name: &str,
    ) -> Result<Option<TrialRecord>, StoreError> {
        self.inner.trial(experiment, name).await
    }

    async fn find_trials(&self, name: &str) -> Result<Vec<FoundTrial>, StoreError> {
        self.inner.find_trials(name).await
    }

    async fn append(
        &self,
        trial: &TrialRef,
        points: &[MetricPoint],
        cursors: &[Cursor],
    ) -> Result<(), StoreError> {
        self.inner.append(trial, points, cursors).await
    }

    async fn report(&self, trial: &TrialRef, points: &[ReportedPoint]) -> Result<(), StoreError> {
        self.inner.report(trial, points).await
    }

    async fn cursors(&self, trial: &TrialRef) -> Result<Vec<Cursor>, StoreError> {
        self.inner.cursors(trial).await
    }

    async fn observations(&self, query: &ObservationQuery) -> Result<Vec<MetricPoint>, StoreError> {
        self.inner.observations(query).await
    }

    async fn delete_observations(&self, trial: &TrialRef) -> Result<(), StoreError> {
        self.inner.delete_observations(trial).await
    }

    async fn foreign_trial(&self, name: &str) -> Result<TrialRef, StoreError> {
        self.inner.foreign_trial(name).await
    }

    async fn find_foreign_trial(&self, name: &str) -> Result<Option<TrialRef>, StoreError> {
        self.inner.find_foreign_trial(name).await
    }

    async fn delete(&self, key: &ExperimentKey) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
