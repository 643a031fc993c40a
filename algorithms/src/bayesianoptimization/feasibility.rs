//! How likely a trial is not to fail.

use crate::evidence::Rows;
use crate::gp::Metric;

/// The share of trials that succeed, each weighted by a power of its nearness (Shepard, "A Two-Dimensional Interpolation
/// Function for Irregularly-Spaced Data", ACM 1968). It has no scale to fit: beside a success it is 1, beside a failure 0,
/// halfway between them one half, so a single failure among successes soon costs nothing and many make a region.
pub(super) struct Feasibility<'a> {
    pub(super) metric: &'a Metric,
    /// Of the squared distance in each dimension.
    pub(super) weights: &'a [f64],
    pub(super) succeeded: &'a Rows,
    pub(super) failed: &'a Rows,
}

/// Squared distances below this are the same place.
const SAME: f64 = 1e-18;

impl Feasibility<'_> {
    /// [`CAUTION`] times the logarithm of the probability of success, at least that of 1e-9, and its derivatives by the numeric coordinates.
    pub(super) fn log_worth(&self, x: &[f64]) -> (f64, Vec<f64>) {
        let mut gradient = vec![0.0; x.len()];
        if self.failed.len() == 0 {
            return (0.0, gradient);
        }
        let power = 1.0 + 0.5 * x.len() as f64;
        let square = |row| self.metric.square(x, row, self.weights).max(SAME);
        let rows = || self.succeeded.iter().chain(self.failed.iter());
        let logs: Vec<f64> = rows().map(|row| -power * square(row).ln()).collect();
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let masses: Vec<f64> = logs.iter().map(|log| (log - top).exp()).collect();
        let good: f64 = masses[..self.succeeded.len()].iter().sum();
        let all: f64 = masses.iter().sum();
        let probability = good / all;
        if probability < LEAST {
            return (CAUTION * LEAST.ln(), gradient);
        }
        for (index, (row, mass)) in rows().zip(&masses).enumerate() {
            let share = if index < self.succeeded.len() {
                mass / good - mass / all
            } else {
                -mass / all
            };
            let scale = -2.0 * CAUTION * power * share / square(row);
            let slopes = self.metric.slopes(x, row).zip(self.weights);
            for (cell, (slope, weight)) in gradient.iter_mut().zip(slopes) {
                *cell += scale * weight * slope;
            }
        }
        (CAUTION * probability.ln(), gradient)
    }
}

/// The power of the probability by which an improvement is weighted: with 1 a boundary is approached from beyond.
const CAUTION: f64 = 6.0;

/// The least probability that is told from 0.
const LEAST: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(points: &[[f64; 2]]) -> Rows {
        let mut rows = Rows::new(2);
        for point in points {
            rows.push(*point);
        }
        rows
    }

    proptest! {
        #[test]
        fn the_derivatives_are_those_of_central_differences(x in 0.05..0.95, y in 0.05..0.95) {
            let (succeeded, failed) = (rows(&[[0.1, 0.2], [0.7, 0.1]]), rows(&[[0.9, 0.8], [0.3, 1.0]]));
            let metric = Metric::numeric(2);
            let feasibility = Feasibility { metric: &metric, weights: &[1.0, 4.0], succeeded: &succeeded, failed: &failed };
            let (_, gradient) = feasibility.log_worth(&[x, y]);
            let at = |x, y| feasibility.log_worth(&[x, y]).0;
            for (found, expected) in [
                (gradient[0], (at(x + 1e-6, y) - at(x - 1e-6, y)) / 2e-6),
                (gradient[1], (at(x, y + 1e-6) - at(x, y - 1e-6)) / 2e-6),
            ] {
                prop_assert!((found - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{found} {expected}");
            }
        }
    }

    #[test]
    fn it_is_one_beside_a_success_and_small_beside_a_failure() {
        let (succeeded, failed) = (rows(&[[0.2, 0.5]]), rows(&[[0.8, 0.5]]));
        let metric = Metric::numeric(2);
        let feasibility = Feasibility {
            metric: &metric,
            weights: &[1.0, 1.0],
            succeeded: &succeeded,
            failed: &failed,
        };
        let probability = |x: &[f64]| (feasibility.log_worth(x).0 / CAUTION).exp();
        assert!(probability(&[0.2, 0.5]) > 0.999);
        assert!((probability(&[0.5, 0.1]) - 0.5).abs() < 1e-9);
        assert!(probability(&[0.8, 0.5]) < 1e-6);
    }
}
