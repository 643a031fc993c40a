//! How likely a trial is not to fail.

use crate::evidence::Evidence;
use crate::gp::{Data, Metric, Posterior, Prior, fit, log_probability};

/// A Gaussian process of what became of trials, -1 where they succeeded and 1 where they failed, of which the sign is asked
/// (least-squares classification: Rasmussen and Williams, "Gaussian Processes for Machine Learning", MIT Press 2006, section
/// 6.5). It has length scales of its own: memory runs out by other parameters than those that accuracy depends on. Failures of
/// chance, as when a machine is lost, are its noise, and keep nobody away.
pub(super) struct Feasibility {
    outcomes: Posterior,
}

const PRIOR: Prior = Prior {
    length: -0.7,
    noise: -4.0,
    bends: false,
};
const FIT_LIMIT: usize = 20;

/// Trials of each outcome that are looked at: those nearest to the best one.
const WITNESSES: usize = 100;

/// The power of the probability by which an improvement is weighted: with 1 a boundary is approached from beyond.
const CAUTION: f64 = 6.0;

// === impl Feasibility ===

impl Feasibility {
    /// `None` when nothing has failed, or nothing else.
    pub(super) fn of(metric: &Metric, evidence: &Evidence) -> Option<Self> {
        let best = evidence.seen.row(*evidence.ranking.first()?);
        if evidence.failed.len() == 0 {
            return None;
        }
        let mut data = Data::new(metric.clone());
        for (rows, outcome) in [(&evidence.seen, -1.0), (&evidence.failed, 1.0)] {
            for index in metric.nearest(rows, best, WITNESSES) {
                data.push(rows.row(index), outcome);
            }
        }
        let hyper = fit(&data, PRIOR, FIT_LIMIT);
        let outcomes = Posterior::new(data, hyper)?;
        Some(Self { outcomes })
    }

    /// [`CAUTION`] times the logarithm of the probability of success.
    pub(super) fn log_worth(&self, x: &[f64]) -> f64 {
        let at = self.outcomes.predict(x);
        CAUTION * log_probability(-at.mean / at.deviation).0
    }

    /// The same, and its derivatives by the numeric coordinates.
    pub(super) fn slope(&self, x: &[f64]) -> (f64, Vec<f64>) {
        let slope = self.outcomes.slope(x);
        let z = -slope.at.mean / slope.at.deviation;
        let (log, by_z) = log_probability(z);
        let changes = slope.mean.iter().zip(&slope.deviation);
        let gradient = changes.map(|(by_mean, by_deviation)| {
            CAUTION * by_z * (-by_mean - z * by_deviation) / slope.at.deviation
        });
        (CAUTION * log, gradient.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Of a grid of trials, of which some fail.
    fn of_grid(fails: impl Fn(u32, u32) -> bool) -> Feasibility {
        let mut evidence = Evidence::none(2);
        for (i, j) in (0..6).flat_map(|i| (0..6).map(move |j| (i, j))) {
            let at = [f64::from(i) / 5.0, f64::from(j) / 5.0];
            if fails(i, j) {
                evidence.failed.push(at);
            } else {
                evidence.ranking.push(evidence.seen.len());
                evidence.seen.push(at);
            }
        }
        Feasibility::of(&Metric::numeric(2), &evidence).unwrap()
    }

    proptest! {
        #[test]
        fn the_derivatives_are_those_of_central_differences(x in 0.05..0.95, y in 0.05..0.95) {
            let feasibility = of_grid(|i, j| i + j > 5);
            let (worth, gradient) = feasibility.slope(&[x, y]);
            prop_assert_eq!(worth, feasibility.log_worth(&[x, y]));
            let at = |x, y| feasibility.log_worth(&[x, y]);
            for (found, expected) in [
                (gradient[0], (at(x + 1e-6, y) - at(x - 1e-6, y)) / 2e-6),
                (gradient[1], (at(x, y + 1e-6) - at(x, y - 1e-6)) / 2e-6),
            ] {
                prop_assert!((found - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{found} {expected}");
            }
        }
    }

    #[test]
    fn failures_count_when_they_have_a_place() {
        let placed = of_grid(|i, _| i > 3);
        assert!(placed.log_worth(&[0.1, 0.5]) > -0.1);
        assert!(placed.log_worth(&[0.95, 0.5]) < -4.0);
        let chance = of_grid(|i, j| (i * 5 + j * 7) % 11 == 0);
        let worths = [[0.0, 0.0], [0.5, 0.5], [0.8, 0.4], [1.0, 1.0]].map(|x| chance.log_worth(&x));
        assert!(worths.iter().all(|worth| *worth > -0.5), "{worths:?}");
    }
}
