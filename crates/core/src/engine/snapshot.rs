//! What the engine looks at.

use std::collections::BTreeMap;

use crate::record::{ExperimentRecord, TrialRecord, TrialState};
use crate::resources::{ConditionStatus, ExperimentSpec, set_condition};
use crate::time::Timestamp;

/// One experiment at one moment: its record and its active trials, never its history. Its size does not grow with the
/// number of trials that have ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Specification and progress.
    pub record: ExperimentRecord,
    /// Version of the stored record; 0 before it is stored.
    pub version: u64,
    /// Pending and running trials by number.
    pub active: BTreeMap<u64, TrialRecord>,
    pub(super) touched: BTreeMap<u64, TrialRecord>,
}

/// What must be committed: the record, and every trial that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The record as it is now.
    pub record: ExperimentRecord,
    /// Trials that are new or changed, as they are now.
    pub trials: Vec<TrialRecord>,
}

impl Snapshot {
    /// A new experiment, defaults filled in, of which nothing has happened yet.
    #[must_use]
    pub fn create(mut record: ExperimentRecord, now: Timestamp) -> Self {
        record.metadata.creation_timestamp.get_or_insert(now);
        let progress = &mut record.progress;
        progress.start_time = Some(now);
        progress.active_since = Some(now);
        set_condition(
            &mut progress.conditions,
            "Created",
            ConditionStatus::True,
            "ExperimentCreated",
            "Experiment is created",
            now,
        );
        Self::load(record, 0, [])
    }

    /// From the store.
    #[must_use]
    pub fn load(
        record: ExperimentRecord,
        version: u64,
        active: impl IntoIterator<Item = TrialRecord>,
    ) -> Self {
        let active = active
            .into_iter()
            .map(|trial| (trial.number, trial))
            .collect();
        Self {
            record,
            version,
            active,
            touched: BTreeMap::new(),
        }
    }

    /// What has changed since the last call. The record is always in it.
    #[must_use]
    pub fn take_change(&mut self) -> Change {
        let trials = std::mem::take(&mut self.touched).into_values().collect();
        Change {
            record: self.record.clone(),
            trials,
        }
    }

    /// Whether the experiment has ended.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        self.record.progress.completion_time.is_some()
    }

    /// Active trials in a state.
    pub fn in_state(&self, state: TrialState) -> impl Iterator<Item = &TrialRecord> {
        self.active
            .values()
            .filter(move |trial| trial.state == state)
    }

    pub(super) fn spec(&self) -> &ExperimentSpec {
        &self.record.spec
    }

    /// How many trials may run at once; 0 means paused.
    pub(super) fn parallel(&self) -> u64 {
        count(self.spec().parallel_trial_count.unwrap_or(3))
    }

    /// How many more trials may be made.
    pub(super) fn room(&self) -> u64 {
        self.spec().max_trial_count.map_or(u64::MAX, |max| {
            count(max).saturating_sub(self.record.progress.counts.trials)
        })
    }

    /// Puts a trial back after a change, keeping counters, the active set and the list of changes right. The one place where
    /// any of them moves.
    pub(super) fn put(&mut self, trial: TrialRecord) {
        let counts = &mut self.record.progress.counts;
        match self.active.remove(&trial.number) {
            Some(old) => *counts.of_mut(old.state) -= 1,
            None => counts.trials += 1,
        }
        *counts.of_mut(trial.state) += 1;
        if let Some(why) = trial.why_failed() {
            self.record.progress.last_failure = Some(format!("{}: {why}", trial.name));
        }
        if trial.state.is_active() {
            self.active.insert(trial.number, trial.clone());
        } else {
            super::best::consider(self, &trial);
        }
        self.touched.insert(trial.number, trial);
    }
}

/// A count from a specification; what validation refuses counts as zero.
pub(super) fn count(number: i32) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
