//! How an experiment ends, and its conditions.

use crate::record::OptimizerState;
use crate::resources::{ConditionStatus, holds, set_condition};
use crate::time::Timestamp;

use super::{Snapshot, best::goal_reached, snapshot::count};

/// How the message begins when the optimizer refuses the experiment.
const SUGGESTION_FAILED: &str = "Suggestion has failed: ";

/// How an experiment ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A trial is as good as the goal.
    GoalReached,
    /// All trials that the budget allows have ended.
    MaxTrialsReached,
    /// The optimizer has no more points, and all trials have ended.
    SearchExhausted,
    /// The time is up.
    DeadlineReached,
    /// Somebody asked for the end.
    Stopped,
    /// Too many trials failed.
    MaxFailedReached,
    /// The optimizer refuses the experiment.
    SuggestionFailed(String),
}

impl Outcome {
    /// Type, reason and message of the condition. Types, and the reasons and messages of Katib's five outcomes, are Katib's.
    #[must_use]
    pub fn condition(&self) -> (&'static str, &'static str, String) {
        let (kind, reason, message) = match self {
            Self::GoalReached => (
                "Succeeded",
                "ExperimentGoalReached",
                "Experiment has succeeded because Objective goal has reached",
            ),
            Self::MaxTrialsReached => (
                "Succeeded",
                "ExperimentMaxTrialsReached",
                "Experiment has succeeded because max trial count has reached",
            ),
            Self::SearchExhausted => (
                "Succeeded",
                "ExperimentSuggestionEndReached",
                "Experiment has succeeded because suggestion service has reached the end",
            ),
            Self::DeadlineReached => (
                "Succeeded",
                "ExperimentDeadlineReached",
                "Experiment has ended because activeDeadlineSeconds has passed",
            ),
            Self::Stopped => (
                "Succeeded",
                "ExperimentStopped",
                "Experiment was stopped on request",
            ),
            Self::MaxFailedReached => (
                "Failed",
                "ExperimentFailed",
                "Experiment has failed because max failed count has reached",
            ),
            Self::SuggestionFailed(why) => {
                return (
                    "Failed",
                    "ExperimentFailed",
                    format!("{SUGGESTION_FAILED}{why}"),
                );
            }
        };
        (kind, reason, message.to_owned())
    }

    /// Why the optimizer refused the experiment, from the message of the condition that says so.
    #[must_use]
    pub fn suggestion_failure(message: &str) -> Option<&str> {
        message.strip_prefix(SUGGESTION_FAILED)
    }

    /// The outcome that a condition's reason tells; none for failures, which share one reason.
    #[must_use]
    pub fn of_reason(reason: &str) -> Option<Self> {
        [
            Self::GoalReached,
            Self::MaxTrialsReached,
            Self::SearchExhausted,
            Self::DeadlineReached,
            Self::Stopped,
        ]
        .into_iter()
        .find(|outcome| outcome.condition().1 == reason)
    }
}

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

impl Snapshot {
    pub(super) fn finish(&mut self, outcome: &Outcome, now: Timestamp) {
        let (kind, reason, message) = outcome.condition();
        let progress = &mut self.record.progress;
        progress.completion_time = Some(now);
        if holds(&progress.conditions, "Restarting") {
            set_condition(
                &mut progress.conditions,
                "Restarting",
                ConditionStatus::False,
                "ExperimentRestarting",
                "Experiment is restarted",
                now,
            );
        }
        set_condition(
            &mut progress.conditions,
            "Running",
            ConditionStatus::False,
            "ExperimentRunning",
            "Experiment is not running",
            now,
        );
        set_condition(
            &mut progress.conditions,
            kind,
            ConditionStatus::True,
            reason,
            &message,
            now,
        );
    }

    /// Opens a completed experiment again if nothing ends it any more: its budget was raised, or a stop was taken back.
    pub(super) fn reopen(&mut self, now: Timestamp) {
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
        set_condition(
            &mut progress.conditions,
            "Restarting",
            ConditionStatus::True,
            "ExperimentRestarting",
            "Experiment is restarted",
            now,
        );
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
        let conditions = &mut self.record.progress.conditions;
        set_condition(
            conditions,
            "Running",
            ConditionStatus::True,
            reason,
            &message,
            now,
        );
    }
}
