//! PostgreSQL, for several processes on several machines.
//!
//! Nearly every call is one statement, and so one transaction and one round trip. Whatever was on its way when the database went
//! away is sent again (see [`patience`]).

mod experiments;
mod fault;
mod hold;
mod interning;
mod observations;
mod opening;
mod patience;
mod reports;
mod sql;
mod sweep;
mod trials;

use std::any::Any;
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::engine::{Change, Snapshot};
use diwan_core::observation::{MetricPoint, ReportedPoint};
use diwan_core::record::{ExperimentKey, TrialRecord};
use sqlx::postgres::PgPool;
use tokio::sync::watch;

use crate::metrics::MetricIds;
use crate::{
    Cursor, ExperimentQuery, FoundTrial, ObservationQuery, Store, StoreError, StoredExperiment,
    TrialQuery, TrialRef, value,
};

/// A [`Store`] in a PostgreSQL database.
pub struct PostgresStore {
    pool: PgPool,
    metrics: MetricIds,
    generation: watch::Sender<u64>,
    /// A number that no other handle has.
    handle: i64,
}

/// How long a store waits for its connections when it is closed.
const CLOSING: Duration = Duration::from_secs(2);

/// Binds a launch: namespace, name and uid of its experiment, number, attempt.
macro_rules! launch {
    ($query:expr, $trial:expr) => {
        $query
            .bind(&$trial.experiment.namespace)
            .bind(&$trial.experiment.name)
            .bind(&$trial.uid)
            .bind(crate::columns::integer("trial number", $trial.number)?)
            .bind(i64::from($trial.attempt))
    };
}
use launch;

impl PostgresStore {
    /// Connects to the database at a URL, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, and makes its tables, in the first
    /// schema of the search path, or brings them up to date.
    ///
    /// # Errors
    /// When the database cannot be used: the variants of [`StoreError`] say why.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let (pool, handle) = opening::pool(url).await?;
        let store = Self {
            pool,
            metrics: MetricIds::default(),
            generation: watch::Sender::new(0),
            handle,
        };
        store.sweep_in_background();
        Ok(store)
    }

    fn announce(&self) {
        self.generation
            .send_modify(|generation| *generation = generation.wrapping_add(1));
    }
}

/// The columns `value` and `text` of points.
fn split_all<'a>(
    values: impl Iterator<Item = &'a str>,
) -> (Vec<Option<f64>>, Vec<Option<Vec<u8>>>) {
    let split = values.map(value::split);
    split
        .map(|(number, text)| (number, text.map(String::into_bytes)))
        .unzip()
}

/// Text that was stored as bytes.
fn text_of(bytes: Vec<u8>) -> Result<String, StoreError> {
    String::from_utf8(bytes).map_err(|error| StoreError::Damaged {
        what: "a name or value is no UTF-8".to_owned(),
        source: Some(error.into()),
    })
}

#[async_trait]
impl Store for PostgresStore {
    async fn create(&self, snapshot: &mut Snapshot) -> Result<(), StoreError> {
        self.create_experiment(snapshot).await
    }

    async fn load(&self, key: &ExperimentKey) -> Result<Option<Snapshot>, StoreError> {
        self.load_experiment(key).await
    }

    async fn version(&self, key: &ExperimentKey) -> Result<Option<u64>, StoreError> {
        let found = self.version_and_uid(key).await?;
        Ok(found.map(|(version, _)| version))
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

    async fn hold(&self, uid: &str) -> Result<Box<dyn Any + Send>, StoreError> {
        self.hold_experiment(uid).await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    async fn close(&self) {
        // It waits for every connection, also for one to a server that is gone.
        let _ = tokio::time::timeout(CLOSING, self.pool.close()).await;
    }
}
