//! What Diwan keeps of an experiment and of a trial: compact, complete, and from which the resources are made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest;
use crate::resources::{
    AlgorithmSetting, Condition, EarlyStoppingRule, ExperimentSpec, ObjectMeta, Observation,
    OptimalTrial, ParameterAssignment, TrialCounts,
};
use crate::time::Timestamp;

/// Which experiment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ExperimentKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ExperimentKey {
    /// Of a namespace and a name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl std::fmt::Display for ExperimentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// An experiment as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExperimentRecord {
    /// Name, namespace, uid, labels.
    pub metadata: ObjectMeta,
    /// What is wanted, defaults filled in.
    pub spec: ExperimentSpec,
    /// How far it is.
    pub progress: Progress,
}

impl ExperimentRecord {
    /// Which experiment this is.
    #[must_use]
    pub fn key(&self) -> ExperimentKey {
        ExperimentKey::new(&self.metadata.namespace, &self.metadata.name)
    }

    /// A number of this experiment alone, from its uid: the seed where its settings name none, and the key of its trials'
    /// names. FNV-1a spreads its bits well enough for both.
    #[must_use]
    pub fn seed(&self) -> u64 {
        digest::fnv1a(digest::EMPTY, self.metadata.uid.as_bytes())
    }
}

/// How far an experiment is. Its size does not grow with the number of trials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// When it was made.
    #[serde(with = "crate::time::optional_millis")]
    pub start_time: Option<Timestamp>,
    /// When it was started last: at creation or a restart. Deadlines count from here.
    #[serde(with = "crate::time::optional_millis")]
    pub active_since: Option<Timestamp>,
    /// When it ended.
    #[serde(with = "crate::time::optional_millis")]
    pub completion_time: Option<Timestamp>,
    /// The last one is the current state.
    pub conditions: Vec<Condition>,
    /// Exact numbers of trials.
    pub counts: TrialCounts,
    /// The best trial.
    pub best: OptimalTrial,
    /// State that the optimizer wants back.
    pub algorithm_settings: Vec<AlgorithmSetting>,
    /// How the dialogue with the optimizer stands.
    pub optimizer: OptimizerState,
    /// Somebody asked for the end.
    pub stop_requested: bool,
    /// Which trial failed last, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<String>,
}

/// How the dialogue with the optimizer stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum OptimizerState {
    /// It can be asked.
    #[default]
    Ready,
    /// It has no more points.
    Exhausted,
    /// It waits for results: ask again when more than `finished` trials have ended.
    Waiting {
        /// Number of ended trials when it was asked: those that end while it thinks are none that it waits for.
        finished: u64,
        /// What it waits for.
        why: String,
    },
    /// It failed: ask again at `again`.
    Failing {
        /// Failures in a row.
        failures: u32,
        /// When to ask again.
        #[serde(with = "crate::time::millis")]
        again: Timestamp,
        /// What it said.
        message: String,
    },
}

/// A trial as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialRecord {
    /// Which suggestion of the experiment it is, from 0.
    pub number: u64,
    /// Its name, unique in the namespace.
    pub name: String,
    /// The point.
    pub assignments: Vec<ParameterAssignment>,
    /// When to stop it early.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<EarlyStoppingRule>,
    /// What the optimizer wants to find again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Where it stands.
    pub state: TrialState,
    /// Number of the launch that runs, or will: 1 at first. Every launch has a number of its own.
    pub attempt: u32,
    /// Launches that failed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub failures: u32,
    /// Launches that vanished without an exit status (power cut, kill of everything).
    #[serde(default, skip_serializing_if = "is_default")]
    pub losses: u32,
    /// The launches before this one, oldest first; only the newest [`EARLIER_CAP`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierAttempt>,
    /// When it was made.
    #[serde(with = "crate::time::millis")]
    pub created: Timestamp,
    /// When its latest launch was.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::optional_millis"
    )]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::optional_millis"
    )]
    pub finished: Option<Timestamp>,
    /// A retry waits until then.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::time::optional_millis"
    )]
    pub not_before: Option<Timestamp>,
    /// It is being stopped, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<StopCause>,
    /// The last one is the current state.
    pub conditions: Vec<Condition>,
    /// What its last launch reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation: Option<Observation>,
}

impl TrialRecord {
    /// A trial that no Diwan has run, and of which only this is known.
    #[must_use]
    pub fn foreign(
        number: u64,
        name: String,
        assignments: Vec<ParameterAssignment>,
        state: TrialState,
    ) -> Self {
        Self {
            number,
            name,
            assignments,
            rules: Vec::new(),
            labels: BTreeMap::new(),
            state,
            attempt: 1,
            failures: 0,
            losses: 0,
            earlier: Vec::new(),
            created: Timestamp::from_millis(0),
            started: None,
            finished: None,
            not_before: None,
            stopping: None,
            conditions: Vec::new(),
            observation: None,
        }
    }
}

fn is_default(number: &u32) -> bool {
    *number == 0
}

/// How many launches before the current one a trial remembers.
pub const EARLIER_CAP: usize = 10;

/// A launch of a trial that was launched again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierAttempt {
    /// Its number.
    pub number: u32,
    /// When it was launched.
    #[serde(with = "crate::time::millis")]
    pub started: Timestamp,
    /// When its end was seen. It may have ended before, while no Diwan watched it.
    #[serde(with = "crate::time::millis")]
    pub ended: Timestamp,
    /// How it ended, in one line.
    pub why: String,
}

/// Where a trial stands. The numbers are stored: never reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum TrialState {
    /// Made, not running.
    Pending = 0,
    /// Launched: from the moment *before* the launch, so that a crash in between is seen.
    Running = 1,
    /// Ended well, with its objective.
    Succeeded = 2,
    /// Ended badly.
    Failed = 3,
    /// Stopped with the experiment or by hand.
    Killed = 4,
    /// Stopped by a stopping rule.
    EarlyStopped = 5,
    /// Ended well, without its objective.
    MetricsUnavailable = 6,
}

impl TrialState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Killed,
        Self::EarlyStopped,
        Self::MetricsUnavailable,
    ];

    /// Whether it can still change.
    #[must_use]
    pub fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }

    /// From its stored number.
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|state| i64::from(*state as u8) == number)
    }

    /// The condition type of this state; a pending trial's is `Created`.
    #[must_use]
    pub fn condition(self) -> &'static str {
        match self {
            Self::Pending => "Created",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Killed => "Killed",
            Self::EarlyStopped => "EarlyStopped",
            Self::MetricsUnavailable => "MetricsUnavailable",
        }
    }
}

impl TrialCounts {
    /// The counter of a state.
    pub fn of_mut(&mut self, state: TrialState) -> &mut u64 {
        match state {
            TrialState::Pending => &mut self.trials_pending,
            TrialState::Running => &mut self.trials_running,
            TrialState::Succeeded => &mut self.trials_succeeded,
            TrialState::Failed => &mut self.trials_failed,
            TrialState::Killed => &mut self.trials_killed,
            TrialState::EarlyStopped => &mut self.trials_early_stopped,
            TrialState::MetricsUnavailable => &mut self.trial_metrics_unavailable,
        }
    }

    /// Trials that have ended, in whatever way.
    #[must_use]
    pub fn finished(&self) -> u64 {
        self.trials_succeeded
            + self.trials_failed
            + self.trials_killed
            + self.trials_early_stopped
            + self.trial_metrics_unavailable
    }
}

/// Why a trial is being stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "camelCase")]
pub enum StopCause {
    /// The experiment has ended; the trial becomes `Killed`.
    ExperimentEnded,
    /// Somebody stopped this trial; it becomes `Killed`.
    Requested,
    /// It ran longer than allowed; it becomes `Failed`.
    DeadlineExceeded,
    /// A stopping rule fired; it becomes `EarlyStopped`.
    RuleFired {
        /// Which rule, and on what value.
        message: String,
    },
    /// Diwan itself is going away; the trial becomes `Pending` and runs again.
    Interrupted,
}
