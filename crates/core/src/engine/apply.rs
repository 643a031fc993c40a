//! What has happened.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::record::{OptimizerState, StopCause, TrialRecord, TrialState};
use crate::resources::{
    AlgorithmSetting, ConditionStatus, EarlyStoppingRule, ExperimentSpec, Observation,
    ParameterAssignment, set_condition,
};
use crate::time::Timestamp;

use super::best::{Objective, objective_value};
use super::{Outcome, Snapshot};

/// A launch that vanishes is repeated so often before it counts as a failure.
const MAX_LOSSES: u32 = 10;
/// Longest wait between two tries of anything.
const MAX_BACKOFF_SECONDS: i64 = 60;

/// Something that has happened to an experiment.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The optimizer answered.
    Suggested {
        /// The points, each with the name of its trial. More than the budget has room for are dropped.
        points: Vec<Point>,
        /// State that the optimizer wants back; replaces settings of the same name.
        settings: Vec<AlgorithmSetting>,
        /// Whether it can be asked again.
        next: OptimizerState,
    },
    /// The optimizer failed to answer.
    SuggestionFailed {
        /// What it said.
        message: String,
        /// Whether asking again is pointless, because the experiment itself is wrong.
        permanent: bool,
    },
    /// A pending trial is about to be launched.
    Started {
        /// Which trial.
        trial: u64,
    },
    /// A trial is about to be stopped. One that was never launched ends here.
    Stopping {
        /// Which trial.
        trial: u64,
        /// Why.
        cause: StopCause,
    },
    /// A launch has ended.
    Ended {
        /// Which trial.
        trial: u64,
        /// Which launch.
        attempt: u32,
        /// How.
        end: End,
        /// What it reported.
        observation: Observation,
    },
    /// The experiment ends.
    Finished(Outcome),
    /// The user changed the specification.
    Edited(Box<ExperimentSpec>),
    /// The user asks for the end.
    StopRequested,
    /// The user takes the end back.
    StopWithdrawn,
}

/// A point with the name of its trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Name of the trial; empty: [`super::trial_name`] makes one.
    pub name: String,
    /// The parameters.
    pub assignments: Vec<ParameterAssignment>,
    /// When to stop it early.
    pub rules: Vec<EarlyStoppingRule>,
    /// What the optimizer wants to find again.
    pub labels: BTreeMap<String, String>,
}

/// How a launch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Well.
    Succeeded,
    /// Badly: exit code, signal, last words.
    Failed(String),
    /// It is gone and nobody knows how: a power cut, or everything was killed at once.
    Lost(String),
}

/// An event that does not fit the snapshot. The interpreter drops it: somebody else was faster, or it is a repetition.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejected {
    /// There is no such active trial; it may have ended before.
    #[error("trial {0} is not active")]
    NotActive(u64),
    /// The trial is not in the state that the event supposes.
    #[error("trial {0} is {1:?}")]
    WrongState(u64, TrialState),
    /// The event is about an earlier launch.
    #[error("trial {trial} is at attempt {current}, not {attempt}")]
    StaleAttempt {
        /// Which trial.
        trial: u64,
        /// The event's launch.
        attempt: u32,
        /// The current one.
        current: u32,
    },
    /// The experiment has ended.
    #[error("the experiment has ended")]
    Completed,
}

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
            Event::StopRequested => self.record.progress.stop_requested = true,
            Event::StopWithdrawn => {
                self.record.progress.stop_requested = false;
                self.reopen(now);
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
            self.put(new_trial(number, name, point, now));
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
        trial.state = TrialState::Running;
        trial.started = Some(now);
        trial.not_before = None;
        set_condition(
            &mut trial.conditions,
            "Running",
            ConditionStatus::True,
            "TrialRunning",
            "Trial is running",
            now,
        );
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
            TrialState::Pending => close(
                &mut trial,
                TrialState::Killed,
                "TrialKilled",
                &stop_message(&cause),
                now,
            ),
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
        let objective = self.record.spec.objective.as_ref();
        let missing = objective.is_none_or(|objective| {
            objective_value(objective, Some(&observation)) == Objective::Missing
        });
        trial.observation = (!observation.metrics.is_empty()).then_some(observation);
        match (trial.stopping.take(), end) {
            (Some(StopCause::Interrupted), _) if !self.is_completed() => again(
                &mut trial,
                "TrialInterrupted",
                "Diwan was stopped",
                None,
                now,
            ),
            (Some(StopCause::RuleFired { message }), _) => close(
                &mut trial,
                TrialState::EarlyStopped,
                "TrialEarlyStopped",
                &format!("Trial is early stopped: {message}"),
                now,
            ),
            (Some(StopCause::DeadlineExceeded), _) => close(
                &mut trial,
                TrialState::Failed,
                "TrialDeadlineExceeded",
                "Trial has failed: it ran longer than activeDeadlineSeconds",
                now,
            ),
            (Some(cause), _) => close(
                &mut trial,
                TrialState::Killed,
                "TrialKilled",
                &stop_message(&cause),
                now,
            ),
            (None, End::Succeeded) if missing => {
                let message = self.unavailable_message();
                close(
                    &mut trial,
                    TrialState::MetricsUnavailable,
                    "MetricsUnavailable",
                    &message,
                    now,
                );
            }
            (None, End::Succeeded) => close(
                &mut trial,
                TrialState::Succeeded,
                "TrialSucceeded",
                "Trial has succeeded",
                now,
            ),
            (None, End::Failed(message)) => self.failed(&mut trial, &message, now),
            (None, End::Lost(message)) => self.lost(&mut trial, &message, now),
        }
        self.put(trial);
        Ok(())
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
            again(
                trial,
                "TrialRetrying",
                &message,
                Some(backoff(now, trial.failures)),
                now,
            );
        } else {
            close(
                trial,
                TrialState::Failed,
                "TrialFailed",
                &format!("Trial has failed. Job message: {message}"),
                now,
            );
        }
    }

    fn lost(&self, trial: &mut TrialRecord, message: &str, now: Timestamp) {
        trial.losses += 1;
        if trial.losses <= MAX_LOSSES && !self.is_completed() {
            again(trial, "TrialLost", message, None, now);
        } else {
            close(
                trial,
                TrialState::Failed,
                "TrialFailed",
                &format!("Trial has failed. Job message: {message}"),
                now,
            );
        }
    }

    fn edited(&mut self, spec: ExperimentSpec, now: Timestamp) {
        self.record.spec = spec;
        let generation = self.record.metadata.generation.get_or_insert(1);
        *generation = generation.saturating_add(1);
        self.reopen(now);
    }

    fn unavailable_message(&self) -> String {
        let objective = self.record.spec.objective.as_ref();
        let name = objective.map_or("", |objective| objective.objective_metric_name.as_str());
        format!("Metrics are not available: the trial ended well but never reported {name}")
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

fn new_trial(number: u64, name: String, point: Point, now: Timestamp) -> TrialRecord {
    let mut conditions = Vec::with_capacity(3);
    set_condition(
        &mut conditions,
        "Created",
        ConditionStatus::True,
        "TrialCreated",
        "Trial is created",
        now,
    );
    TrialRecord {
        number,
        name,
        assignments: point.assignments,
        rules: point.rules,
        labels: point.labels,
        state: TrialState::Pending,
        attempt: 1,
        failures: 0,
        losses: 0,
        created: now,
        started: None,
        finished: None,
        not_before: None,
        stopping: None,
        conditions,
        observation: None,
    }
}

/// Ends a trial. A stopped-early trial keeps `Running` true in its list, as Katib's does.
fn close(trial: &mut TrialRecord, state: TrialState, reason: &str, message: &str, now: Timestamp) {
    trial.state = state;
    trial.finished = Some(now);
    trial.stopping = None;
    let ran = trial
        .conditions
        .iter()
        .any(|condition| condition.kind == "Running");
    if ran && state != TrialState::EarlyStopped {
        set_condition(
            &mut trial.conditions,
            "Running",
            ConditionStatus::False,
            "TrialRunning",
            "Trial is not running",
            now,
        );
    }
    set_condition(
        &mut trial.conditions,
        state.condition(),
        ConditionStatus::True,
        reason,
        message,
        now,
    );
}

/// Makes a trial pending again, for its next launch.
fn again(
    trial: &mut TrialRecord,
    reason: &str,
    message: &str,
    not_before: Option<Timestamp>,
    now: Timestamp,
) {
    trial.state = TrialState::Pending;
    trial.attempt = trial.attempt.saturating_add(1);
    trial.not_before = not_before;
    trial.observation = None;
    set_condition(
        &mut trial.conditions,
        "Running",
        ConditionStatus::False,
        reason,
        message,
        now,
    );
}

fn stop_message(cause: &StopCause) -> String {
    let why = match cause {
        StopCause::ExperimentEnded | StopCause::Interrupted => "the experiment has ended",
        StopCause::Requested => "somebody stopped it",
        StopCause::DeadlineExceeded => "its time was up",
        StopCause::RuleFired { message } => message,
    };
    format!("Trial was stopped: {why}")
}

/// A second after the first failure, doubling, at most a minute.
fn backoff(now: Timestamp, failures: u32) -> Timestamp {
    now.plus_seconds((1_i64 << failures.saturating_sub(1).min(6)).min(MAX_BACKOFF_SECONDS))
}
