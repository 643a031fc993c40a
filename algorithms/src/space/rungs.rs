//! Probabilities of equally spaced values.

use diwan_core::resources::Distribution;

use super::measure::Measure;

/// The values `origin`, `origin + step` …, numbered from 0 to `last`, and how likely each is.
///
/// Uniform: all alike, end points too. Otherwise a value stands for what lies within half a step of it, so that the
/// distribution is the continuous one rounded; where half a step would reach below half of the smallest value of a
/// logarithmic scale, its share ends there instead.
#[derive(Clone, Debug)]
pub(crate) struct Rungs {
    origin: f64,
    step: f64,
    last: u64,
    /// None: all are alike.
    weights: Option<Measure>,
}

// === impl Rungs ===

impl Rungs {
    /// The rungs within `low`…`high`, of which `last + 1` are `step` apart. A logarithmic distribution needs `low > 0`.
    pub(crate) fn new(
        distribution: Distribution,
        (low, high): (f64, f64),
        step: f64,
        last: u64,
    ) -> Self {
        let flat = matches!(distribution, Distribution::Uniform | Distribution::Unknown);
        let log = matches!(
            distribution,
            Distribution::LogUniform | Distribution::LogNormal
        );
        let weights = (!flat && last > 0).then(|| {
            let left = low - step / 2.0;
            let left = if log {
                left.max(low / 2.0)
            } else {
                left.max(f64::MIN)
            };
            let right = (low + (last as f64 + 0.5) * step).min(f64::MAX);
            Measure::new(distribution, low, high, (left, right))
        });
        Self {
            origin: low,
            step,
            last,
            weights,
        }
    }

    /// The number of the last rung.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Whether all are equally likely.
    pub(crate) fn is_uniform(&self) -> bool {
        self.weights.is_none()
    }

    /// The rung at a fraction `u` of the probability.
    pub(crate) fn at(&self, u: f64) -> u64 {
        let rung = match &self.weights {
            None => (u * (self.last as f64 + 1.0)) as u64,
            Some(measure) => self.nearest(measure.quantile(u)),
        };
        rung.min(self.last)
    }

    /// The fraction of the probability below the middle of a rung: `at` leads back to it as long as its share of the
    /// probability is more than rounding.
    pub(crate) fn unit(&self, rung: u64) -> f64 {
        match self.weights {
            // Exactly, where the middle of two fractions would be rounded.
            None => (rung.min(self.last) as f64 + 0.5) / (self.last as f64 + 1.0),
            Some(_) => {
                let (left, right) = self.share(rung);
                f64::midpoint(left, right)
            }
        }
    }

    /// The fractions of the probability below a rung, and below and at it.
    pub(crate) fn share(&self, rung: u64) -> (f64, f64) {
        let number = rung.min(self.last) as f64;
        let Some(measure) = &self.weights else {
            let count = self.last as f64 + 1.0;
            return (number / count, (number + 1.0) / count);
        };
        let left = if rung == 0 {
            measure.edges().0
        } else {
            self.origin + (number - 0.5) * self.step
        };
        let right = if rung >= self.last {
            measure.edges().1
        } else {
            self.origin + (number + 0.5) * self.step
        };
        (measure.below(left), measure.below(right))
    }

    /// The rung nearest to a value, whether or not the value is on it.
    pub(crate) fn nearest(&self, x: f64) -> u64 {
        (steps(self.origin, x, self.step).round() as u64).min(self.last)
    }
}

/// How many steps it is from `low` to `x`, also where their distance is beyond `f64`.
pub(super) fn steps(low: f64, x: f64, step: f64) -> f64 {
    let distance = x - low;
    if distance.is_finite() {
        distance / step
    } else {
        (x / 2.0 - low / 2.0) / (step / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(rungs: &Rungs) -> Vec<f64> {
        let mut counts = vec![0.0; usize::try_from(rungs.last()).unwrap() + 1];
        let draws = 100_000;
        for draw in 0..draws {
            let rung = rungs.at((f64::from(draw) + 0.5) / f64::from(draws));
            counts[usize::try_from(rung).unwrap()] += 1.0 / f64::from(draws);
        }
        counts
    }

    #[test]
    fn uniform_end_points_are_as_likely_as_the_others() {
        for share in shares(&Rungs::new(Distribution::Uniform, (1.0, 4.0), 1.0, 3)) {
            assert!((share - 0.25).abs() < 1e-4);
        }
    }

    #[test]
    fn log_shares_are_integrals_over_half_steps() {
        let rungs = Rungs::new(Distribution::LogUniform, (1.0, 10.0), 1.0, 9);
        for (index, share) in shares(&rungs).into_iter().enumerate() {
            let k = index as f64 + 1.0;
            let expected = ((k + 0.5) / (k - 0.5)).ln() / 21_f64.ln();
            assert!(
                (share - expected).abs() < 1e-4,
                "{k}: {share} instead of {expected}"
            );
        }
    }

    #[test]
    fn normal_shares_are_symmetric_and_peak_in_the_middle() {
        let shares = shares(&Rungs::new(Distribution::Normal, (0.0, 6.0), 1.0, 6));
        for index in 0..3 {
            assert!((shares[index] - shares[6 - index]).abs() < 1e-4);
            assert!(shares[index] < shares[index + 1]);
        }
    }

    proptest! {
        #[test]
        fn a_rung_is_found_again(low in 1e-3..1e3, step in 1e-3..1e3, last in 0_u64..5_000, part in 0.0..1.0, which in 0_usize..4) {
            let distribution =
                [Distribution::Uniform, Distribution::LogUniform, Distribution::Normal, Distribution::LogNormal][which];
            let rungs = Rungs::new(distribution, (low, low + step * last as f64), step, last);
            let rung = (part * (last as f64 + 1.0)) as u64;
            let unit = rungs.unit(rung);
            prop_assert!((0.0..1.0).contains(&unit));
            prop_assert_eq!(rungs.at(unit), rung);
        }
    }
}
