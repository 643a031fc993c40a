//! What an interpreter tells the engine.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::record::{OptimizerState, StopCause, TrialState};
use crate::resources::{
    AlgorithmSetting, EarlyStoppingRule, ExperimentSpec, Observation, ParameterAssignment,
};

use super::Outcome;

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
    /// Well, and by itself: nobody had told it to stop.
    Succeeded,
    /// Well, but the disk was full then, so what it wrote may not all be there.
    Truncated(String),
    /// Badly: exit code, signal, last words.
    Failed(String),
    /// After it was told to stop, so nobody knows whether it was done: many trainers save what they have and leave.
    Left(String),
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
