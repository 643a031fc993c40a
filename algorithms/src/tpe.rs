//! Tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, "Algorithms for Hyper-Parameter Optimization",
//! NeurIPS 2011): a density of the good points, one of the others, and a trial where the first is largest beside the second.
//!
//! Dimensions are modelled together (Falkner, Klein and Hutter, "BOHB", ICML 2018, section 3.2) unless asked otherwise; a
//! conditional dimension counts where it is active. The bandwidth of the good points shrinks with their spread, and better
//! ones weigh more (Watanabe, "Tree-Structured Parzen Estimator: Understanding Its Algorithm Components", 2023, sections 3.3
//! and 3.5). Points under way count as bad, so that a batch spreads.

mod parzen;

use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, SuggestError, Suggested};
use crate::evidence::{Evidence, Scale, position};
use crate::fresh::{self, Fresh, Proposal, Proposer};
use crate::opening;
use crate::settings::{Kind, RANDOM_STATE, Setting};
use crate::space::{Point, Space};
use crate::study::{Study, StudySpec};
use parzen::Parzen;

/// Tree-structured Parzen estimator, under one of its names.
pub(crate) struct Tpe {
    name: &'static str,
    summary: &'static str,
    settings: &'static [Setting],
}

const GAMMA: Setting = Setting {
    name: "gamma",
    kind: Kind::Between {
        above: 0.0,
        below: 1.0,
    },
    default: "0.1",
    help: "the share of the trials that count as good, which are 25 at most",
};

const PRIOR_WEIGHT: Setting = Setting {
    name: "prior_weight",
    kind: Kind::Between {
        above: 0.0,
        below: f64::INFINITY,
    },
    default: "1",
    help: "weight of the space's own distribution beside that of one trial; more explores more",
};

const CANDIDATES: Setting = Setting {
    name: "n_EI_candidates",
    kind: Kind::Int {
        min: 1,
        max: 100_000,
    },
    default: "32",
    help: "so many points are drawn, of which the best becomes a trial",
};

const STARTUP: Setting = Setting {
    name: "n_startup_trials",
    kind: Kind::Int {
        min: 0,
        max: i64::MAX,
    },
    default: "10",
    help: "so many points are spread over the space before the model is asked",
};

const MULTIVARIATE: Setting = Setting {
    name: "multivariate",
    kind: Kind::OneOf(&["true", "false"]),
    default: "true",
    help: "whether parameters are modelled together; false is hyperopt's way",
};

/// With hyperopt's settings.
pub(crate) const TPE: Tpe = Tpe {
    name: "tpe",
    summary: "Tries what looks like the good trials and not like the others. Takes any space and thousands of trials; the \
              choice when bayesianoptimization is too slow for very short trials.",
    settings: &[
        GAMMA,
        PRIOR_WEIGHT,
        CANDIDATES,
        STARTUP,
        MULTIVARIATE,
        RANDOM_STATE,
    ],
};

/// With Optuna's.
pub(crate) const MULTIVARIATE_TPE: Tpe = Tpe {
    name: "multivariate-tpe",
    summary: "tpe under the names that its settings have in Optuna.",
    settings: &[
        STARTUP,
        Setting {
            name: "n_ei_candidates",
            ..CANDIDATES
        },
        RANDOM_STATE,
    ],
};

impl Algorithm for Tpe {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn settings(&self) -> &'static [Setting] {
        self.settings
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
        Ok(fresh::proposed(study, count, rng, Estimator::of(study)))
    }
}

/// A study as the estimator sees it.
pub(crate) struct Estimator<'a> {
    space: &'a Space,
    scales: Vec<Scale>,
    pub(crate) evidence: Evidence,
    options: Options,
}

/// What the settings say.
pub(crate) struct Options {
    seed: u64,
    pub(crate) gamma: f64,
    prior: f64,
    pub(crate) candidates: usize,
    pub(crate) startup: usize,
    joint: bool,
}

/// Good trials, at least and at most.
const GOOD: (usize, usize) = (4, 25);
/// Others that the model holds; of more, so many spread evenly over the ranks.
const OTHERS: usize = 2000;
/// Bandwidths, as fractions of the range: of all others, and of the good ones as a multiple of their spread.
const SIGMA: f64 = 0.2;
const SIGMA_OF_SPREAD: f64 = 0.8;
/// Least bandwidths of the good and of the others.
const SMALLEST_SIGMAS: (f64, f64) = (0.01, 0.003);

impl<'a> Estimator<'a> {
    fn of(study: &'a Study) -> Self {
        Self::new(study, Evidence::of(study), Options::of(&study.spec))
    }

    /// The estimator of a study, of which it knows this.
    pub(crate) fn new(study: &'a Study, evidence: Evidence, options: Options) -> Self {
        Self {
            space: study.space(),
            scales: Scale::of(study.space()),
            evidence,
            options,
        }
    }

    /// Whether there are enough trials to learn from.
    pub(crate) fn knows(&self) -> bool {
        self.evidence.count() >= self.options.startup && !self.evidence.losses.is_empty()
    }

    /// Points like the good ones, the likest first.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<Point> {
        let (good, others) = self.split();
        let (low, high) = (self.density_of_good(&good), self.density_of_others(&others));
        let mut scored: Vec<(f64, Point)> = (0..self.options.candidates)
            .map(|_| {
                let point = self.space.at(low.draw(rng));
                let x = position(self.space, &point);
                (low.log_density(&x) - high.log_density(&x), point)
            })
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0));
        scored.into_iter().map(|(_, point)| point).collect()
    }

    /// The good trials, the best first, and the others.
    fn split(&self) -> (Vec<&[f64]>, Vec<&[f64]>) {
        let Evidence {
            seen,
            ranking,
            failed,
            pending,
            ..
        } = &self.evidence;
        let share = (self.options.gamma * ranking.len() as f64).ceil() as usize;
        let good = share.clamp(GOOD.0, GOOD.1).min(ranking.len());
        let (good, rest) = ranking.split_at(good);
        let held = rest.len().min(OTHERS);
        let rest = (0..held).map(|k| seen.row(rest[k * rest.len() / held]));
        (
            good.iter().map(|&index| seen.row(index)).collect(),
            rest.chain(failed.iter()).chain(pending.iter()).collect(),
        )
    }

    fn density_of_good(&self, rows: &[&[f64]]) -> Parzen {
        let count = rows.len() as f64;
        let weights: Vec<f64> = (0..rows.len())
            .map(|rank| (count + 0.5).ln() - (rank as f64 + 1.0).ln())
            .collect();
        let sigmas: Vec<f64> = (0..self.scales.len())
            .map(|d| SIGMA_OF_SPREAD * spread(rows, d) * self.shrink(count))
            .map(|sigma| sigma.max(SMALLEST_SIGMAS.0))
            .collect();
        self.density(rows, &weights, &sigmas)
    }

    fn density_of_others(&self, rows: &[&[f64]]) -> Parzen {
        let sigma = SIGMA * self.shrink(rows.len() as f64 + 1.0);
        let sigmas = vec![sigma.max(SMALLEST_SIGMAS.1); self.scales.len()];
        self.density(rows, &vec![1.0; rows.len()], &sigmas)
    }

    fn density(&self, rows: &[&[f64]], weights: &[f64], sigmas: &[f64]) -> Parzen {
        let Options { prior, joint, .. } = self.options;
        Parzen::new(rows, weights, prior, &self.scales, sigmas, joint)
    }

    /// Scott's factor (Scott, "Multivariate Density Estimation", 1992, equation 6.42).
    fn shrink(&self, points: f64) -> f64 {
        points.powf(-1.0 / (self.scales.len() as f64 + 4.0))
    }
}

/// The standard deviation of the active coordinates in a dimension, drawn towards that of the whole range by one point.
fn spread(rows: &[&[f64]], d: usize) -> f64 {
    let active = || rows.iter().map(|row| row[d]).filter(|x| !x.is_nan());
    let count = active().count() as f64 + 1.0;
    let mean = (active().sum::<f64>() + 0.5) / count;
    let squares: f64 = active().map(|x| (x - mean).powi(2)).sum();
    ((squares + 1.0 / 12.0) / count).sqrt()
}

impl Proposer for Estimator<'_> {
    fn propose(&mut self, index: u64, _fresh: &Fresh<'_>, rng: &mut ChaCha8Rng) -> Proposal {
        if self.knows() {
            return self.draw(rng).into();
        }
        let seed = self.options.seed;
        vec![opening::point(self.space, index, seed, rng)].into()
    }

    fn await_point(&mut self, point: &Point) {
        self.evidence.await_point(self.space, point);
    }
}

// === impl Options ===

impl Options {
    pub(crate) fn of(spec: &StudySpec) -> Self {
        let settings = &spec.settings;
        let count = |names: &[&str], default| {
            let given = names.iter().find_map(|name| settings.int(name));
            given.map_or(default, |n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        Self {
            seed: spec.effective_seed(),
            gamma: settings.real(GAMMA.name).unwrap_or(0.1),
            prior: settings.real(PRIOR_WEIGHT.name).unwrap_or(1.0),
            candidates: count(&[CANDIDATES.name, "n_ei_candidates"], 32),
            startup: count(&[STARTUP.name], 10),
            joint: settings.text(MULTIVARIATE.name) != Some("false"),
        }
    }
}
