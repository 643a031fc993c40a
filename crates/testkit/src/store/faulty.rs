//! A store that fails when it is told to.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use diwan_core::engine::{Change, Snapshot};
use diwan_core::observation::{MetricPoint, ReportedPoint};
use diwan_core::record::{ExperimentKey, TrialRecord};
use diwan_store::{
    Cursor, ExperimentQuery, FoundTrial, ObservationQuery, Store, StoreError, StoredExperiment,
    TrialQuery, TrialRef,
};
use tokio::sync::watch;

/// What a call is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Look something up.
    Read,
    /// Change something.
    Write,
}

/// Passes calls on to another store, unless they are to fail.
pub struct Faulty {
    store: Arc<dyn Store>,
    fault: Box<dyn Fn(Access) -> Option<StoreError> + Send + Sync>,
}

impl Faulty {
    /// `fault` is asked before each call; what it answers is the call's error.
    pub fn new(
        store: Arc<dyn Store>,
        fault: impl Fn(Access) -> Option<StoreError> + Send + Sync + 'static,
    ) -> Self {
        let fault = Box::new(fault);
        Self { store, fault }
    }

    fn to(&self, access: Access) -> Result<&dyn Store, StoreError> {
        match (self.fault)(access) {
            Some(error) => Err(error),
            None => Ok(&*self.store),
        }
    }
}

#[async_trait]
impl Store for Faulty {
    async fn create(&self, snapshot: &mut Snapshot) -> Result<(), StoreError> {
        self.to(Access::Write)?.create(snapshot).await
    }

    async fn load(&self, key: &ExperimentKey) -> Result<Option<Snapshot>, StoreError> {
        self.to(Access::Read)?.load(key).await
    }

    async fn version(&self, key: &ExperimentKey) -> Result<Option<u64>, StoreError> {
        self.to(Access::Read)?.version(key).await
    }

    async fn commit(
        &self,
        key: &ExperimentKey,
        expected: u64,
        change: &Change,
    ) -> Result<u64, StoreError> {
        let store = self.to(Access::Write)?;
        store.commit(key, expected, change).await
    }

    async fn experiments(
        &self,
        query: &ExperimentQuery,
    ) -> Result<Vec<StoredExperiment>, StoreError> {
        self.to(Access::Read)?.experiments(query).await
    }

    async fn trials(&self, query: &TrialQuery) -> Result<Vec<TrialRecord>, StoreError> {
        self.to(Access::Read)?.trials(query).await
    }

    async fn trial(
        &self,
        experiment: &ExperimentKey,
        name: &str,
    ) -> Result<Option<TrialRecord>, StoreError> {
        self.to(Access::Read)?.trial(experiment, name).await
    }

    async fn find_trials(&self, name: &str) -> Result<Vec<FoundTrial>, StoreError> {
        self.to(Access::Read)?.find_trials(name).await
    }

    async fn append(
        &self,
        trial: &TrialRef,
        points: &[MetricPoint],
        cursors: &[Cursor],
    ) -> Result<(), StoreError> {
        let store = self.to(Access::Write)?;
        store.append(trial, points, cursors).await
    }

    async fn report(&self, trial: &TrialRef, points: &[ReportedPoint]) -> Result<(), StoreError> {
        self.to(Access::Write)?.report(trial, points).await
    }

    async fn cursors(&self, trial: &TrialRef) -> Result<Vec<Cursor>, StoreError> {
        self.to(Access::Read)?.cursors(trial).await
    }

    async fn observations(&self, query: &ObservationQuery) -> Result<Vec<MetricPoint>, StoreError> {
        self.to(Access::Read)?.observations(query).await
    }

    async fn delete_observations(&self, trial: &TrialRef) -> Result<(), StoreError> {
        self.to(Access::Write)?.delete_observations(trial).await
    }

    async fn foreign_trial(&self, name: &str) -> Result<TrialRef, StoreError> {
        self.to(Access::Write)?.foreign_trial(name).await
    }

    async fn find_foreign_trial(&self, name: &str) -> Result<Option<TrialRef>, StoreError> {
        self.to(Access::Read)?.find_foreign_trial(name).await
    }

    async fn delete(&self, key: &ExperimentKey) -> Result<(), StoreError> {
        self.to(Access::Write)?.delete(key).await
    }

    async fn hold(&self, uid: &str) -> Result<Box<dyn Any + Send>, StoreError> {
        self.store.hold(uid).await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.store.changes()
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
