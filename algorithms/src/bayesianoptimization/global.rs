//! The worthiest points of the whole space.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::climb::{Candidate, Hill};
use super::{FITTED, HELD, Search};
use crate::evidence::normal;
use crate::gp::{Data, Posterior, Prior, fit, warp, without_outliers};
use crate::lbfgs::Effort;

/// Evaluations of a fit.
const FIT_LIMIT: usize = 30;

const PRIOR: Prior = Prior {
    length: -0.7,
    noise: -13.0,
    bends: true,
};

/// Candidates from everywhere, and near the best points.
const EVERYWHERE: usize = 100;
const NEARBY: usize = 100;
/// Points that are searched around.
const CENTRES: usize = 4;
/// Candidates that climb.
const CLIMBERS: usize = 4;
const CLIMB: Effort = Effort {
    evaluations: 25,
    step: 0.03,
    least_gain: 1e-8,
};
/// Rounds through the dimensions that do not climb.
const ROUNDS: usize = 2;

/// Points to try, the worthiest first; none if there is no model.
pub(super) fn best(search: &Search<'_>, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let Some(whole) = search.whole() else {
        return Vec::new();
    };
    let Some(posterior) = whole.believing(&search.pending()) else {
        return Vec::new();
    };
    let hill = Hill {
        posterior: &posterior,
        acquisition: search.options.acquisition,
        best: whole.lowest_mean(),
        feasibility: search.feasibility(),
        frame: None,
    };
    let mut candidates = sample(search, &hill, rng);
    sort(&mut candidates);
    if search.options.climbs {
        for candidate in candidates.iter_mut().take(CLIMBERS) {
            let climbed = climb(search, &hill, candidate.x.clone());
            if climbed.worth > candidate.worth {
                *candidate = climbed;
            }
        }
        sort(&mut candidates);
    }
    candidates
        .into_iter()
        .map(|candidate| candidate.x)
        .collect()
}

fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by(|a, b| b.worth.total_cmp(&a.worth));
}

/// The model of the whole space.
pub(super) fn posterior(search: &Search<'_>) -> Option<Posterior> {
    let fitted = held(search, FITTED);
    without_outliers(held(search, HELD), PRIOR, |held| {
        let fitted: Vec<usize> = fitted
            .iter()
            .copied()
            .filter(|index| held.binary_search(index).is_ok())
            .collect();
        let hyper = fit(&data(search, &fitted), PRIOR, FIT_LIMIT);
        Posterior::new(data(search, held), hyper)
    })
}

/// Observations in ascending order, at most `limit`: half of them the best, half spread evenly over the other ranks.
fn held(search: &Search<'_>, limit: usize) -> Vec<usize> {
    let ranking = &search.evidence.ranking;
    if ranking.len() <= limit {
        return (0..ranking.len()).collect();
    }
    let (best, rest) = ranking.split_at(limit / 2);
    let spread = limit - best.len();
    let others = (0..spread).map(|k| rest[k * rest.len() / spread]);
    let mut held: Vec<usize> = best.iter().copied().chain(others).collect();
    held.sort_unstable();
    held
}

fn data(search: &Search<'_>, held: &[usize]) -> Data {
    let evidence = &search.evidence;
    let losses: Vec<f64> = held.iter().map(|&index| evidence.losses[index]).collect();
    let values = warp(&losses);
    let mut data = Data::new(search.metric.clone());
    for (&index, value) in held.iter().zip(values) {
        data.push(evidence.seen.row(index), value);
    }
    data
}

fn sample(search: &Search<'_>, hill: &Hill<'_>, rng: &mut ChaCha8Rng) -> Vec<Candidate> {
    let ranking = &search.evidence.ranking;
    let dimensions = search.metric.dimensions();
    let mut candidates = Vec::with_capacity(EVERYWHERE + NEARBY);
    for _ in 0..EVERYWHERE {
        let x: Vec<f64> = (0..dimensions).map(|_| rng.random()).collect();
        candidates.push(hill.candidate(search.snap(x)));
    }
    for round in 0..NEARBY {
        let centre = search
            .evidence
            .seen
            .row(ranking[round % CENTRES.min(ranking.len())]);
        let x = search.beside(centre, rng);
        candidates.push(hill.candidate(search.snap(x)));
    }
    candidates
}

/// Climbs by gradient in the ordered dimensions, then by single steps in those that have not all positions.
fn climb(search: &Search<'_>, hill: &Hill<'_>, from: Vec<f64>) -> Candidate {
    let free: Vec<usize> = (0..from.len())
        .filter(|&d| search.ordered[d] && !from[d].is_nan())
        .collect();
    let mut top = hill.candidate(from.clone());
    if !free.is_empty() {
        let bounds = vec![(0.0, 1.0); free.len()];
        let climbed = hill.climb(from, &free, &bounds, CLIMB);
        let climbed = hill.candidate(search.snap(climbed.x));
        if climbed.worth > top.worth {
            top = climbed;
        }
    }
    for _ in 0..ROUNDS {
        let before = top.worth;
        for neighbour in search.neighbours(&top.x) {
            let neighbour = hill.candidate(neighbour);
            if neighbour.worth > top.worth {
                top = neighbour;
            }
        }
        if top.worth <= before {
            break;
        }
    }
    top
}

/// Values of one dimension that a step may lead to, when they have no order.
const STEPS: u64 = 8;

impl Search<'_> {
    /// The position of the point that this position leads to.
    fn snap(&self, x: Vec<f64>) -> Vec<f64> {
        crate::evidence::position(self.space, &self.space.at(x))
    }

    /// A point at some distance, in some of the dimensions.
    fn beside(&self, centre: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
        let reach = 0.5 * 10_f64.powf(-3.0 * rng.random::<f64>());
        let share = (3.0 / centre.len() as f64).max(0.3);
        let mut moved = |(d, &at): (usize, &f64)| {
            let (step, chosen, anywhere): (f64, f64, f64) =
                (normal(rng), rng.random(), rng.random());
            match (
                chosen < share || at.is_nan(),
                self.ordered[d] && !at.is_nan(),
            ) {
                (false, _) => at,
                (true, true) => (at + reach * step).clamp(0.0, 1.0),
                (true, false) => anywhere,
            }
        };
        centre.iter().enumerate().map(&mut moved).collect()
    }

    /// Points that differ in one dimension of countably many values.
    fn neighbours(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let mut found = Vec::new();
        for (d, dimension) in self.space.dimensions().iter().enumerate() {
            let Some(count) = dimension.count() else {
                continue;
            };
            if x[d].is_nan() {
                continue;
            }
            let width = 1.0 / count as f64;
            let steps: Vec<f64> = if self.ordered[d] {
                vec![-width, width]
            } else {
                (1..count.min(u128::from(STEPS)))
                    .map(|k| k as f64 * width)
                    .collect()
            };
            for step in steps {
                let mut moved = x.to_vec();
                moved[d] += step;
                if self.ordered[d] && !(0.0..=1.0).contains(&moved[d]) {
                    continue;
                }
                moved[d] = moved[d].rem_euclid(1.0);
                for inactive in moved.iter_mut().filter(|x| x.is_nan()) {
                    *inactive = 0.5;
                }
                found.push(self.snap(moved));
            }
        }
        found
    }
}
