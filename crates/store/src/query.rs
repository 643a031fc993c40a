//! What can be asked, and some of the answers.

use diwan_core::observation::{Place, Source};
use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialRecord, TrialState};

/// The most rows that one call returns; a larger `limit` means this one. For more, ask again with `after`.
pub const MAX_PAGE: u32 = 10_000;

/// One launch of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrialRef {
    /// Its experiment; of empty namespace and name for a foreign trial.
    pub experiment: ExperimentKey,
    /// The experiment's uid: a late report for a deleted experiment does not reach another one of the same name.
    pub uid: String,
    /// The trial's number.
    pub number: u64,
    /// Number of the launch.
    pub attempt: u32,
}

impl TrialRef {
    /// The current launch of a trial.
    #[must_use]
    pub fn new(experiment: &ExperimentRecord, trial: &TrialRecord) -> Self {
        Self {
            experiment: experiment.key(),
            uid: experiment.metadata.uid.clone(),
            number: trial.number,
            attempt: trial.attempt,
        }
    }
}

/// How far a stream has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which stream.
    pub source: Source,
    /// Byte offset of the first line that has not been read.
    pub offset: i64,
    /// Where in the stream the file begins that is read now: 0, unless the trial wrote its file anew.
    pub base: i64,
    /// What the file's bytes before `offset` are recognised by; 0 for streams that only grow.
    pub print: i64,
}

impl Cursor {
    /// In a stream that only grows.
    #[must_use]
    pub const fn new(source: Source, offset: i64) -> Self {
        Self {
            source,
            offset,
            base: 0,
            print: 0,
        }
    }
}

/// Which points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservationQuery {
    /// Of which launch.
    pub trial: TrialRef,
    /// Of one metric only.
    pub metric: Option<String>,
    /// At this time or later, in nanoseconds since 1970; leaves out points without a time.
    pub from_ns: Option<i64>,
    /// At this time or earlier; leaves out points without a time.
    pub to_ns: Option<i64>,
    /// Behind this place only: the last one of the page before.
    pub after: Option<Place>,
    /// At most so many, and never more than [`MAX_PAGE`].
    pub limit: u32,
}

impl ObservationQuery {
    /// Source, position and part that the page begins behind.
    pub(crate) fn behind(&self) -> (i64, i64, i32) {
        self.after.map_or((-1, 0, 0), |place| {
            (i64::from(place.source as u8), place.offset, place.index)
        })
    }

    /// The first page of all points of a launch.
    #[must_use]
    pub fn of(trial: TrialRef) -> Self {
        Self {
            trial,
            metric: None,
            from_ns: None,
            to_ns: None,
            after: None,
            limit: MAX_PAGE,
        }
    }
}

/// Which experiments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentQuery {
    /// Of one namespace only.
    pub namespace: Option<String>,
    /// Only those about which something is left to do: not ended, or with active trials.
    pub open: bool,
    /// Behind this one only: the last one of the page before.
    pub after: Option<ExperimentKey>,
    /// At most so many, and never more than [`MAX_PAGE`].
    pub limit: u32,
}

impl Default for ExperimentQuery {
    /// The first page of all experiments.
    fn default() -> Self {
        Self {
            namespace: None,
            open: false,
            after: None,
            limit: MAX_PAGE,
        }
    }
}

/// An experiment without its trials.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredExperiment {
    /// Specification and progress.
    pub record: ExperimentRecord,
    /// Its version, from 1.
    pub version: u64,
}

/// Which trials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialQuery {
    /// Of which experiment.
    pub experiment: ExperimentKey,
    /// In one of these states; empty: in any.
    pub states: Vec<TrialState>,
    /// Behind this number only, in the order asked for: the last one of the page before.
    pub after: Option<u64>,
    /// From the highest number to the lowest.
    pub newest_first: bool,
    /// At most so many, and never more than [`MAX_PAGE`].
    pub limit: u32,
}

impl TrialQuery {
    /// The number that the page begins behind, as databases compare it.
    pub(crate) fn behind(&self) -> i64 {
        let first = if self.newest_first { i64::MAX } else { -1 };
        // No stored number is beyond i64::MAX, so for a bound beyond it that one does.
        self.after
            .map_or(first, |number| i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// The first page of all trials of an experiment.
    #[must_use]
    pub fn of(experiment: ExperimentKey) -> Self {
        Self {
            experiment,
            states: Vec::new(),
            after: None,
            newest_first: false,
            limit: MAX_PAGE,
        }
    }
}

/// A trial that was found by its name alone.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundTrial {
    /// Its experiment.
    pub experiment: ExperimentKey,
    /// The experiment's uid.
    pub uid: String,
    /// The trial.
    pub trial: TrialRecord,
}

impl FoundTrial {
    /// Its current launch.
    #[must_use]
    pub fn reference(&self) -> TrialRef {
        TrialRef {
            experiment: self.experiment.clone(),
            uid: self.uid.clone(),
            number: self.trial.number,
            attempt: self.trial.attempt,
        }
    }
}
