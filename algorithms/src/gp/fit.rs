//! The most probable length scales and noise.

use super::kernel::{Hyper, matern};
use super::posterior::{Data, Explained, explain};
use crate::lbfgs::minimize;
use crate::linalg::Lower;

/// Normal priors of the logarithms of what is fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prior {
    /// Middle of a length scale in one dimension.
    pub(crate) length: f64,
    /// Middle of the noise's share.
    pub(crate) noise: f64,
}

const LENGTH_SPREAD: f64 = 1.0;
const NOISE_SPREAD: f64 = 3.0;
/// Bounds of the logarithm of a length scale, and of the noise's share.
const LENGTHS: (f64, f64) = (-4.6, 4.6);
const NOISES: (f64, f64) = (-18.0, 0.0);

/// Squared differences in each dimension, of each pair of points in the order of [`Lower`]'s cells, diagonal included.
struct Pairs {
    dimensions: usize,
    squares: Vec<f64>,
}

/// The most probable hyperparameters given the data, after at most `limit` evaluations; the prior's if there are no data.
pub(crate) fn fit(data: &Data, prior: Prior, limit: usize) -> Hyper {
    let dimensions = data.metric.dimensions();
    // A sum over more dimensions is larger, so length scales grow with their root (Hvarfner, Hellsten and Nardi, "Vanilla
    // Bayesian Optimization Performs Great in High Dimensions", ICML 2024).
    let length = prior.length + 0.5 * (dimensions as f64).ln();
    let middle: Vec<f64> = std::iter::repeat_n(length, dimensions)
        .chain([prior.noise])
        .collect();
    let bounds: Vec<(f64, f64)> = std::iter::repeat_n(LENGTHS, dimensions)
        .chain([NOISES])
        .collect();
    let pairs = Pairs::of(data);
    let surprise = |logs: &[f64], gradient: &mut [f64]| {
        gradient.fill(0.0);
        penalty(logs, &middle, gradient) + pairs.misfit(data, logs, gradient)
    };
    hyper(&minimize(surprise, middle.clone(), &bounds, limit, 1.0).x)
}

fn hyper(logs: &[f64]) -> Hyper {
    let (noise, lengths) = logs.split_last().expect("the noise is always there");
    Hyper {
        weights: lengths.iter().map(|log| (-2.0 * log).exp()).collect(),
        noise: noise.exp(),
    }
}

/// Minus the logarithm of the prior's density, up to a constant; adds to its gradient.
fn penalty(logs: &[f64], middle: &[f64], gradient: &mut [f64]) -> f64 {
    let last = logs.len() - 1;
    let mut sum = 0.0;
    for (index, (log, middle)) in logs.iter().zip(middle).enumerate() {
        let spread = if index == last {
            NOISE_SPREAD
        } else {
            LENGTH_SPREAD
        };
        let z = (log - middle) / spread;
        sum += 0.5 * z * z;
        gradient[index] += z / spread;
    }
    sum
}

// === impl Pairs ===

impl Pairs {
    fn of(data: &Data) -> Self {
        let mut squares =
            Vec::with_capacity(data.len() * (data.len() + 1) / 2 * data.metric.dimensions());
        for (i, a) in data.points.iter().enumerate() {
            for b in data.points.iter().take(i + 1) {
                squares.extend(data.metric.differences(a, b).map(|t| t * t));
            }
        }
        Self {
            dimensions: data.metric.dimensions(),
            squares,
        }
    }

    /// Minus the logarithm of the likelihood of the data, up to a constant, with the mean and the variance that make it
    /// largest; adds to its gradient by the logarithms (Rasmussen and Williams, equation 5.9). Infinite where rounding
    /// defeats it.
    fn misfit(&self, data: &Data, logs: &[f64], gradient: &mut [f64]) -> f64 {
        let hyper = hyper(logs);
        let count = data.len();
        let mut covariance = Lower::zeros(count);
        let mut falls = Lower::zeros(count);
        let mut squares = self.squares.chunks_exact(self.dimensions);
        for i in 0..count {
            let cells = covariance.row_mut(i).iter_mut().zip(falls.row_mut(i));
            for ((cell, fall), squares) in cells.zip(&mut squares) {
                let square = squares.iter().zip(&hyper.weights).map(|(s, w)| s * w).sum();
                (*cell, *fall) = matern(square);
            }
            covariance.row_mut(i)[i] += hyper.noise;
        }
        let Some(factor) = covariance.cholesky() else {
            return f64::INFINITY;
        };
        let Explained { dual, variance, .. } = explain(&factor, &data.values);
        let inverse = factor.inverse_of_product();
        let mut by_weight = vec![0.0; self.dimensions];
        let mut by_noise = 0.0;
        let mut squares = self.squares.chunks_exact(self.dimensions);
        for i in 0..count {
            let scale = dual[i] / variance;
            let cells = inverse.row(i).iter().zip(falls.row(i)).zip(&dual);
            for (((inverse, fall), dual), squares) in cells.zip(&mut squares) {
                let change = 2.0 * (inverse - scale * dual) * fall;
                for (sum, square) in by_weight.iter_mut().zip(squares) {
                    *sum += change * square;
                }
            }
            by_noise += inverse.row(i)[i] - scale * dual[i];
        }
        for (d, sum) in by_weight.iter().enumerate() {
            gradient[d] += sum * hyper.weights[d];
        }
        gradient[self.dimensions] += 0.5 * by_noise * hyper.noise;
        0.5 * (count as f64 * variance.ln() + factor.log_determinant())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gp::Metric;
    use proptest::prelude::*;

    fn data(points: &[Vec<f64>]) -> Data {
        let mut data = Data::new(Metric::numeric(2));
        for point in points {
            let value = (3.0 * point[0]).sin() + point[1] * point[1];
            data.push(point, value);
        }
        data
    }

    proptest! {
        #[test]
        fn the_gradient_is_that_of_central_differences(
            points in prop::collection::vec(prop::collection::vec(0.0..1.0, 2), 4..12),
            logs in prop::collection::vec(-1.5..1.0, 2),
            noise in -9.0..-1.0,
        ) {
            let data = data(&points);
            let pairs = Pairs::of(&data);
            let mut logs = logs;
            logs.push(noise);
            let surprise = |logs: &[f64], gradient: &mut [f64]| {
                gradient.fill(0.0);
                penalty(logs, &[0.1, 0.2, -3.0], gradient) + pairs.misfit(&data, logs, gradient)
            };
            let mut gradient = vec![0.0; 3];
            surprise(&logs, &mut gradient);
            for d in 0..3 {
                let mut unused = vec![0.0; 3];
                let mut moved = |step: f64| {
                    let mut logs = logs.clone();
                    logs[d] += step;
                    surprise(&logs, &mut unused)
                };
                let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                prop_assert!((gradient[d] - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{d}: {} {expected}", gradient[d]);
            }
        }
    }

    #[test]
    fn a_dimension_without_effect_gets_a_long_scale() {
        let mut data = Data::new(Metric::numeric(2));
        for i in 0..25_u32 {
            let (x, y) = (f64::from(i % 5) / 5.0, f64::from(i / 5) / 5.0);
            data.push(&[x, y], (6.0 * x).sin());
        }
        let prior = Prior {
            length: -0.7,
            noise: -13.0,
        };
        let hyper = fit(&data, prior, 40);
        assert!(
            hyper.weights[0] > 30.0 * hyper.weights[1],
            "{:?}",
            hyper.weights
        );
    }
}
