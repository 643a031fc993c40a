//! What is to be played.

use diwan_algorithms::algorithm::SuggestError;
use diwan_algorithms::registry;
use diwan_algorithms::settings::Settings;
use diwan_algorithms::study::StudySpec;
use diwan_core::problem::Problems;
use diwan_core::resources::MetricStrategyType;

use super::Contestant;
use super::cell::Cell;
use crate::play::{Faults, Setup};
use crate::problem::Problem;
use crate::stream;
use crate::suite::ProblemName;

/// Who all others are measured against; it always takes part.
pub const YARDSTICK: &str = "random";

/// All that is to be played. Contestant number 0 is the yardstick.
#[derive(Debug)]
pub struct Plan {
    problems: Vec<ProblemName>,
    contestants: Vec<Contestant>,
    options: Options,
}

/// How it is played.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many whole trials an experiment may spend; at least 1.
    pub budget: u64,
    /// Every experiment is played once with each of them.
    pub seeds: Vec<u64>,
    /// How many trials run at once; at least 1.
    pub workers: u32,
    /// What goes wrong.
    pub faults: Faults,
}

/// More experiments than anybody has the time for.
const MOST: usize = 1_000_000;

/// Why a plan cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPlan {
    /// It is too large.
    #[error(
        "{problems} problems, {contestants} algorithms (random search is one of them) and {seeds} seeds make more than \
         {MOST} experiments"
    )]
    TooLarge {
        /// How many problems.
        problems: usize,
        /// How many contestants, the yardstick included.
        contestants: usize,
        /// How many seeds.
        seeds: usize,
    },
    /// An algorithm cannot search a problem.
    #[error("{contestant} cannot search {problem}")]
    Unsuitable {
        /// The algorithm, as it was written.
        contestant: String,
        /// The problem.
        problem: String,
        /// What the algorithm says of it.
        source: Reason,
    },
}

/// What an algorithm says of a study that it cannot search, cut to the first of many things.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{first}{}", others(*.more))]
pub struct Reason {
    first: String,
    /// What to do about it.
    hint: Option<String>,
    more: usize,
}

fn others(more: usize) -> String {
    match more {
        0 => String::new(),
        _ => format!(" (and {more} more)"),
    }
}

impl From<SuggestError> for Reason {
    fn from(error: SuggestError) -> Self {
        match error {
            SuggestError::Invalid(Problems(problems)) if !problems.is_empty() => Self {
                first: problems[0].to_string(),
                hint: problems[0].hint.clone(),
                more: problems.len() - 1,
            },
            other => Self {
                first: other.to_string(),
                hint: None,
                more: 0,
            },
        }
    }
}

impl BadPlan {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::TooLarge { .. } => None,
            Self::Unsuitable { source, .. } => source.hint.as_deref(),
        }
    }
}

impl Plan {
    /// These contestants, and the yardstick, on these problems. What is named twice takes part once.
    ///
    /// # Errors
    /// When an algorithm cannot search a problem, or it is more than a million experiments.
    pub fn new(
        problems: Vec<ProblemName>,
        contestants: Vec<Contestant>,
        mut options: Options,
    ) -> Result<Self, BadPlan> {
        options.seeds = without_repeats(options.seeds);
        let yardstick: Contestant = YARDSTICK.parse().expect("random search is registered");
        let contestants = std::iter::once(yardstick).chain(contestants);
        let plan = Self {
            problems: without_repeats(problems),
            contestants: without_repeats(contestants),
            options,
        };
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), BadPlan> {
        let (problems, contestants) = (self.problems.len(), self.contestants.len());
        let seeds = self.options.seeds.len();
        if problems.saturating_mul(contestants).saturating_mul(seeds) > MOST {
            return Err(BadPlan::TooLarge {
                problems,
                contestants,
                seeds,
            });
        }
        for name in &self.problems {
            let problem = name.make();
            for contestant in &self.contestants {
                let refused = |source: SuggestError| BadPlan::Unsuitable {
                    contestant: contestant.to_string(),
                    problem: name.to_string(),
                    source: source.into(),
                };
                let study = self.study(problem.as_ref(), contestant);
                let study = study.map_err(|problems| refused(problems.into()))?;
                registry::validate(&study).map_err(refused)?;
            }
        }
        Ok(())
    }

    /// The problems, each once.
    #[must_use]
    pub fn problems(&self) -> &[ProblemName] {
        &self.problems
    }

    /// The contestants, each once; the yardstick first.
    #[must_use]
    pub fn contestants(&self) -> &[Contestant] {
        &self.contestants
    }

    /// How it is played.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// All experiments. Seeds change slowest, so that what was played before an interruption is as even as can be.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for &seed in &self.options.seeds {
            for problem in 0..self.problems.len() {
                let cell = |contestant| Cell {
                    problem,
                    contestant,
                    seed,
                };
                cells.extend((0..self.contestants.len()).map(cell));
            }
        }
        cells
    }

    /// How an experiment is played on its problem.
    ///
    /// # Errors
    /// When the problem's space is none.
    pub(super) fn setup<'a>(
        &self,
        cell: &Cell,
        problem: &'a dyn Problem,
    ) -> Result<Setup<'a>, Problems> {
        let contestant = &self.contestants[cell.contestant];
        let name = self.problems[cell.problem].to_string();
        let mut study = self.study(problem, contestant)?;
        let own = || registry::find(&contestant.algorithm).ok()?.stopping(&study);
        let stopping = contestant.stopping.clone().or_else(own);
        study.seed = stream::seed("bench: optimizer", stream::seed(&name, 0, 0), cell.seed);
        Ok(Setup {
            problem,
            study,
            settings: contestant.settings.clone(),
            stopping,
            budget: self.options.budget,
            workers: self.options.workers as usize,
            faults: self.options.faults,
            seed: stream::seed("bench: world", stream::seed(&name, 0, 0), cell.seed),
        })
    }

    fn study(&self, problem: &dyn Problem, contestant: &Contestant) -> Result<StudySpec, Problems> {
        let mut study = StudySpec::new(problem.parameters(), &contestant.algorithm)?;
        study.settings = Settings::from(contestant.settings.as_slice());
        study.objective.metric = problem.metric().to_owned();
        study.objective.kind = problem.objective();
        study.objective.strategy = MetricStrategyType::Latest;
        study.parallel = Some(self.options.workers);
        // The most that the budget can make: trials of one step each. That there is an end tells hyperband to begin its rounds anew.
        let steps = problem.steps().max(1) as u64;
        let most = self.options.budget.saturating_mul(steps);
        let points = study.space.cardinality().filter(|_| steps > 1);
        let points = points.map_or(u64::MAX, |points| u64::try_from(points).unwrap_or(u64::MAX));
        study.max_trials = Some(most.min(points));
        Ok(study)
    }
}

/// Each thing once, where it stands first.
fn without_repeats<T: ToString>(things: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut known = std::collections::HashSet::new();
    let things = things.into_iter();
    things
        .filter(|thing| known.insert(thing.to_string()))
        .collect()
}
