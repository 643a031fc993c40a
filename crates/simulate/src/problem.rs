//! What a simulated problem is.

use diwan_core::resources::{ObjectiveType, ParameterSpec};

use crate::stream::Stream;
pub use crate::values::{BadValue, Values};

/// Standard deviation of the logarithm of drawn durations: two thirds of the trials take between 0.7 and 1.35 seconds.
const SPREAD: f64 = 0.3;

/// Something to optimise whose trials can be played instead of run. It has no state: the same values and seed give the same.
pub trait Problem: Send + Sync {
    /// What is searched.
    fn parameters(&self) -> &[ParameterSpec];

    /// What trials report.
    fn metric(&self) -> &'static str {
        "loss"
    }

    /// Whether small values of it are wanted, or large ones.
    fn objective(&self) -> ObjectiveType {
        ObjectiveType::Minimize
    }

    /// The best value that [`Problem::truth`] has, if that is known.
    fn optimum(&self) -> Option<f64>;

    /// How many times a trial reports that runs to its end, at most; at least 1.
    fn steps(&self) -> usize {
        1
    }

    /// What a trial of these values does. The seed is of its noise, if it has any.
    ///
    /// # Errors
    /// When a value that matters is missing, or is none of its parameter.
    fn run(&self, values: &Values<'_>, seed: u64) -> Result<Run, BadValue>;

    /// What a whole trial of these values reaches, without noise; nothing if it fails.
    ///
    /// # Errors
    /// As [`Problem::run`].
    fn truth(&self, values: &Values<'_>) -> Result<Option<f64>, BadValue>;
}

/// What a trial does.
#[derive(Clone, Debug, PartialEq)]
pub enum Run {
    /// It reports, at least once, and succeeds.
    Reports(Vec<Step>),
    /// It fails after so many seconds without a report, whenever it is tried.
    Fails(f64),
}

/// One report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Of the metric; the last one is the trial's result.
    pub value: f64,
    /// How long the trial has worked for it since the report before, in seconds.
    pub seconds: f64,
}

impl Run {
    /// One report, after a second or so: durations are log-normal around it, drawn by the trial's seed.
    #[must_use]
    pub fn once(value: f64, seed: u64) -> Self {
        let deviations = Stream::new("problem: duration", seed, 0).normal();
        Self::Reports(vec![Step {
            value,
            seconds: (SPREAD * deviations).exp(),
        }])
    }

    /// How long it takes, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        match self {
            Self::Reports(steps) => steps.iter().map(|step| step.seconds).sum(),
            Self::Fails(seconds) => *seconds,
        }
    }
}
