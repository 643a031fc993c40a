//! What an optimizer is.

use std::collections::BTreeMap;

use diwan_core::problem::{Problem, Problems};
use diwan_core::resources::{AlgorithmSetting, ParameterAssignment};
use rand::rngs::ChaCha8Rng;

use crate::settings::{Setting, Settings};
use crate::space::{Point, Space};
use crate::stopping::Stopping;
use crate::study::{Study, StudySpec};

/// An optimizer: a function from a study to the points to try next.
///
/// It holds no state of its own. What it must remember it writes as labels on the points it suggests, or returns as
/// settings that the experiment stores and gives back.
pub trait Algorithm: Sync {
    /// The name in `algorithmName`; unique.
    fn name(&self) -> &'static str;

    /// One or two sentences on what it does and when to take it.
    fn summary(&self) -> &'static str;

    /// The settings it takes. Validation, the command line's listing and the documentation follow from them.
    fn settings(&self) -> &'static [Setting];

    /// Names of settings that are taken and have no effect, because another optimizer of this name writes them.
    fn ignored_settings(&self) -> &'static [&'static str] {
        &[]
    }

    /// Every setting that is none of these or out of its range, at `path[name]`.
    fn setting_problems(&self, settings: &Settings, path: &str) -> Vec<Problem> {
        let judged = settings.without(self.ignored_settings());
        judged.problems(self.settings(), path)
    }

    /// Which trials [`Algorithm::suggest`] must find in the study. More never harms.
    fn history(&self, _spec: &StudySpec) -> History {
        History::All
    }

    /// Whether [`Algorithm::suggest`] looks at what trials have reported on the way. More never harms.
    fn needs_curves(&self, _spec: &StudySpec) -> bool {
        false
    }

    /// Whether a request for n points gives what n requests for one point would, results aside. True for algorithms
    /// that do not learn.
    fn ignores_batching(&self) -> bool {
        false
    }

    /// The stopping rule that belongs to the algorithm: it stops trials of an experiment that names none of its own.
    fn stopping(&self, _spec: &StudySpec) -> Option<Stopping> {
        None
    }

    /// Notes what is wrong with a study beyond its settings' names and ranges.
    fn check(&self, _spec: &StudySpec, _problems: &mut Vec<Problem>) {}

    /// Whether this algorithm can search this study.
    ///
    /// # Errors
    /// Everything that is in the way.
    fn validate(&self, spec: &StudySpec) -> Result<(), Problems> {
        let path = "spec.algorithm.algorithmSettings";
        let mut problems = self.setting_problems(&spec.settings, path);
        self.check(spec, &mut problems);
        Problems(problems).or(())
    }

    /// Notes what is wrong with a study that is about to begin, but would not stop one that has.
    fn check_beginning(&self, _spec: &StudySpec, _problems: &mut Vec<Problem>) {}

    /// Whether a study of this algorithm may begin.
    ///
    /// # Errors
    /// Everything that is in the way.
    fn admit(&self, spec: &StudySpec) -> Result<(), Problems> {
        let mut problems = self.validate(spec).err().unwrap_or_default();
        self.check_beginning(spec, &mut problems.0);
        problems.or(())
    }

    /// Up to `count` points to try next; fewer only for the reason in [`Suggested::more`].
    ///
    /// A function of its arguments alone: same study, same seed, same answer, on any replica, after any restart. `rng`
    /// is the stream of suggestion number `study.next` (see [`StudySpec::rng`]). Call [`crate::registry::suggest`]
    /// instead, which validates first and passes the right stream.
    ///
    /// # Errors
    /// As [`Self::validate`].
    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError>;
}

/// How much of the finished trials an algorithm needs. Pending and running trials it always gets, and all trials of an
/// experiment that began with some: which points are left follows from no number then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// None of them.
    None,
    /// The best so many.
    Best(u64),
    /// The last so many.
    Last(u64),
    /// All of them.
    All,
}

/// The answer of an algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggested {
    /// The points, in order; suggestion number `study.next` first.
    pub points: Vec<SuggestedPoint>,
    /// State to store: settings to append to the experiment's.
    pub settings: Vec<AlgorithmSetting>,
    /// Whether there is more.
    pub more: More,
}

/// One point to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuggestedPoint {
    /// Its parameters, in the order of the experiment.
    pub assignments: Vec<ParameterAssignment>,
    /// What the algorithm wants to find again on the trial.
    pub labels: BTreeMap<String, String>,
    /// The trial's name, if the algorithm must choose it.
    pub name: Option<String>,
}

/// Whether an algorithm has more points after those it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum More {
    /// Yes, at once.
    Yes,
    /// Not before some of the active trials have ended.
    NotYet {
        /// What it waits for, for people.
        why: String,
    },
    /// Never: every point was suggested. It may come with the last points.
    Exhausted,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuggestError {
    /// There is no such algorithm.
    #[error(transparent)]
    Unknown(#[from] crate::registry::UnknownName),
    /// The algorithm cannot search this study.
    #[error("{}", .0.to_string().replace('\n', "; "))]
    Invalid(#[from] Problems),
}

// === impl Suggested ===

impl Suggested {
    /// The first `count` of some points, which only a finite space can lack. Of a finite space one point more is drawn,
    /// to tell whether these are the last.
    pub(crate) fn first(count: usize, space: &Space, points: impl Iterator<Item = Point>) -> Self {
        let mut points = points.fuse();
        let suggested = points
            .by_ref()
            .take(count)
            .map(|point| SuggestedPoint::new(space, &point))
            .collect();
        let exhausted = space.cardinality().is_some() && points.next().is_none();
        let more = if exhausted {
            More::Exhausted
        } else {
            More::Yes
        };
        Self {
            points: suggested,
            settings: Vec::new(),
            more,
        }
    }
}

// === impl SuggestedPoint ===

impl SuggestedPoint {
    /// A point without labels or a name of its own.
    #[must_use]
    pub fn new(space: &Space, point: &Point) -> Self {
        Self {
            assignments: space.assignments(point),
            labels: BTreeMap::new(),
            name: None,
        }
    }
}
