//! A density over the unit cube: a mixture of kernels around points, and a uniform prior.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use statrs::function::erf::{erf, erf_inv};
use std::f64::consts::{PI, SQRT_2};

use crate::evidence::Scale;

/// A mixture of product kernels around points, and the uniform density as one more component.
///
/// A kernel is in a numeric dimension a normal density cut off at the ends, in a nominal one that of Aitchison and Aitken
/// ("Multivariate Binary Discrimination by the Kernel Method", Biometrika 63, 1976). A dimension in which its point is
/// inactive it leaves to the prior. All densities are relative to the prior's.
#[derive(Clone, Debug)]
pub(crate) struct Parzen {
    factors: Vec<Factor>,
    /// Of the kernels; they and the prior's sum to 1.
    weights: Vec<f64>,
    /// Their logarithms, and that of the prior's.
    log_weights: Vec<f64>,
    log_prior: f64,
    /// Whether a point's coordinates all come from one component, or each from its own.
    joint: bool,
}

/// The kernels in one dimension.
#[derive(Clone, Debug)]
struct Factor {
    shape: Shape,
    /// Where the points are.
    places: Vec<f64>,
    /// Logarithm of each kernel's density at its own point.
    peaks: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Normal {
        sigma: f64,
    },
    Nominal {
        /// How many values there are.
        count: f64,
        /// Probability of the kernel's own value.
        stay: f64,
    },
}

/// A term that is smaller than the largest by this factor, as a logarithm, adds nothing that matters.
const NEGLIGIBLE: f64 = -30.0;

// === impl Parzen ===

impl Parzen {
    /// Kernels around `rows` of the given weights, and a prior of weight `prior`. `sigmas` are the bandwidths of numeric
    /// dimensions, as fractions of the range.
    pub(crate) fn new(
        rows: &[&[f64]],
        weights: &[f64],
        prior: f64,
        scales: &[Scale],
        sigmas: &[f64],
        joint: bool,
    ) -> Self {
        let total = weights.iter().sum::<f64>() + prior;
        let factor = |(d, (&scale, &sigma)): (usize, (&Scale, &f64))| {
            let shape = Shape::new(scale, sigma, rows.len() as f64, prior);
            let places: Vec<f64> = rows.iter().map(|row| row[d]).collect();
            let peaks = places.iter().map(|&place| shape.peak(place)).collect();
            Factor {
                shape,
                places,
                peaks,
            }
        };
        let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
        Self {
            factors: scales.iter().zip(sigmas).enumerate().map(factor).collect(),
            log_weights: weights.iter().map(|weight| weight.ln()).collect(),
            weights,
            log_prior: (prior / total).ln(),
            joint,
        }
    }

    /// A position drawn from the density.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<f64> {
        let shared = self.component(rng);
        let draw = |factor: &Factor| {
            let component = if self.joint {
                shared
            } else {
                self.component(rng)
            };
            let u: f64 = rng.random();
            let place = component.map(|index| factor.places[index]);
            match place {
                Some(place) if !place.is_nan() => factor.shape.quantile(place, u),
                _ => u,
            }
        };
        self.factors.iter().map(draw).collect()
    }

    /// A kernel's index by weight, `None` for the prior.
    fn component(&self, rng: &mut ChaCha8Rng) -> Option<usize> {
        let mut rest: f64 = rng.random();
        self.weights.iter().position(|weight| {
            rest -= weight;
            rest < 0.0
        })
    }

    /// Logarithm of the density at a position; its inactive dimensions do not count.
    pub(crate) fn log_density(&self, x: &[f64]) -> f64 {
        let mut logs = self.log_weights.clone();
        let mut sum = 0.0;
        for (factor, &x) in self.factors.iter().zip(x) {
            if x.is_nan() {
                continue;
            }
            factor.add_logs(x, &mut logs);
            if !self.joint {
                sum += self.log_sum(&logs);
                logs.copy_from_slice(&self.log_weights);
            }
        }
        if self.joint { self.log_sum(&logs) } else { sum }
    }

    /// Logarithm of the sum of the kernels' terms and the prior's.
    fn log_sum(&self, logs: &[f64]) -> f64 {
        let prior = self.log_prior;
        let top = logs.iter().copied().fold(prior, f64::max);
        let terms = logs.iter().map(|log| log - top);
        let sum: f64 = terms.filter(|log| *log > NEGLIGIBLE).map(f64::exp).sum();
        top + (sum + (prior - top).exp()).ln()
    }
}

// === impl Factor ===

impl Factor {
    fn add_logs(&self, x: f64, logs: &mut [f64]) {
        let kernels = logs.iter_mut().zip(self.places.iter().zip(&self.peaks));
        match self.shape {
            Shape::Normal { sigma } => {
                let scale = -0.5 / (sigma * sigma);
                for (log, (place, peak)) in kernels {
                    let term = peak + scale * (x - place) * (x - place);
                    *log += if place.is_nan() { 0.0 } else { term };
                }
            }
            Shape::Nominal { count, stay } => {
                let moved = ((1.0 - stay) * count / (count - 1.0)).ln();
                for (log, (place, peak)) in kernels {
                    let term = if *place == x { *peak } else { moved };
                    *log += if place.is_nan() { 0.0 } else { term };
                }
            }
        }
    }
}

// === impl Shape ===

impl Shape {
    fn new(scale: Scale, sigma: f64, points: f64, prior: f64) -> Self {
        match scale {
            Scale::Continuous => Self::Normal { sigma },
            // A kernel must reach the neighbouring values.
            Scale::Ordered(count) => Self::Normal {
                sigma: sigma.max(0.5 / count as f64),
            },
            Scale::Nominal(count) => {
                let count = count as f64;
                let spread = prior / (points + prior);
                Self::Nominal {
                    count,
                    stay: 1.0 - spread + spread / count,
                }
            }
        }
    }

    /// Logarithm of the density at the kernel's own point.
    fn peak(self, at: f64) -> f64 {
        match self {
            Self::Normal { sigma } => {
                let (low, high) = ends(at, sigma);
                -(sigma * (high - low) * (2.0 * PI).sqrt()).ln()
            }
            Self::Nominal { count, stay } => (stay * count).ln(),
        }
    }

    /// The position below which a share `u` of the kernel lies; of a nominal one, values count from its own on.
    fn quantile(self, at: f64, u: f64) -> f64 {
        match self {
            Self::Normal { sigma } => {
                let (low, high) = ends(at, sigma);
                let share = low + u * (high - low);
                (at + sigma * SQRT_2 * erf_inv(2.0 * share - 1.0)).clamp(0.0, 1.0)
            }
            Self::Nominal { stay, .. } if u < stay => at,
            Self::Nominal { count, stay } => {
                let other = (u - stay) / (1.0 - stay) * (count - 1.0);
                (at + (1.0 + other.floor().min(count - 2.0)) / count).fract()
            }
        }
    }
}

/// The shares of a normal density below 0 and below 1.
fn ends(at: f64, sigma: f64) -> (f64, f64) {
    let below = |x: f64| 0.5 * (1.0 + erf((x - at) / (sigma * SQRT_2)));
    (below(0.0), below(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    const SCALES: [Scale; 2] = [Scale::Continuous, Scale::Nominal(4)];

    fn parzen(joint: bool) -> Parzen {
        let rows: [&[f64]; 3] = [&[0.02, 0.125], &[0.6, 0.875], &[0.7, f64::NAN]];
        Parzen::new(&rows, &[1.0, 2.0, 0.5], 0.7, &SCALES, &[0.1, 0.1], joint)
    }

    #[test]
    fn the_density_sums_to_one() {
        for joint in [true, false] {
            let parzen = parzen(joint);
            let steps = 4000;
            let mut sum = 0.0;
            for step in 0..steps {
                for value in [0.125, 0.375, 0.625, 0.875] {
                    let x = (f64::from(step) + 0.5) / f64::from(steps);
                    sum += parzen.log_density(&[x, value]).exp() / f64::from(steps) / 4.0;
                }
            }
            assert!((sum - 1.0).abs() < 1e-4, "joint {joint}: {sum}");
        }
    }

    #[test]
    fn draws_follow_the_density() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for joint in [true, false] {
            let parzen = parzen(joint);
            let (mut drawn, mut expected) = (0.0, 0.0);
            let (draws, steps) = (20_000, 1000);
            for _ in 0..draws {
                let x = parzen.draw(&mut rng);
                drawn += f64::from(u8::from(x[0] < 0.1 && x[1] < 0.25)) / f64::from(draws);
            }
            for step in 0..steps {
                let x = (f64::from(step) + 0.5) / f64::from(steps) * 0.1;
                expected += parzen.log_density(&[x, 0.125]).exp() * 0.1 / 4.0 / f64::from(steps);
            }
            assert!(
                (drawn - expected).abs() < 0.015,
                "joint {joint}: {drawn} {expected}"
            );
        }
    }

    #[test]
    fn an_inactive_dimension_does_not_count() {
        let with = parzen(true);
        let rows: [&[f64]; 3] = [&[0.02], &[0.6], &[0.7]];
        let without = Parzen::new(&rows, &[1.0, 2.0, 0.5], 0.7, &SCALES[..1], &[0.1], true);
        let (a, b) = (
            with.log_density(&[0.3, f64::NAN]),
            without.log_density(&[0.3]),
        );
        assert!((a - b).abs() < 1e-12);
    }
}
