//! What has happened.

use crate::record::{OptimizerState, StopCause, TrialRecord, TrialState};
use crate::resources::{AlgorithmSetting, ExperimentSpec, Observation};
use crate::time::Timestamp;

use super::best::{Objective, objective_value};
use super::experiment_status::is_raised;
use super::{End, Event, Outcome, Point, Rejected, Snapshot};

/// A launch that vanishes is repeated so often before it counts as a failure.
const MAX_LOSSES: u32 = 10;
/// Longest wait between two tries of anything.
const MAX_BACKOFF_SECONDS: i64 = 60;

impl Snapshot {
    /// Takes an event into account.
    ///
    /// # Errors
    /// When the event does not fit; the snapshot is then unchanged.
    pub fn apply(&mut self, event: Event, now: Timestamp) -> Result<(), Rejected> {
        match event {
            Event::Suggested {
                points,
                settings,
                next,
            } => self.suggested(points, settings, next, now)?,
            Event::SuggestionFailed { message, permanent } => {
                self.suggestion_failed(message, permanent, now)?
            }
            Event::Started { trial } => self.started(trial, now)?,
            Event::Stopping { trial, cause } => self.stopping(trial, cause, now)?,
            Event::Ended {
                trial,
                attempt,
                end,
                observation,
            } => self.ended(trial, attempt, end, observation, now)?,
            Event::Finished(outcome) if !self.is_completed() => self.finish(&outcome, now),
            Event::Finished(_) => return Err(Rejected::Completed),
            Event::Edited(spec) => self.edited(*spec, now),
            Event::StopRequested if self.is_completed() => return Err(Rejected::Completed),
            Event::StopRequested => self.record.progress.stop_requested = true,
            Event::StopWithdrawn => {
                self.record.progress.stop_requested = false;
                self.reopen(false, now);
            }
        }
        self.refresh_running(now);
        Ok(())
    }

    fn suggested(
        &mut self,
        points: Vec<Point>,
        settings: Vec<AlgorithmSetting>,
        next: OptimizerState,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        if self.is_completed() {
            return Err(Rejected::Completed);
        }
        let room = usize::try_from(self.room()).unwrap_or(usize::MAX);
        let key = self.record.seed();
        for point in points.into_iter().take(room) {
            let number = self.record.progress.counts.trials;
            let name = if point.name.is_empty() {
                super::trial_name(&self.record.metadata.name, key, number)
            } else {
                point.name.clone()
            };
            self.put(TrialRecord::pending(number, name, point, now));
        }
        for setting in settings {
            let kept = &mut self.record.progress.algorithm_settings;
            match kept.iter_mut().find(|old| old.name == setting.name) {
                Some(old) => *old = setting,
                None => kept.push(setting),
            }
        }
        self.record.progress.optimizer = next;
        Ok(())
    }

    fn suggestion_failed(
        &mut self,
        message: String,
        permanent: bool,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        if self.is_completed() {
            return Err(Rejected::Completed);
        }
        if permanent {
            self.finish(&Outcome::SuggestionFailed(message), now);
            return Ok(());
        }
        let failures = match &self.record.progress.optimizer {
            OptimizerState::Failing { failures, .. } => failures.saturating_add(1),
            _ => 1,
        };
        self.record.progress.optimizer = OptimizerState::Failing {
            failures,
            again: backoff(now, failures),
            message,
        };
        Ok(())
    }

    fn started(&mut self, number: u64, now: Timestamp) -> Result<(), Rejected> {
        if self.is_completed() {
            return Err(Rejected::Completed);
        }
        let mut trial = self.active_trial(number, TrialState::Pending)?;
        trial.start(now);
        self.put(trial);
        Ok(())
    }

    fn stopping(&mut self, number: u64, cause: StopCause, now: Timestamp) -> Result<(), Rejected> {
        let mut trial = self
            .active
            .get(&number)
            .cloned()
            .ok_or(Rejected::NotActive(number))?;
        match trial.state {
            TrialState::Pending if cause == StopCause::Interrupted => return Ok(()),
            TrialState::Pending => trial.stopped(cause, now),
            _ if trial.stopping.is_some() => return Ok(()),
            _ => trial.stopping = Some(cause),
        }
        self.put(trial);
        Ok(())
    }

    fn ended(
        &mut self,
        number: u64,
        attempt: u32,
        end: End,
        observation: Observation,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let mut trial = self.active_trial(number, TrialState::Running)?;
        if trial.attempt != attempt {
            return Err(Rejected::StaleAttempt {
                trial: number,
                attempt,
                current: trial.attempt,
            });
        }
        trial.observation = (!observation.metrics.is_empty()).then_some(observation);
        match (trial.stopping.take(), end) {
            // It was done before the stop reached it.
            (_, End::Succeeded) => self.succeeded(&mut trial, now),
            (_, End::Truncated(_)) if self.has_objective(&trial) => {
                self.succeeded(&mut trial, now);
            }
            (Some(StopCause::Interrupted), _) if !self.is_completed() => {
                trial.again(
                    "TrialInterrupted",
                    "interrupted: Diwan was stopped",
                    None,
                    now,
                );
            }
            (Some(cause), _) => trial.stopped(cause, now),
            (None, End::Failed(message)) => self.failed(&mut trial, &message, now),
            // It was told by a Diwan that could not record it any more: its disk was full.
            (None, End::Truncated(message) | End::Left(message) | End::Lost(message)) => {
                self.lost(&mut trial, &message, now);
            }
        }
        self.put(trial);
        Ok(())
    }

    fn has_objective(&self, trial: &TrialRecord) -> bool {
        let objective = self.record.spec.objective.as_ref();
        let value = objective.map(|spec| objective_value(spec, trial.observation.as_ref()));
        !matches!(value, None | Some(Objective::Missing))
    }

    fn succeeded(&self, trial: &mut TrialRecord, now: Timestamp) {
        if !self.has_objective(trial) {
            let objective = self.record.spec.objective.as_ref();
            let name = objective.map_or("", |spec| spec.objective_metric_name.as_str());
            let message = format!(
                "Metrics are not available: the trial ended well but never reported {name}"
            );
            let reason = "MetricsUnavailable";
            trial.close(TrialState::MetricsUnavailable, reason, &message, now);
        } else {
            let message = "Trial has succeeded";
            trial.close(TrialState::Succeeded, "TrialSucceeded", message, now);
        }
    }

    fn failed(&self, trial: &mut TrialRecord, message: &str, now: Timestamp) {
        trial.failures += 1;
        let limit = self.retry_limit();
        if u64::from(trial.failures) <= limit && !self.is_completed() {
            let message = format!(
                "failure {} of at most {}: {message}",
                trial.failures,
                limit.saturating_add(1)
            );
            let after = backoff(now, trial.failures);
            trial.again("TrialRetrying", &message, Some(after), now);
        } else {
            trial.fail(message, now);
        }
    }

    fn lost(&self, trial: &mut TrialRecord, message: &str, now: Timestamp) {
        trial.losses += 1;
        if trial.losses <= MAX_LOSSES && !self.is_completed() {
            trial.again("TrialLost", message, None, now);
        } else {
            trial.fail(message, now);
        }
    }

    fn edited(&mut self, spec: ExperimentSpec, now: Timestamp) {
        let old = std::mem::replace(&mut self.record.spec, spec);
        let generation = self.record.metadata.generation.get_or_insert(1);
        *generation = generation.saturating_add(1);
        let raised = is_raised(&old, self.spec());
        self.reopen(raised, now);
    }

    fn active_trial(&self, number: u64, state: TrialState) -> Result<TrialRecord, Rejected> {
        let trial = self
            .active
            .get(&number)
            .ok_or(Rejected::NotActive(number))?;
        if trial.state == state {
            Ok(trial.clone())
        } else {
            Err(Rejected::WrongState(number, trial.state))
        }
    }
}

/// A second after the first failure, doubling, at most a minute.
fn backoff(now: Timestamp, failures: u32) -> Timestamp {
    now.plus_seconds((1_i64 << failures.saturating_sub(1).min(6)).min(MAX_BACKOFF_SECONDS))
}
