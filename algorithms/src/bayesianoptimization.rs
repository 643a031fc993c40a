//! Bayesian optimisation with Gaussian processes (Jones, Schonlau and Welch, "Efficient Global Optimization of Expensive
//! Black-Box Functions", J. Global Optimization 13, 1998), global and in a trust region (Eriksson, Pearce, Gardner, Turner and
//! Poloczek, "Scalable Global Optimization via Local Bayesian Optimization", NeurIPS 2019).

mod climb;
mod feasibility;
mod global;
mod region;

use std::cell::OnceCell;

use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, SuggestError, Suggested};
use crate::evidence::{Evidence, Rows, Scale};
use crate::fresh::{self, Fresh, Proposal, Proposer};
use crate::gp::{Acquisition, Metric, Posterior};
use crate::opening;
use crate::settings::{Kind, RANDOM_STATE, Setting};
use crate::space::{Point, Space};
use crate::study::{Study, StudySpec};
use feasibility::Feasibility;
use region::Region;

/// Bayesian optimisation with Gaussian processes.
pub(crate) struct BayesianOptimization;

const BASE_ESTIMATOR: Setting = Setting {
    name: "base_estimator",
    kind: Kind::OneOf(&["GP", "RF", "ET", "GBRT"]),
    default: "GP",
    help: "the model; Katib's forests and boosted trees are taken as GP, which does better",
};

const N_INITIAL_POINTS: Setting = Setting {
    name: "n_initial_points",
    kind: Kind::Int {
        min: 0,
        max: i64::MAX,
    },
    default: "6 where all parameters are numbers, or else 10",
    help: "so many points are spread over the space before the model is asked",
};

/// A few points are enough for the slopes of a function of numbers; values without order must first be seen.
const OPENING_OF_NUMBERS: i64 = 6;
const OPENING: i64 = 10;

const ACQ_FUNC: Setting = Setting {
    name: "acq_func",
    kind: Kind::OneOf(&["gp_hedge", "EI", "LCB", "PI", "EIps", "PIps"]),
    default: "gp_hedge",
    help: "what a trial is worth; gp_hedge is EI and trust regions in turn, the others are without trust regions, and ps \
           (per second) is ignored",
};

const ACQ_OPTIMIZER: Setting = Setting {
    name: "acq_optimizer",
    kind: Kind::OneOf(&["auto", "sampling", "lbfgs"]),
    default: "auto",
    help: "how the worthiest point is found: sampling takes the best of random ones, the others climb from there",
};

impl Algorithm for BayesianOptimization {
    fn name(&self) -> &'static str {
        "bayesianoptimization"
    }

    fn summary(&self) -> &'static str {
        "Learns a Gaussian process of the objective and tries where it promises most, nearby while that pays and everywhere in \
         between. The best choice for up to some hundred expensive trials."
    }

    fn settings(&self) -> &'static [Setting] {
        &[
            BASE_ESTIMATOR,
            N_INITIAL_POINTS,
            ACQ_FUNC,
            ACQ_OPTIMIZER,
            RANDOM_STATE,
        ]
    }

    fn needs_curves(&self, _spec: &StudySpec) -> bool {
        true
    }

    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError> {
        Ok(fresh::proposed(study, count, rng, Search::of(study)))
    }
}

/// A study as the search sees it.
struct Search<'a> {
    space: &'a Space,
    metric: Metric,
    /// Which dimensions have an order.
    ordered: Vec<bool>,
    evidence: Evidence,
    options: Options,
    /// The models, without points under way, so they are the same for a whole batch.
    whole: OnceCell<Option<Posterior>>,
    region: OnceCell<Option<Region>>,
    feasibility: OnceCell<Option<Feasibility>>,
}

/// What the settings say.
struct Options {
    seed: u64,
    opening: usize,
    acquisition: Acquisition,
    regions: bool,
    climbs: bool,
}

/// Observations that a model holds, and that its hyperparameters are fitted to.
const HELD: usize = 300;
const FITTED: usize = 150;
/// The points under way that are looked at.
const BELIEVED: usize = 200;

/// Every so many suggestions the model of the whole space has its turn.
const GLOBAL_EVERY: u64 = 5;

// === impl Search ===

impl<'a> Search<'a> {
    fn of(study: &'a Study) -> Self {
        let scales = Scale::of(study.space());
        Self {
            space: study.space(),
            metric: Metric::of(&scales),
            ordered: scales
                .iter()
                .map(|scale| !matches!(scale, Scale::Nominal(_)))
                .collect(),
            evidence: Evidence::of(study),
            options: Options::of(&study.spec),
            whole: OnceCell::new(),
            region: OnceCell::new(),
            feasibility: OnceCell::new(),
        }
    }

    fn whole(&self) -> Option<&Posterior> {
        self.whole.get_or_init(|| global::posterior(self)).as_ref()
    }

    fn feasibility(&self) -> Option<&Feasibility> {
        let of = || Feasibility::of(&self.metric, &self.evidence);
        self.feasibility.get_or_init(of).as_ref()
    }

    fn pending(&self) -> Rows {
        self.evidence.pending.last(BELIEVED)
    }
}

impl Proposer for Search<'_> {
    /// New points only: where values are rounded alike, or the best is in a corner, a Gaussian process may prefer a point that
    /// was tried.
    fn propose(&mut self, index: u64, fresh: &Fresh<'_>, rng: &mut ChaCha8Rng) -> Proposal {
        if self.evidence.count() < self.options.opening || self.evidence.losses.len() < 2 {
            let first = opening::point(self.space, index, self.options.seed, rng);
            return vec![first].into();
        }
        if self.options.regions && !index.is_multiple_of(GLOBAL_EVERY) {
            let region = self.region.get_or_init(|| Region::of(self));
            let near = region.as_ref().and_then(|region| region.best(self, rng));
            let near = near.map(|x| self.space.at(x));
            if let Some(near) = near.filter(|point| fresh.is_new(point)) {
                return vec![near].into();
            }
        }
        let best = global::best(self, rng).into_iter();
        let points = best.map(|x| self.space.at(x));
        let new = points.filter(|point| fresh.is_new(point));
        new.collect::<Vec<_>>().into()
    }

    fn await_point(&mut self, point: &Point) {
        self.evidence.await_point(self.space, point);
    }
}

// === impl Options ===

impl Options {
    fn of(spec: &StudySpec) -> Self {
        let settings = &spec.settings;
        let acquisition = settings.text(ACQ_FUNC.name);
        let usual = if spec.space.is_smooth() {
            OPENING_OF_NUMBERS
        } else {
            OPENING
        };
        let opening = settings.int(N_INITIAL_POINTS.name).unwrap_or(usual);
        Self {
            seed: spec.effective_seed(),
            opening: usize::try_from(opening).unwrap_or(usize::MAX),
            acquisition: match acquisition {
                Some("LCB") => Acquisition::LowerConfidenceBound,
                Some("PI" | "PIps") => Acquisition::ProbabilityOfImprovement,
                _ => Acquisition::ExpectedImprovement,
            },
            regions: acquisition.is_none_or(|name| name == "gp_hedge"),
            climbs: settings.text(ACQ_OPTIMIZER.name) != Some("sampling"),
        }
    }
}

#[cfg(test)]
mod tests;
