//! What a trial at a point is worth.

use statrs::function::erf::erfc;
use std::f64::consts::{PI, SQRT_2};

use super::posterior::Prediction;

/// How a prediction becomes a worth; of a loss, so that low means are worth much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquisition {
    /// Logarithm of the expected improvement (Ament, Daulton, Eriksson, Balandat and Bakshy, "Unexpected Improvements to
    /// Expected Improvement for Bayesian Optimization", NeurIPS 2023).
    ExpectedImprovement,
    /// Logarithm of the probability of an improvement (Kushner, J. Basic Engineering 86, 1964).
    ProbabilityOfImprovement,
    /// Minus a lower confidence bound (Srinivas, Krause, Kakade and Seeger, ICML 2010), 1.96 deviations below the mean.
    LowerConfidenceBound,
}

/// A worth and its derivatives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worth {
    pub(crate) value: f64,
    pub(crate) by_mean: f64,
    pub(crate) by_deviation: f64,
}

const BOUND: f64 = 1.96;

// === impl Acquisition ===

impl Acquisition {
    /// The worth of a trial when the lowest loss so far is `best`.
    pub(crate) fn worth(self, at: Prediction, best: f64) -> Worth {
        let z = (best - at.mean) / at.deviation;
        match self {
            Self::ExpectedImprovement => {
                let (log, slope) = log_improvement(z);
                Worth {
                    value: at.deviation.ln() + log,
                    by_mean: -slope / at.deviation,
                    by_deviation: (1.0 - slope * z) / at.deviation,
                }
            }
            Self::ProbabilityOfImprovement => {
                let (log, slope) = log_probability(z);
                Worth {
                    value: log,
                    by_mean: -slope / at.deviation,
                    by_deviation: -slope * z / at.deviation,
                }
            }
            Self::LowerConfidenceBound => Worth {
                value: BOUND * at.deviation - at.mean,
                by_mean: -1.0,
                by_deviation: BOUND,
            },
        }
    }
}

/// `φ(z)` and `Φ(z)`.
fn density_and_probability(z: f64) -> (f64, f64) {
    let density = (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
    (density, 0.5 * erfc(-z / SQRT_2))
}

/// Below this `Φ` has too few digits for differences.
const TAIL: f64 = -20.0;

fn log_density(z: f64) -> f64 {
    -0.5 * z * z - 0.5 * (2.0 * PI).ln()
}

/// `ln(φ(z) + zΦ(z))` and its derivative, also where both terms vanish or cancel.
fn log_improvement(z: f64) -> (f64, f64) {
    if z > -1.0 {
        let (density, probability) = density_and_probability(z);
        let improvement = density + z * probability;
        return (improvement.ln(), probability / improvement);
    }
    if z > TAIL {
        let (density, probability) = density_and_probability(z);
        let ratio = probability / density;
        let rest = 1.0 + z * ratio;
        return (log_density(z) + rest.ln(), ratio / rest);
    }
    // The asymptotic series of Mills' ratio: φ(z) (1 - 3 / z²) / z².
    let rest = -3.0 / (z * z);
    let value = log_density(z) - 2.0 * (-z).ln() + rest.ln_1p();
    (value, -z - 2.0 / z - 2.0 * rest / (z * (1.0 + rest)))
}

/// `ln Φ(z)` and its derivative.
pub(crate) fn log_probability(z: f64) -> (f64, f64) {
    if z > TAIL {
        let (density, probability) = density_and_probability(z);
        return (probability.ln(), density / probability);
    }
    (log_density(z) - (-z).ln(), -z - 1.0 / z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Acquisition; 3] = [
        Acquisition::ExpectedImprovement,
        Acquisition::ProbabilityOfImprovement,
        Acquisition::LowerConfidenceBound,
    ];

    proptest! {
        #[test]
        fn the_derivatives_are_those_of_central_differences(which in 0_usize..3, mean in -40.0..40.0, deviation in 0.5..3.0) {
            let worth = |mean, deviation| ALL[which].worth(Prediction { mean, deviation }, 0.0);
            let at = worth(mean, deviation);
            let by_mean = (worth(mean + 1e-5, deviation).value - worth(mean - 1e-5, deviation).value) / 2e-5;
            let by_deviation = (worth(mean, deviation + 1e-5).value - worth(mean, deviation - 1e-5).value) / 2e-5;
            prop_assert!((at.by_mean - by_mean).abs() < 1e-2 * (1.0 + by_mean.abs()), "{} {by_mean}", at.by_mean);
            prop_assert!((at.by_deviation - by_deviation).abs() < 1e-2 * (1.0 + by_deviation.abs()), "{} {by_deviation}", at.by_deviation);
        }
    }

    #[test]
    fn worth_falls_with_the_mean_and_is_finite_far_away() {
        for acquisition in ALL {
            let mut last = f64::INFINITY;
            for step in -30..=600 {
                let mean = f64::from(step) * 0.1;
                let value = acquisition
                    .worth(
                        Prediction {
                            mean,
                            deviation: 1.0,
                        },
                        0.0,
                    )
                    .value;
                assert!(
                    value.is_finite() && value <= last,
                    "{acquisition:?} at {mean}: {value} after {last}"
                );
                last = value;
            }
            for mean in [1e10, 1e100] {
                let value = acquisition
                    .worth(
                        Prediction {
                            mean,
                            deviation: 1e-3,
                        },
                        0.0,
                    )
                    .value;
                assert!(value < 0.0 && !value.is_nan());
            }
        }
    }
}
