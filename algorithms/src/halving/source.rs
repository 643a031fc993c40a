//! Where new configurations come from.

use rand::rngs::ChaCha8Rng;

use crate::evidence::{Evidence, position};
use crate::fresh::{Fresh, Proposal, Proposer};
use crate::opening;
use crate::space::Point;
use crate::study::{Outcome, Study, StudyTrial};
use crate::tpe::{Estimator, Options};

/// Makes new configurations.
pub(crate) enum Source<'a> {
    /// They are spread over the space.
    Spread(&'a Study),
    /// A model makes some of them.
    Guided(Box<Guide<'a>>),
}

/// Shares the work between a model and points that are spread over the space: the model gets a third of what is spent.
///
/// A point of the model runs longer than a spread one, which is seldom worth it. Shared by their number, the spread ones would
/// get next to nothing, and the model would see nothing new.
pub(crate) struct Guide<'a> {
    study: &'a Study,
    estimator: Estimator<'a>,
    /// What points of each kind have cost, spread ones first, and how many there were.
    cost: [f64; 2],
    count: [f64; 2],
}

/// The label of a configuration that the model made.
const BY: (&str, &str) = ("by", "model");
/// The model's share of what is spent.
const MODELS_SHARE: f64 = 1.0 / 3.0;
/// How the estimator draws: a wide choice of good points, of which one is taken that is not quite the best.
const GAMMA: f64 = 0.2;
const CANDIDATES: usize = 8;
/// Points that are spread before the model is asked.
const STARTUP: usize = 10;

impl<'a> Source<'a> {
    /// A source that learns from the trials of a study.
    pub(crate) fn guided(study: &'a Study, evidence: Evidence) -> Self {
        let mut options = Options::of(&study.spec);
        (options.gamma, options.candidates) = (GAMMA, CANDIDATES);
        options.startup = STARTUP;
        let mut guide = Guide {
            study,
            estimator: Estimator::new(study, evidence, options),
            cost: [0.0; 2],
            count: [0.0; 2],
        };
        let mut pending = [0.0; 2];
        for trial in study.trials() {
            let kind = usize::from(trial.labels.get(BY.0).is_some_and(|by| by == BY.1));
            if trial.outcome() == Outcome::Pending {
                pending[kind] += 1.0;
            } else {
                guide.cost[kind] += cost(trial);
                guide.count[kind] += 1.0;
            }
        }
        for (kind, pending) in pending.into_iter().enumerate() {
            guide.expect(kind, pending);
        }
        Self::Guided(Box::new(guide))
    }
}

impl Proposer for Source<'_> {
    fn propose(&mut self, index: u64, fresh: &Fresh<'_>, rng: &mut ChaCha8Rng) -> Proposal {
        match self {
            Self::Spread(study) => spread(study, index, rng),
            Self::Guided(guide) => {
                let kind = usize::from(guide.is_models_turn());
                guide.expect(kind, 1.0);
                if kind == 0 {
                    return spread(guide.study, index, rng);
                }
                Proposal {
                    label: Some(BY),
                    ..guide.estimator.propose(index, fresh, rng)
                }
            }
        }
    }

    fn await_point(&mut self, point: &Point) {
        if let Self::Guided(guide) = self {
            guide.estimator.await_point(point);
        }
    }
}

impl Guide<'_> {
    fn is_models_turn(&self) -> bool {
        let [spread, model] = self.cost;
        model <= MODELS_SHARE * (spread + model) && self.estimator.knows()
    }

    /// Points under way cost what those of their kind have cost.
    fn expect(&mut self, kind: usize, count: f64) {
        let mean = self.cost[kind] / self.count[kind];
        self.cost[kind] += count * if mean.is_finite() { mean } else { 1.0 };
        self.count[kind] += count;
    }
}

/// How far a trial came, if its steps are known.
fn cost(trial: &StudyTrial) -> f64 {
    let last = trial.curve.points().last();
    last.map_or(1.0, |last| last.step.max(1) as f64)
}

fn spread(study: &Study, index: u64, rng: &mut ChaCha8Rng) -> Proposal {
    let space = study.space();
    let point = opening::point(space, index, study.spec.effective_seed(), rng);
    // Through the unit cube and back, as a model's points.
    vec![space.at(position(space, &point))].into()
}
