//! A store that tells what was committed, so that Kubernetes' objects can follow.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::engine::{self, Snapshot};
use diwan_core::observation::{MetricPoint, ReportedPoint};
use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialRecord};
use diwan_store::{
    Cursor, ExperimentQuery, FoundTrial, ObservationQuery, Store, StoreError, StoredExperiment,
    TrialQuery, TrialRef,
};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::metrics::Metrics;

/// The store, and what was committed through it and is not shown yet.
pub struct MirroredStore {
    inner: Arc<dyn Store>,
    news: Arc<News>,
    metrics: Arc<Metrics>,
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
    pub(crate) trials: BTreeMap<u64, Waiting>,
    /// It could not be shown: until then nothing of it is, so that nothing older comes after something newer.
    pauses_until: Option<Instant>,
}

/// A trial that is to be shown.
pub(crate) struct Waiting {
    pub(crate) trial: TrialRecord,
    /// Its object, if that was just made: uid and version.
    pub(crate) made: Option<(String, String)>,
    /// It was read when something was heard of it, and its end may have been committed, and shown, since.
    pub(crate) may_be_old: bool,
    /// Since when something of it is.
    since: Instant,
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

/// Trials of an experiment that are shown together. Where trials end faster than they can be shown, the experiment is shown
/// between them.
const TOGETHER: usize = 100;
/// How often it is looked whether something that waits may be shown.
const LOOK: Duration = Duration::from_millis(200);

// === impl Waiting ===

impl From<TrialRecord> for Waiting {
    fn from(trial: TrialRecord) -> Self {
        Self {
            trial,
            made: None,
            may_be_old: false,
            since: Instant::now(),
        }
    }
}

// === impl Change ===

impl Change {
    fn is_empty(&self) -> bool {
        self.trials.is_empty() && matches!(self.experiment, Due::No)
    }

    /// What is to be shown now: all but the trials that run, and have not waited for so long, and of the others no more than can
    /// be shown soon. Until all are, the experiment is not seen to have ended.
    fn take_due(&mut self, patience: Duration) -> Self {
        if self
            .pauses_until
            .is_some_and(|until| Instant::now() < until)
        {
            return Self::default();
        }
        self.pauses_until = None;
        let is_due = |waiting: &Waiting| {
            !waiting.trial.state.is_active() || waiting.since.elapsed() >= patience
        };
        let due = self.trials.extract_if(.., |_, waiting| is_due(waiting));
        let trials = due.take(TOGETHER).collect();
        let is_shown = !self.trials.values().any(is_due) || self.experiment.goes_on();
        Self {
            experiment: match is_shown {
                true => std::mem::take(&mut self.experiment),
                false => Due::No,
            },
            trials,
            pauses_until: None,
        }
    }
}

// === impl Due ===

impl Due {
    /// Whether it is known not to have ended.
    fn goes_on(&self) -> bool {
        match self {
            Self::Committed(record, _) => record.progress.completion_time.is_none(),
            Self::No | Self::AsStored => false,
        }
    }
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
            let waiting = change.trials.entry(trial.number);
            waiting.or_insert_with(|| Waiting {
                may_be_old: true,
                ..trial.into()
            });
        });
    }

    /// A trial is to be shown, whose object was just made.
    pub(crate) fn add_made(&self, key: &ExperimentKey, trial: TrialRecord, made: (String, String)) {
        self.note(key, |change| {
            let waiting = change.trials.entry(trial.number);
            waiting.or_insert_with(|| trial.into()).made = Some(made);
        });
    }

    /// A trial is not shown before its first launch: its object is made by that, and its state added with it.
    fn add_committed(&self, key: &ExperimentKey, version: u64, committed: &engine::Change) {
        self.note(key, |change| {
            change.experiment = Due::Committed(Box::new(committed.record.clone()), version);
            let is_first = |trial: &TrialRecord| trial.state.is_active() && trial.attempt == 1;
            for trial in committed.trials.iter().filter(|trial| !is_first(trial)) {
                let waiting = change.trials.entry(trial.number);
                let waiting = waiting.or_insert_with(|| trial.clone().into());
                (waiting.trial, waiting.may_be_old) = (trial.clone(), false);
            }
        });
    }

    /// What could not be shown waits again, for so long at least. What has come meanwhile is newer.
    pub(crate) fn put_back(&self, key: &ExperimentKey, old: Change, pause: Duration) {
        self.note(key, |change| {
            change.pauses_until = Some(Instant::now() + pause);
            if matches!(change.experiment, Due::No) {
                change.experiment = old.experiment;
            }
            for (number, waiting) in old.trials {
                change.trials.entry(number).or_insert(waiting);
            }
        });
    }

    /// Forgets what was to be shown of experiments that are others' now.
    pub(crate) fn keep(&self, is_ours: impl Fn(&ExperimentKey) -> bool) {
        self.waiting().retain(|key, _| is_ours(key));
    }

    /// What is to be shown, when there is something. Trials that run may wait as long as `patience` says.
    pub(crate) async fn take(
        &self,
        patience: impl Fn() -> Duration,
    ) -> BTreeMap<ExperimentKey, Change> {
        loop {
            let (due, is_left) = self.take_due(patience());
            if !due.is_empty() {
                return due;
            }
            match is_left {
                true => tokio::time::sleep(LOOK).await,
                false => self.more.notified().await,
            }
        }
    }

    /// What is to be shown now, and whether anything is left.
    fn take_due(&self, patience: Duration) -> (BTreeMap<ExperimentKey, Change>, bool) {
        let mut waiting = self.waiting();
        let due = waiting
            .iter_mut()
            .map(|(key, change)| (key.clone(), change.take_due(patience)));
        let due = due.filter(|(_, change)| !change.is_empty()).collect();
        waiting.retain(|_, change| !change.is_empty());
        (due, !waiting.is_empty())
    }
}

// === impl MirroredStore ===

impl MirroredStore {
    /// A store whose commits become news, and are counted.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, news: Arc<News>, metrics: Arc<Metrics>) -> Self {
        Self {
            inner,
            news,
            metrics,
        }
    }
}

#[async_trait]
impl Store for MirroredStore {
    async fn create(&self, snapshot: &mut Snapshot) -> Result<(), StoreError> {
        self.inner.create(snapshot).await?;
        self.metrics.created(&snapshot.record);
        self.news.add(&snapshot.record.key());
        Ok(())
    }

    async fn load(&self, key: &ExperimentKey) -> Result<Option<Snapshot>, StoreError> {
        let loaded = self.inner.load(key).await?;
        if let Some(loaded) = &loaded {
            self.metrics.seen(&loaded.record, loaded.version);
        }
        Ok(loaded)
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
        self.metrics.committed(key, version, change);
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
        self.inner.delete(key).await?;
        self.metrics.deleted(key);
        Ok(())
    }

    async fn hold(&self, uid: &str) -> Result<Box<dyn Any + Send>, StoreError> {
        self.inner.hold(uid).await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes()
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_core::record::{Progress, TrialState};
    use diwan_core::resources::{ExperimentSpec, ObjectMeta};
    use diwan_core::time::Timestamp;

    fn change(trials: u64, ended: bool) -> Change {
        let trial = |number| {
            let name = format!("trial-{number}");
            TrialRecord::foreign(number, name, Vec::new(), TrialState::Succeeded)
        };
        let record = ExperimentRecord {
            metadata: ObjectMeta::default(),
            spec: ExperimentSpec::default(),
            progress: Progress {
                completion_time: ended.then(|| Timestamp::from_millis(1)),
                ..Progress::default()
            },
        };
        Change {
            experiment: Due::Committed(Box::new(record), 1),
            trials: (0..trials)
                .map(|number| (number, trial(number).into()))
                .collect(),
            pauses_until: None,
        }
    }

    #[tokio::test]
    async fn an_experiment_is_seen_between_its_trials_and_ends_after_them() {
        for (ended, shown) in [(false, [true, false, false]), (true, [false, false, true])] {
            let mut change = change(250, ended);
            for (trials, shown) in [100, 100, 50].into_iter().zip(shown) {
                let due = change.take_due(Duration::ZERO);
                let is_shown = !matches!(due.experiment, Due::No);
                assert_eq!((due.trials.len(), is_shown), (trials, shown));
            }
            assert!(change.is_empty());
        }
    }
}
