//! The neighbourhood of the best point, with a model of its own.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use super::Search;
use super::climb::Hill;
use crate::evidence::Rows;
use crate::gp::{Acquisition, Data, Metric, Posterior, Prior, fit, warp};

/// The observations nearest to the best one, in coordinates in which it is 0 and they are about 1 away.
pub(super) struct Region {
    centre: Vec<f64>,
    /// One local unit in each dimension.
    units: Vec<f64>,
    nearest: Vec<usize>,
}

/// So many observations for each dimension, and at least so many.
const NEAREST_EACH: usize = 5;
const NEAREST: usize = 10;
/// A region has a model when there are so many observations for each dimension.
const ENOUGH_EACH: usize = 3;
/// No dimension's unit is less than this share of their mean: along it the region would collapse.
const FLATTEST: f64 = 0.1;
/// Half the width of a region that is no wider than rounding.
const NARROWEST: f64 = 1e-9;
/// A local model that explains less of the differences than this share leaves is not trusted: they are noise.
const NOISE_LIMIT: f64 = 0.01;

const FIT_LIMIT: usize = 30;
const PRIOR: Prior = Prior {
    length: 1.0,
    noise: -13.0,
};

const CLIMBERS: usize = 4;
const CLIMB_LIMIT: usize = 40;
const CLIMB_STEP: f64 = 0.1;

impl Region {
    /// `None` while there is too little to learn from, and in spaces that have no neighbourhoods.
    pub(super) fn of(search: &Search<'_>) -> Option<Self> {
        let evidence = &search.evidence;
        let dimensions = search.metric.dimensions();
        if evidence.losses.len() < ENOUGH_EACH * dimensions || !search.is_smooth() {
            return None;
        }
        let best = *evidence.ranking().first()?;
        let centre = evidence.seen.row(best).to_vec();
        let mut distances: Vec<(f64, usize)> = evidence
            .seen
            .iter()
            .map(|row| {
                let squares = row.iter().zip(&centre).map(|(a, b)| (a - b).powi(2));
                squares.sum::<f64>()
            })
            .zip(0..)
            .collect();
        distances.sort_by(|a, b| a.0.total_cmp(&b.0));
        distances.truncate((NEAREST_EACH * dimensions).max(NEAREST));
        let nearest: Vec<usize> = distances.into_iter().map(|(_, index)| index).collect();
        let units = units(
            &centre,
            nearest.iter().map(|&index| evidence.seen.row(index)),
        );
        Some(Self {
            centre,
            units,
            nearest,
        })
    }

    /// The worthiest point of the region; `None` if its values are mostly noise.
    pub(super) fn best(&self, search: &Search<'_>, rng: &mut ChaCha8Rng) -> Option<Vec<f64>> {
        let data = self.data(search);
        let hyper = fit(&data, PRIOR, FIT_LIMIT);
        let posterior = Posterior::new(data, hyper)?;
        if posterior.hyper.noise > NOISE_LIMIT {
            return None;
        }
        let best = posterior.lowest_mean();
        let evidence = &search.evidence;
        let [pending, succeeded, failed] =
            [&evidence.pending, &evidence.seen, &evidence.failed].map(|rows| self.all_inward(rows));
        let posterior = posterior.believing(pending.iter())?;
        let hill = Hill {
            posterior: &posterior,
            acquisition: Acquisition::ExpectedImprovement,
            best,
            succeeded: &succeeded,
            failed: &failed,
        };
        let free: Vec<usize> = (0..self.centre.len()).collect();
        let bounds = self.bounds();
        let starts = posterior.data.points.iter().take(CLIMBERS);
        let climbed = starts.map(|start| {
            let jittered = start.iter().zip(&bounds).map(|(x, (low, high))| {
                let jitter = 0.2 * (rng.random::<f64>() - 0.5);
                (x + jitter).clamp(*low, *high)
            });
            hill.climb(jittered.collect(), &free, &bounds, CLIMB_LIMIT, CLIMB_STEP)
        });
        let top = climbed.max_by(|a, b| a.worth.total_cmp(&b.worth))?;
        Some(self.outward(&top.x))
    }

    /// The nearest observations, the nearest first.
    fn data(&self, search: &Search<'_>) -> Data {
        let evidence = &search.evidence;
        let losses: Vec<f64> = self.nearest.iter().map(|&i| evidence.losses[i]).collect();
        let mut data = Data::new(Metric::numeric(self.centre.len()));
        for (&index, value) in self.nearest.iter().zip(warp(&losses)) {
            data.push(&self.inward(evidence.seen.row(index)), value, 0.0);
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

    fn outward(&self, x: &[f64]) -> Vec<f64> {
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

impl Search<'_> {
    /// Whether small steps lead to slightly different points, in most dimensions and whatever the values of the others.
    fn is_smooth(&self) -> bool {
        let dimensions = self.space.dimensions();
        let continuous = dimensions
            .iter()
            .filter(|dimension| dimension.count().is_none());
        self.ordered.iter().all(|ordered| *ordered)
            && !self.space.is_conditional()
            && 2 * continuous.count() > dimensions.len()
    }
}
