//! What is due.

use crate::record::{OptimizerState, StopCause, TrialRecord, TrialState};
use crate::time::Timestamp;

use super::experiment_status::{deadline, verdict};
use super::{Outcome, Snapshot, snapshot::count};

/// Something for the interpreter to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Ask the optimizer for so many points; answer with `Suggested` or `SuggestionFailed`.
    Suggest {
        /// How many, at least 1.
        count: u64,
    },
    /// Apply and commit `Started`, then launch.
    Start {
        /// Which trial.
        trial: u64,
    },
    /// Apply and commit `Stopping`, then stop the launch, if there is one; answer with `Ended`.
    Stop {
        /// Which trial.
        trial: u64,
        /// Why.
        cause: StopCause,
    },
    /// Apply and commit `Finished`.
    Finish(Outcome),
    /// Nothing more happens by itself before this moment; look again then.
    WakeAt(Timestamp),
}

/// What is due in `snapshot` at `now`. Pure; the same arguments name the same actions.
#[must_use]
pub fn step(snapshot: &Snapshot, now: Timestamp) -> Vec<Action> {
    if snapshot.is_completed() {
        return snapshot
            .active
            .values()
            .map(stop_with_the_experiment)
            .collect();
    }
    if let Some(outcome) = verdict(snapshot, now) {
        return vec![Action::Finish(outcome)];
    }
    let mut actions = stops(snapshot, now);
    actions.extend(starts(snapshot, now));
    actions.extend(suggest(snapshot, now));
    actions.extend(wake(snapshot, now));
    actions
}

fn stop_with_the_experiment(trial: &TrialRecord) -> Action {
    Action::Stop {
        trial: trial.number,
        cause: trial.stopping.clone().unwrap_or(StopCause::ExperimentEnded),
    }
}

/// Stops that were decided before (they may not have reached the trial) and those that time decides.
fn stops(snapshot: &Snapshot, now: Timestamp) -> Vec<Action> {
    let due = |trial: &TrialRecord| match &trial.stopping {
        Some(cause) => Some(cause.clone()),
        None => trial_deadline(snapshot, trial)
            .filter(|end| *end <= now)
            .map(|_| StopCause::DeadlineExceeded),
    };
    let running = snapshot.in_state(TrialState::Running);
    running
        .filter_map(|trial| {
            Some(Action::Stop {
                trial: trial.number,
                cause: due(trial)?,
            })
        })
        .collect()
}

fn trial_deadline(snapshot: &Snapshot, trial: &TrialRecord) -> Option<Timestamp> {
    let seconds = snapshot
        .spec()
        .trial_template
        .as_ref()?
        .active_deadline_seconds?;
    Some(trial.started?.plus_seconds(seconds))
}

/// Pending trials that fit beside the running ones, oldest first.
fn starts(snapshot: &Snapshot, now: Timestamp) -> impl Iterator<Item = Action> {
    let running = snapshot.record.progress.counts.trials_running;
    let free = usize::try_from(snapshot.parallel().saturating_sub(running)).unwrap_or(usize::MAX);
    let ready = move |trial: &&TrialRecord| trial.not_before.is_none_or(|time| time <= now);
    snapshot
        .in_state(TrialState::Pending)
        .filter(ready)
        .take(free)
        .map(|trial| Action::Start {
            trial: trial.number,
        })
}

/// As many points as there are free places, never more than the budget leaves.
fn suggest(snapshot: &Snapshot, now: Timestamp) -> Option<Action> {
    let progress = &snapshot.record.progress;
    let may_ask = match &progress.optimizer {
        OptimizerState::Ready => true,
        OptimizerState::Exhausted => false,
        OptimizerState::Waiting { finished, .. } => progress.counts.finished() > *finished,
        OptimizerState::Failing { again, .. } => *again <= now,
    };
    let active = progress.counts.trials_pending + progress.counts.trials_running;
    let count = snapshot
        .parallel()
        .saturating_sub(active)
        .min(snapshot.room());
    (may_ask && count > 0).then_some(Action::Suggest { count })
}

/// The next moment at which time alone makes something due.
fn wake(snapshot: &Snapshot, now: Timestamp) -> Option<Action> {
    let retry_optimizer = match &snapshot.record.progress.optimizer {
        OptimizerState::Failing { again, .. } => Some(*again),
        _ => None,
    };
    let running = snapshot
        .in_state(TrialState::Running)
        .filter(|trial| trial.stopping.is_none());
    let trial_ends = running.filter_map(|trial| trial_deadline(snapshot, trial));
    let retries = snapshot
        .in_state(TrialState::Pending)
        .filter_map(|trial| trial.not_before);
    let moments = trial_ends
        .chain(retries)
        .chain(deadline(snapshot))
        .chain(retry_optimizer);
    moments.filter(|time| *time > now).min().map(Action::WakeAt)
}

impl Snapshot {
    /// How often a failed trial may run again.
    pub(super) fn retry_limit(&self) -> u64 {
        count(
            self.spec()
                .trial_template
                .as_ref()
                .and_then(|template| template.retry_limit)
                .unwrap_or(0),
        )
    }
}
