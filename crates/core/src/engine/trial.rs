//! What becomes of one trial, and the conditions that tell it.

use crate::gist::gist;
use crate::record::{EARLIER_CAP, EarlierAttempt, StopCause, TrialRecord, TrialState};
use crate::resources::{ConditionStatus, set_condition};
use crate::time::Timestamp;

use super::Point;

impl TrialRecord {
    /// A new one.
    pub(super) fn pending(number: u64, name: String, point: Point, now: Timestamp) -> Self {
        let mut trial = Self {
            rules: point.rules,
            labels: point.labels,
            created: now,
            conditions: Vec::with_capacity(3),
            ..Self::foreign(number, name, point.assignments, TrialState::Pending)
        };
        trial.tell(TrialState::Pending, "TrialCreated", "Trial is created", now);
        trial
    }

    pub(super) fn start(&mut self, now: Timestamp) {
        self.state = TrialState::Running;
        self.started = Some(now);
        self.not_before = None;
        self.tell(self.state, "TrialRunning", "Trial is running", now);
    }

    /// Makes it pending again, for its next launch; the one that ended joins the earlier ones.
    pub(super) fn again(
        &mut self,
        reason: &str,
        message: &str,
        not_before: Option<Timestamp>,
        now: Timestamp,
    ) {
        if let Some(started) = self.started {
            self.remember(EarlierAttempt {
                number: self.attempt,
                started,
                ended: now,
                why: gist(message),
            });
        }
        self.state = TrialState::Pending;
        self.attempt = self.attempt.saturating_add(1);
        self.not_before = not_before;
        self.observation = None;
        self.tell_not_running(reason, message, now);
    }

    fn remember(&mut self, attempt: EarlierAttempt) {
        let surplus = (self.earlier.len() + 1).saturating_sub(EARLIER_CAP);
        self.earlier.drain(..surplus);
        self.earlier.push(attempt);
    }

    /// Ends it as failed by itself.
    pub(super) fn fail(&mut self, message: &str, now: Timestamp) {
        let message = format!("Trial has failed. Job message: {message}");
        self.close(TrialState::Failed, "TrialFailed", &message, now);
    }

    /// Ends it as what it was stopped for.
    pub(super) fn stopped(&mut self, cause: StopCause, now: Timestamp) {
        let killed = (TrialState::Killed, "TrialKilled");
        let ((state, reason), message) = match cause {
            StopCause::RuleFired { message } => (
                (TrialState::EarlyStopped, "TrialEarlyStopped"),
                format!("Trial is early stopped: {message}"),
            ),
            StopCause::DeadlineExceeded => (
                (TrialState::Failed, "TrialDeadlineExceeded"),
                "Trial has failed: it ran longer than activeDeadlineSeconds".to_owned(),
            ),
            StopCause::ExperimentEnded | StopCause::Interrupted => (
                killed,
                "Trial was stopped: the experiment has ended".to_owned(),
            ),
            StopCause::Requested => (killed, "Trial was stopped: somebody stopped it".to_owned()),
        };
        self.close(state, reason, &message, now);
    }

    /// Ends it. A stopped-early trial keeps `Running` true in its list, as Katib's does.
    pub(super) fn close(&mut self, state: TrialState, reason: &str, message: &str, now: Timestamp) {
        self.state = state;
        self.finished = Some(now);
        self.stopping = None;
        let running = TrialState::Running.condition();
        let ran = self
            .conditions
            .iter()
            .any(|condition| condition.kind == running);
        if ran && state != TrialState::EarlyStopped {
            self.tell_not_running("TrialRunning", "Trial is not running", now);
        }
        self.tell(state, reason, message, now);
    }

    /// Why it counts as failed, if it does.
    pub(super) fn why_failed(&self) -> Option<String> {
        let has_failed = matches!(
            self.state,
            TrialState::Failed | TrialState::MetricsUnavailable
        );
        let last = self.conditions.last().filter(|_| has_failed)?;
        Some(gist(&last.message))
    }

    fn tell(&mut self, state: TrialState, reason: &str, message: &str, now: Timestamp) {
        let (kind, holds) = (state.condition(), ConditionStatus::True);
        set_condition(&mut self.conditions, kind, holds, reason, message, now);
    }

    fn tell_not_running(&mut self, reason: &str, message: &str, now: Timestamp) {
        let (kind, holds) = (TrialState::Running.condition(), ConditionStatus::False);
        set_condition(&mut self.conditions, kind, holds, reason, message, now);
    }
}
