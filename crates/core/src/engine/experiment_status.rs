//! Whether an experiment ends, and its conditions.

use crate::record::OptimizerState;
use crate::resources::{ConditionStatus, ExperimentSpec, set_condition};
use crate::time::Timestamp;

use super::{Outcome, Snapshot, best::goal_reached, snapshot::count};

/// How the experiment ends now, if it does. The order is Katib's: goal, failures, budget.
pub(super) fn verdict(snapshot: &Snapshot, now: Timestamp) -> Option<Outcome> {
    let progress = &snapshot.record.progress;
    let counts = &progress.counts;
    if goal_reached(snapshot) {
        return Some(Outcome::GoalReached);
    }
    let failed = counts.trials_failed + counts.trial_metrics_unavailable;
    if snapshot
        .spec()
        .max_failed_trial_count
        .is_some_and(|max| failed > 0 && failed >= count(max))
    {
        return Some(Outcome::MaxFailedReached);
    }
    if snapshot
        .spec()
        .max_trial_count
        .is_some_and(|max| counts.finished() >= count(max))
    {
        return Some(Outcome::MaxTrialsReached);
    }
    if progress.optimizer == OptimizerState::Exhausted && snapshot.active.is_empty() {
        return Some(Outcome::SearchExhausted);
    }
    if progress.stop_requested {
        return Some(Outcome::Stopped);
    }
    deadline(snapshot)
        .filter(|end| *end <= now)
        .map(|_| Outcome::DeadlineReached)
}

/// When the experiment's time is up.
pub(super) fn deadline(snapshot: &Snapshot) -> Option<Timestamp> {
    let since = snapshot.record.progress.active_since?;
    Some(since.plus_seconds(snapshot.spec().active_deadline_seconds?))
}

/// Whether an edit allows more of anything: of trials, of failures or of time.
pub(super) fn is_raised(old: &ExperimentSpec, new: &ExperimentSpec) -> bool {
    fn more<T: PartialOrd>(old: Option<T>, new: Option<T>) -> bool {
        old.is_some_and(|old| new.is_none_or(|new| new > old))
    }
    more(old.max_trial_count, new.max_trial_count)
        || more(old.max_failed_trial_count, new.max_failed_trial_count)
        || more(old.active_deadline_seconds, new.active_deadline_seconds)
}

impl Snapshot {
    pub(super) fn finish(&mut self, outcome: &Outcome, now: Timestamp) {
        self.record.progress.completion_time = Some(now);
        // A stop that something else forestalls is carried out too: it must not end a restart.
        self.record.progress.stop_requested &= *outcome == Outcome::Stopped;
        let (reason, message) = ("ExperimentRunning", "Experiment is not running");
        self.tell("Running", ConditionStatus::False, reason, message, now);
        let (kind, reason, mut message) = outcome.condition();
        if let (Outcome::MaxFailedReached, Some(last)) =
            (outcome, &self.record.progress.last_failure)
        {
            message = format!("{message}; the last was {last}");
        }
        self.tell(kind, ConditionStatus::True, reason, &message, now);
    }

    /// Opens a completed experiment again if nothing ends it any more: its budget was `raised`, or a stop was taken back.
    pub(super) fn reopen(&mut self, raised: bool, now: Timestamp) {
        if !raised && self.ended_once() {
            return;
        }
        let since = self.record.progress.active_since.replace(now);
        if !self.is_completed() || verdict(self, now).is_some() {
            self.record.progress.active_since = since;
            return;
        }
        let progress = &mut self.record.progress;
        progress.completion_time = None;
        progress
            .conditions
            .retain(|condition| !matches!(condition.kind.as_str(), "Succeeded" | "Failed"));
        // As Katib's, it stays true: its clients look for it every fifteen seconds, and a short run would be over by then.
        let (reason, message) = ("ExperimentRestarting", "Experiment is restarted");
        self.tell("Restarting", ConditionStatus::True, reason, message, now);
    }

    /// Whether it ended by something that [`verdict`] does not find again: its time, which starts anew, or a refusal.
    fn ended_once(&self) -> bool {
        let conditions = &self.record.progress.conditions;
        conditions.iter().any(|condition| {
            Outcome::of_reason(&condition.reason) == Some(Outcome::DeadlineReached)
                || Outcome::suggestion_failure(&condition.message).is_some()
        })
    }

    /// Keeps the Running condition in step with what the experiment does.
    pub(super) fn refresh_running(&mut self, now: Timestamp) {
        if self.is_completed() {
            return;
        }
        let (reason, message) = match &self.record.progress.optimizer {
            _ if self.parallel() == 0 => (
                "ExperimentPaused",
                "Experiment is paused: parallelTrialCount is 0".to_owned(),
            ),
            OptimizerState::Failing {
                failures, message, ..
            } => (
                "ExperimentRunning",
                format!(
                    "Experiment is running; the suggestion service has failed {failures} times: {message}"
                ),
            ),
            _ => ("ExperimentRunning", "Experiment is running".to_owned()),
        };
        self.tell("Running", ConditionStatus::True, reason, &message, now);
    }

    fn tell(
        &mut self,
        kind: &str,
        status: ConditionStatus,
        reason: &str,
        message: &str,
        now: Timestamp,
    ) {
        let conditions = &mut self.record.progress.conditions;
        set_condition(conditions, kind, status, reason, message, now);
    }
}
