//! The neighbourhood of the best point, with a model of its own.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::climb::Hill;
use super::{FITTED, HELD, Search};
use crate::evidence::{Evidence, Rows};
use crate::gp::{Acquisition, Data, Metric, Posterior, Prior, fit, warp, without_outliers};
use crate::lbfgs::Effort;

/// A model of the observations nearest to the best one.
pub(super) struct Region {
    frame: Frame,
    posterior: Posterior,
}

/// Coordinates in which the best observation is 0 and those near it are about 1 away.
pub(super) struct Frame {
    centre: Vec<f64>,
    /// One local unit in each dimension.
    pub(super) units: Vec<f64>,
}

/// So many observations for each dimension, and at least so many.
const NEAREST_EACH: usize = 5;
const NEAREST: usize = 10;
/// A region has a model when there are so many observations for each dimension.
const ENOUGH_EACH: usize = 3;
/// The share of noise in the variance of the observations from which on neighbours differ so much by it that slopes mean
/// little. The model of the whole space tells it: by few observations of a neighbourhood a rugged function looks the same.
const NOISY: f64 = 0.03;
/// No dimension's unit is less than this share of their mean: along it the region would collapse.
const FLATTEST: f64 = 0.1;
/// Half the width of a region that is no wider than rounding.
const NARROWEST: f64 = 1e-9;

const FIT_LIMIT: usize = 30;
const PRIOR: Prior = Prior {
    length: 1.0,
    noise: -13.0,
    bends: false,
};

const CLIMBERS: usize = 4;
const CLIMB: Effort = Effort {
    evaluations: 40,
    step: 0.1,
    least_gain: 1e-8,
};
/// Climbs start so far around the nearest observations, of whose own places all is known.
const JITTER: f64 = 0.2;

impl Region {
    /// `None` while there is too little to learn from, in spaces that have no neighbourhoods, and where noise hides the slopes.
    pub(super) fn of(search: &Search<'_>) -> Option<Self> {
        let evidence = &search.evidence;
        let dimensions = search.metric.dimensions();
        let is_enough = evidence.losses.len() >= ENOUGH_EACH * dimensions;
        if !is_enough || !search.space.is_smooth() || is_noisy(search) {
            return None;
        }
        let best = *evidence.ranking.first()?;
        let centre = evidence.seen.row(best).to_vec();
        let count = (NEAREST_EACH * dimensions).clamp(NEAREST, HELD);
        let nearest = search.metric.nearest(&evidence.seen, &centre, count);
        let rows = nearest.iter().map(|&index| evidence.seen.row(index));
        let units = units(&centre, rows);
        let frame = Frame { centre, units };
        let posterior = without_outliers(nearest, PRIOR, |nearest| {
            let fitted = &nearest[..FITTED.min(nearest.len())];
            let hyper = fit(&frame.data(evidence, fitted), PRIOR, FIT_LIMIT);
            Posterior::new(frame.data(evidence, nearest), hyper)
        })?;
        Some(Self { frame, posterior })
    }

    /// The worthiest point of the region.
    pub(super) fn best(&self, search: &Search<'_>, rng: &mut ChaCha8Rng) -> Option<Vec<f64>> {
        let frame = &self.frame;
        let pending = frame.all_inward(&search.pending());
        let posterior = self.posterior.believing(&pending)?;
        let hill = Hill {
            posterior: &posterior,
            acquisition: Acquisition::ExpectedImprovement,
            best: self.posterior.lowest_mean(),
            feasibility: search.feasibility(),
            frame: Some(frame),
        };
        let free: Vec<usize> = (0..frame.centre.len()).collect();
        let bounds = frame.bounds();
        let starts = posterior.data.points.iter().take(CLIMBERS);
        let climbed = starts.map(|start| {
            let jittered = start.iter().zip(&bounds).map(|(x, (low, high))| {
                let jitter = JITTER * (rng.random::<f64>() - 0.5);
                (x + jitter).clamp(*low, *high)
            });
            hill.climb(jittered.collect(), &free, &bounds, CLIMB)
        });
        let top = climbed.max_by(|a, b| a.worth.total_cmp(&b.worth))?;
        Some(frame.outward(&top.x))
    }
}

fn is_noisy(search: &Search<'_>) -> bool {
    let whole = search.whole();
    whole.is_none_or(|whole| whole.hyper.noise > NOISY)
}

// === impl Frame ===

impl Frame {
    fn data(&self, evidence: &Evidence, indices: &[usize]) -> Data {
        let losses: Vec<f64> = indices.iter().map(|&i| evidence.losses[i]).collect();
        let mut data = Data::new(Metric::numeric(self.centre.len()));
        for (&index, value) in indices.iter().zip(warp(&losses)) {
            data.push(&self.inward(evidence.seen.row(index)), value);
        }
        data
    }

    /// One local unit to every side, within the space.
    fn bounds(&self) -> Vec<(f64, f64)> {
        let ends = |(centre, unit): (&f64, &f64)| {
            ((-centre / unit).max(-1.0), ((1.0 - centre) / unit).min(1.0))
        };
        self.centre.iter().zip(&self.units).map(ends).collect()
    }

    fn inward(&self, x: &[f64]) -> Vec<f64> {
        let cells = x.iter().zip(&self.centre).zip(&self.units);
        cells
            .map(|((x, centre), unit)| (x - centre) / unit)
            .collect()
    }

    fn all_inward(&self, rows: &Rows) -> Rows {
        let mut inward = Rows::new(self.centre.len());
        for row in rows.iter() {
            inward.push(self.inward(row));
        }
        inward
    }

    pub(super) fn outward(&self, x: &[f64]) -> Vec<f64> {
        let cells = x.iter().zip(&self.centre).zip(&self.units);
        cells
            .map(|((x, centre), unit)| (centre + x * unit).clamp(0.0, 1.0))
            .collect()
    }
}

/// The root mean square distance from the centre in each dimension.
fn units<'a>(centre: &[f64], rows: impl ExactSizeIterator<Item = &'a [f64]>) -> Vec<f64> {
    let count = rows.len() as f64;
    let mut sums = vec![0.0; centre.len()];
    for row in rows {
        for ((sum, x), centre) in sums.iter_mut().zip(row).zip(centre) {
            *sum += (x - centre).powi(2) / count;
        }
    }
    let mean = (sums.iter().sum::<f64>() / sums.len() as f64).sqrt();
    let least = (FLATTEST * mean).max(NARROWEST);
    sums.into_iter().map(|sum| sum.sqrt().max(least)).collect()
}
