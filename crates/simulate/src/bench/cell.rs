//! One experiment of a comparison.

use std::time::Duration;

use diwan_core::record::TrialState;
use diwan_core::resources::ObjectiveType;

use super::Plan;
use crate::play::{Caller, Ending, PlayError, Played, play};

/// One contestant on one problem with one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    /// The seed.
    pub seed: u64,
    /// Which problem of the plan.
    pub problem: usize,
    /// Which contestant of the plan.
    pub contestant: usize,
}

/// What came of it.
pub type CellResult = Result<CellRun, CellError>;

/// An experiment that was played to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct CellRun {
    /// What had been reached by then: entry k is the true loss (see [`CellRun::optimum`]) of the trial that looked best when
    /// k + 1 whole trials were spent; nothing while none had succeeded.
    pub reached: Vec<Option<f64>>,
    /// The smallest loss that there is, if that is known. A loss is a value that is minimised, or minus one that is maximised.
    pub optimum: Option<f64>,
    /// How many trials ended.
    pub trials: usize,
    /// How many of them were stopped early.
    pub stopped: usize,
    /// How many failed, or succeeded without a number.
    pub failed: usize,
    /// Virtual time until the last of them ended, in seconds.
    pub seconds: f64,
    /// What a suggestion cost, on average.
    pub cost: Duration,
    /// The same of the last twenty.
    pub last_cost: Duration,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The algorithm refused, or suggested nonsense.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// Nothing ran, and the algorithm gave no points.
    #[error("it is stuck after {trials} trials: {why}")]
    Stuck {
        /// How many trials had ended.
        trials: usize,
        /// What it waited for.
        why: String,
    },
    /// The algorithm panicked.
    #[error("the algorithm broke down")]
    BrokeDown,
    /// It was to end.
    #[error("cancelled")]
    Cancelled,
    /// The problem's space is none.
    #[error(transparent)]
    Space(#[from] diwan_core::problem::Problems),
}

/// Suggestions whose cost is that of the end.
const LAST: usize = 20;

impl Cell {
    /// Plays it.
    ///
    /// # Errors
    /// When it does not come to its end.
    pub fn play(&self, plan: &Plan, caller: &Caller<'_>) -> CellResult {
        let problem = plan.problems()[self.problem].make();
        let played = play(plan.setup(self, problem.as_ref())?, caller)?;
        match &played.ending {
            Ending::Budget | Ending::Exhausted => {}
            Ending::Cancelled => return Err(CellError::Cancelled),
            Ending::Stuck(why) => {
                return Err(CellError::Stuck {
                    trials: played.trials.len(),
                    why: why.clone(),
                });
            }
        }
        let sign = match problem.objective() {
            ObjectiveType::Maximize => -1.0,
            ObjectiveType::Minimize | ObjectiveType::Unknown => 1.0,
        };
        let optimum = problem.optimum().map(|optimum| sign * optimum);
        Ok(CellRun::of(&played, sign, optimum, plan.options().budget))
    }
}

impl CellRun {
    fn of(played: &Played, sign: f64, optimum: Option<f64>, budget: u64) -> Self {
        let in_state = |state| {
            let trials = played.trials.iter();
            trials.filter(|trial| trial.state == state).count()
        };
        let useless = played.trials.iter().filter(|trial| {
            let is_number = trial.value.is_some_and(f64::is_finite);
            trial.state == TrialState::Failed || !is_number
        });
        Self {
            reached: reached(played, sign, budget),
            optimum,
            trials: played.trials.len(),
            stopped: in_state(TrialState::EarlyStopped),
            failed: useless.count(),
            seconds: played.trials.last().map_or(0.0, |trial| trial.ended),
            cost: cost(played, usize::MAX),
            last_cost: cost(played, LAST),
        }
    }
}

/// The true loss of the trial that looks best, after each whole trial that was spent.
fn reached(played: &Played, sign: f64, budget: u64) -> Vec<Option<f64>> {
    let mut trials = played.trials.iter().peekable();
    let mut best: Option<(f64, f64)> = None;
    let after = |spent: u64| {
        while let Some(trial) =
            trials.next_if(|trial| trial.spent <= spent.saturating_mul(played.steps))
        {
            let counts = matches!(
                trial.state,
                TrialState::Succeeded | TrialState::EarlyStopped
            );
            let seen = trial.value.filter(|value| counts && value.is_finite());
            if let (Some(seen), Some(truth)) = (seen, trial.truth)
                && best.is_none_or(|(best, _)| sign * seen < best)
            {
                best = Some((sign * seen, sign * truth));
            }
        }
        best.map(|(_, truth)| truth)
    };
    (1..=budget).map(after).collect()
}

/// What a suggestion cost on average, of the last `count` or so.
fn cost(played: &Played, count: usize) -> Duration {
    let (mut points, mut cost) = (0, Duration::ZERO);
    for request in played.requests.iter().rev() {
        if points >= count {
            break;
        }
        points += request.points;
        cost += request.cost;
    }
    cost / u32::try_from(points.max(1)).unwrap_or(u32::MAX)
}
