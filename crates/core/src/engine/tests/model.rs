//! What must become of trials and experiments, from the events alone and without counters.

use std::collections::BTreeMap;

use super::*;

/// Launches of a trial that may vanish.
const LOSSES: u32 = 10;

/// What is known of a trial.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trial {
    pub(super) state: TrialState,
    pub(super) attempt: u32,
    pub(super) failures: u32,
    pub(super) losses: u32,
    pub(super) stopping: Option<StopCause>,
    pub(super) started: Option<Timestamp>,
    /// Number, start and end of every launch before this one.
    pub(super) earlier: Vec<(u32, Timestamp, Timestamp)>,
    /// Its result, if that is a number.
    pub(super) value: Option<f64>,
}

/// What is known of an experiment.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) spec: ExperimentSpec,
    pub(super) trials: BTreeMap<u64, Trial>,
    pub(super) completed: bool,
    /// It ended by what only a larger budget takes back: its time, or a refusal.
    for_good: bool,
    pub(super) optimizer: OptimizerState,
    stop_requested: bool,
    since: Timestamp,
}

impl Model {
    pub(super) fn new(spec: &ExperimentSpec, now: Timestamp) -> Self {
        Self {
            spec: spec.clone(),
            trials: BTreeMap::new(),
            completed: false,
            for_good: false,
            optimizer: OptimizerState::Ready,
            stop_requested: false,
            since: now,
        }
    }

    /// Takes an event that was accepted.
    pub(super) fn take(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::Suggested { points, next, .. } => {
                let room = usize::try_from(self.room()).unwrap();
                points.iter().take(room).for_each(|_| self.add());
                self.optimizer = next;
            }
            Event::SuggestionFailed {
                permanent: true, ..
            } => self.finish(&Outcome::SuggestionFailed(String::new())),
            Event::SuggestionFailed { message, .. } => self.suggestion_failed(message, now),
            Event::Started { trial } => {
                let trial = self.trials.get_mut(&trial).unwrap();
                (trial.state, trial.started) = (TrialState::Running, Some(now));
            }
            Event::Stopping { trial, cause } => {
                let trial = self.trials.get_mut(&trial).unwrap();
                match (trial.state, &cause) {
                    (TrialState::Pending, StopCause::Interrupted) => {}
                    (TrialState::Pending, _) => trial.state = stopped(&cause),
                    _ => drop(trial.stopping.get_or_insert(cause)),
                }
            }
            Event::Ended {
                trial,
                end,
                observation,
                ..
            } => self.ended(trial, &end, &observation, now),
            Event::Finished(outcome) => self.finish(&outcome),
            Event::Edited(spec) => {
                let raised = budgets(&spec)
                    .into_iter()
                    .zip(budgets(&self.spec))
                    .any(|(new, old)| new > old);
                self.spec = *spec;
                self.for_good &= !raised;
                self.reopen(now);
            }
            Event::StopRequested => self.stop_requested = true,
            Event::StopWithdrawn => {
                self.stop_requested = false;
                self.reopen(now);
            }
        }
    }

    fn add(&mut self) {
        let trial = Trial {
            state: TrialState::Pending,
            attempt: 1,
            failures: 0,
            losses: 0,
            stopping: None,
            started: None,
            earlier: Vec::new(),
            value: None,
        };
        self.trials.insert(self.trials.len() as u64, trial);
    }

    fn suggestion_failed(&mut self, message: String, now: Timestamp) {
        let failures = match self.optimizer {
            OptimizerState::Failing { failures, .. } => failures + 1,
            _ => 1,
        };
        let again = now.plus_seconds([1, 2, 4, 8, 16, 32, 60][failures.min(7) as usize - 1]);
        self.optimizer = OptimizerState::Failing {
            failures,
            again,
            message,
        };
    }

    fn ended(&mut self, number: u64, end: &End, observation: &Observation, now: Timestamp) {
        let template = self.spec.trial_template.as_ref();
        let retries = template.and_then(|template| template.retry_limit).unwrap();
        let completed = self.completed;
        let trial = self.trials.get_mut(&number).unwrap();
        let metric = observation.metric("accuracy");
        trial.value = metric.and_then(|metric| metric.latest.parse().ok());
        let well = match end {
            End::Succeeded => true,
            End::Truncated(_) => metric.is_some(),
            _ => false,
        };
        let cause = trial.stopping.take().filter(|_| !well);
        let failed = matches!(end, End::Failed(_));
        trial.failures += u32::from(cause.is_none() && failed);
        trial.losses += u32::from(cause.is_none() && !failed && !well);
        let again = !completed
            && match (&cause, end) {
                (Some(cause), _) => *cause == StopCause::Interrupted,
                (None, _) if well => false,
                (None, End::Failed(_)) => i64::from(trial.failures) <= i64::from(retries),
                (None, _) => trial.losses <= LOSSES,
            };
        trial.state = match (&cause, end) {
            _ if again => TrialState::Pending,
            (Some(cause), _) => stopped(cause),
            (None, _) if well && metric.is_none() => TrialState::MetricsUnavailable,
            (None, _) if well => TrialState::Succeeded,
            (None, _) => TrialState::Failed,
        };
        if again {
            let started = trial.started.expect("it ran");
            trial.earlier.push((trial.attempt, started, now));
            trial.attempt += 1;
        }
        // The next launch starts afresh.
        trial.value = trial.value.filter(|_| !again);
    }

    fn finish(&mut self, outcome: &Outcome) {
        self.completed = true;
        self.for_good = matches!(
            outcome,
            Outcome::DeadlineReached | Outcome::SuggestionFailed(_)
        );
        self.stop_requested &= *outcome == Outcome::Stopped;
    }

    /// An end is taken back if nothing would end the experiment that started now.
    fn reopen(&mut self, now: Timestamp) {
        if !self.completed || self.for_good {
            return;
        }
        let before = std::mem::replace(&mut self.since, now);
        match self.verdict(now) {
            None => self.completed = false,
            Some(_) => self.since = before,
        }
    }

    /// How the experiment must end now, if it must.
    pub(super) fn verdict(&self, now: Timestamp) -> Option<Outcome> {
        let spec = &self.spec;
        let failed = self.count(TrialState::Failed) + self.count(TrialState::MetricsUnavailable);
        let finished = self.trials.len() as i32 - self.active().count() as i32;
        let deadline = spec.active_deadline_seconds;
        let is_over = |seconds| self.since.plus_seconds(seconds) <= now;
        let exhausted = self.optimizer == OptimizerState::Exhausted;
        [
            (self.goal_reached(), Outcome::GoalReached),
            (
                failed > 0 && spec.max_failed_trial_count.is_some_and(|max| failed >= max),
                Outcome::MaxFailedReached,
            ),
            (
                spec.max_trial_count.is_some_and(|max| finished >= max),
                Outcome::MaxTrialsReached,
            ),
            (
                exhausted && self.active().next().is_none(),
                Outcome::SearchExhausted,
            ),
            (self.stop_requested, Outcome::Stopped),
            (deadline.is_some_and(is_over), Outcome::DeadlineReached),
        ]
        .into_iter()
        .find_map(|(holds, outcome)| holds.then_some(outcome))
    }

    fn goal_reached(&self) -> bool {
        let objective = self.spec.objective.as_ref().unwrap();
        let (Some(goal), Some(best)) = (objective.goal, self.best()) else {
            return false;
        };
        best == goal || objective.kind.better(best, goal)
    }

    /// The best value of the trials that ended well.
    pub(super) fn best(&self) -> Option<f64> {
        let kind = self.spec.objective.as_ref().unwrap().kind;
        let well = [TrialState::Succeeded, TrialState::EarlyStopped];
        self.trials
            .values()
            .filter(|trial| well.contains(&trial.state))
            .filter_map(|trial| trial.value.filter(|value| value.is_finite()))
            .reduce(|a, b| match kind {
                ObjectiveType::Maximize => a.max(b),
                _ => a.min(b),
            })
    }

    pub(super) fn count(&self, state: TrialState) -> i32 {
        self.trials
            .values()
            .filter(|trial| trial.state == state)
            .count() as i32
    }

    pub(super) fn active(&self) -> impl Iterator<Item = (u64, &Trial)> {
        let trials = self.trials.iter().map(|(number, trial)| (*number, trial));
        trials.filter(|(_, trial)| trial.state.is_active())
    }

    pub(super) fn parallel(&self) -> i32 {
        self.spec.parallel_trial_count.unwrap()
    }

    /// How many more trials there may be.
    pub(super) fn room(&self) -> i32 {
        let max = self.spec.max_trial_count.unwrap_or(i32::MAX);
        (max - self.trials.len() as i32).max(0)
    }

    pub(super) fn may_ask(&self, now: Timestamp) -> bool {
        match self.optimizer {
            OptimizerState::Ready => true,
            OptimizerState::Exhausted => false,
            OptimizerState::Waiting { finished, .. } => {
                (self.trials.len() - self.active().count()) as u64 > finished
            }
            OptimizerState::Failing { again, .. } => again <= now,
        }
    }

    /// Why a running trial must be stopped now, if it must.
    pub(super) fn must_stop(&self, trial: &Trial, now: Timestamp) -> Option<StopCause> {
        let template = self.spec.trial_template.as_ref();
        let seconds = template.and_then(|template| template.active_deadline_seconds);
        let overdue = seconds.is_some_and(|seconds| {
            let started = trial.started.expect("it runs");
            started.plus_seconds(seconds) <= now
        });
        let late = overdue.then_some(StopCause::DeadlineExceeded);
        trial.stopping.clone().or(late)
    }
}

/// The budgets that can end an experiment; one that is left out has no bound.
fn budgets(spec: &ExperimentSpec) -> [i64; 3] {
    let counts = [spec.max_trial_count, spec.max_failed_trial_count];
    let [trials, failed] = counts.map(|count| count.map_or(i64::MAX, i64::from));
    [
        trials,
        failed,
        spec.active_deadline_seconds.unwrap_or(i64::MAX),
    ]
}

fn stopped(cause: &StopCause) -> TrialState {
    match cause {
        StopCause::RuleFired { .. } => TrialState::EarlyStopped,
        StopCause::DeadlineExceeded => TrialState::Failed,
        StopCause::ExperimentEnded | StopCause::Requested | StopCause::Interrupted => {
            TrialState::Killed
        }
    }
}
