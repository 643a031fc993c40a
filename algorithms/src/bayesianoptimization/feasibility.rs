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
    /// The power of the probability by which an improvement is weighted: [`CAUTION`] of where failures have a place.
    pub(super) caution: f64,
}

/// Squared distances below this are the same place.
const SAME: f64 = 1e-18;

impl Feasibility<'_> {
    /// `caution` times the logarithm of the probability of success, at least that of 1e-9, and its derivatives by the numeric coordinates.
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
            return (self.caution * LEAST.ln(), gradient);
        }
        for (index, (row, mass)) in rows().zip(&masses).enumerate() {
            let share = if index < self.succeeded.len() {
                mass / good - mass / all
            } else {
                -mass / all
            };
            let scale = -2.0 * self.caution * power * share / square(row);
            let slopes = self.metric.slopes(x, row).zip(self.weights);
            for (cell, (slope, weight)) in gradient.iter_mut().zip(slopes) {
                *cell += scale * weight * slope;
            }
        }
        (self.caution * probability.ln(), gradient)
    }
}

/// With 1 a boundary is approached from beyond.
const CAUTION: f64 = 6.0;

/// The least probability that is told from 0.
const LEAST: f64 = 1e-9;

/// Trials of each outcome that are asked about the others.
const WITNESSES: usize = 100;

/// What the nearness of other trials may be wrong about.
const DOUBT: f64 = 0.4;

/// The caution that failures deserve: [`CAUTION`] times the probability that they are a matter of place, as where memory runs
/// out, and not of chance, as when a machine is lost. Either is held to the outcome of each trial given those of all others:
/// nearness, or the plain share of failures (cross-validation as in Rasmussen and Williams, section 5.4.2).
pub(super) fn caution(metric: &Metric, weights: &[f64], succeeded: &Rows, failed: &Rows) -> f64 {
    let (succeeded, failed) = (succeeded.last(WITNESSES), failed.last(WITNESSES));
    let count = succeeded.len() + failed.len();
    if failed.len() == 0 || count < 2 {
        return CAUTION;
    }
    let power = 1.0 + 0.5 * metric.dimensions() as f64;
    let rows: Vec<(&[f64], bool)> = succeeded
        .iter()
        .map(|row| (row, true))
        .chain(failed.iter().map(|row| (row, false)))
        .collect();
    let mut log_odds = 0.0;
    for (index, &(at, outcome)) in rows.iter().enumerate() {
        let others = rows.iter().enumerate().filter(|(other, _)| *other != index);
        let (mut alike, mut likewise, mut all) = (0.0, 0.0, 0.0);
        let logs: Vec<(f64, bool)> = others
            .map(|(_, &(row, other))| {
                (
                    -power * metric.square(at, row, weights).max(SAME).ln(),
                    other == outcome,
                )
            })
            .collect();
        let top = logs
            .iter()
            .map(|(log, _)| *log)
            .fold(f64::NEG_INFINITY, f64::max);
        for (log, is_alike) in logs {
            let mass = (log - top).exp();
            all += mass;
            if is_alike {
                alike += mass;
                likewise += 1.0;
            }
        }
        // One half of a trial of either outcome, so that nothing is impossible (Krichevsky and Trofimov).
        let plain = (likewise + 0.5) / count as f64;
        log_odds += ((1.0 - DOUBT) * alike / all / plain + DOUBT).ln();
    }
    CAUTION / (1.0 + (-log_odds).exp())
}

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
            let feasibility = Feasibility { metric: &metric, weights: &[1.0, 4.0], succeeded: &succeeded, failed: &failed, caution: 6.0 };
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
            caution: CAUTION,
        };
        let probability = |x: &[f64]| (feasibility.log_worth(x).0 / CAUTION).exp();
        assert!(probability(&[0.2, 0.5]) > 0.999);
        assert!((probability(&[0.5, 0.1]) - 0.5).abs() < 1e-9);
        assert!(probability(&[0.8, 0.5]) < 1e-6);
    }

    /// Points of a grid, told apart by whether they fail.
    fn of_grid(fails: impl Fn(u32, u32) -> bool) -> f64 {
        let (mut succeeded, mut failed) = (Rows::new(2), Rows::new(2));
        for (i, j) in (0..6).flat_map(|i| (0..6).map(move |j| (i, j))) {
            let rows = if fails(i, j) {
                &mut failed
            } else {
                &mut succeeded
            };
            rows.push([f64::from(i) / 5.0, f64::from(j) / 5.0]);
        }
        caution(&Metric::numeric(2), &[1.0, 1.0], &succeeded, &failed)
    }

    #[test]
    fn failures_count_when_they_have_a_place() {
        assert_eq!(of_grid(|_, _| false), CAUTION);
        assert!(of_grid(|i, _| i > 3) > 0.99 * CAUTION);
        assert!(of_grid(|i, j| (i * 5 + j * 7) % 11 == 0) < 0.1 * CAUTION);
    }
}
