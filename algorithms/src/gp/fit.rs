//! The most probable length scales and noise.

use std::borrow::Cow;

use super::bend::{Bend, Bent};
use super::kernel::{Hyper, matern};
use super::posterior::{Data, Explained, explain};
use crate::lbfgs::{Effort, Minimum, minimize};
use crate::linalg::{Lower, dot};

/// Normal priors of the logarithms of what is fitted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prior {
    /// Middle of a length scale in one dimension.
    pub(crate) length: f64,
    /// Middle of the noise's share.
    pub(crate) noise: f64,
    /// Whether axes may bend.
    pub(crate) bends: bool,
}

/// A normal distribution within bounds, of a logarithm.
#[derive(Clone, Copy, Debug)]
struct Belief {
    middle: f64,
    spread: f64,
    bounds: (f64, f64),
}

const LENGTH_SPREAD: f64 = 1.0;
const NOISE_SPREAD: f64 = 3.0;
/// Bounds of the logarithm of a length scale, and of the noise's share.
const LENGTHS: (f64, f64) = (-4.6, 4.6);
const NOISES: (f64, f64) = (-18.0, 0.0);
/// Of the logarithms of what bends an axis.
const BEND: Belief = Belief {
    middle: 0.0,
    spread: 0.5,
    bounds: (-1.4, 1.4),
};
/// A step of a fit that gains less in that logarithm is the last: no prediction changes by it.
const SMALLEST_GAIN: f64 = 1e-3;
/// What a bent axis must gain in the logarithm of the posterior's density.
const LEAST_GAIN: f64 = 1.0;

/// Squared differences in each dimension, of each pair of points in the order of [`Lower`]'s cells, diagonal included.
struct Pairs<'a> {
    data: &'a Data,
    /// Without bends.
    squares: Vec<f64>,
    /// The dimensions that bend.
    bending: Vec<usize>,
}

/// The most probable hyperparameters given the data, after at most `limit` evaluations, and a third as many again where bent axes
/// promise to explain the data much better; the prior's if there are no data.
pub(crate) fn fit(data: &Data, prior: Prior, limit: usize) -> Hyper {
    let dimensions = data.metric.dimensions();
    // A sum over more dimensions is larger, so length scales grow with their root (Hvarfner, Hellsten and Nardi, "Vanilla
    // Bayesian Optimization Performs Great in High Dimensions", ICML 2024).
    let length = Belief {
        middle: prior.length + 0.5 * (dimensions as f64).ln(),
        spread: LENGTH_SPREAD,
        bounds: LENGTHS,
    };
    let noise = Belief {
        middle: prior.noise,
        spread: NOISE_SPREAD,
        bounds: NOISES,
    };
    let mut beliefs = vec![length; dimensions];
    beliefs.push(noise);
    let middle = beliefs.iter().map(|belief| belief.middle).collect();
    let mut pairs = Pairs::of(data);
    let straight = pairs.most_probable(&beliefs, middle, limit);
    let hyper = pairs.hyper(&straight.x);
    if !prior.bends {
        return hyper;
    }
    bend(&mut pairs, &beliefs, &straight, limit / 3).unwrap_or(hyper)
}

/// The most probable hyperparameters with bent axes, if these explain the data so much better that their number is paid for.
fn bend(
    pairs: &mut Pairs<'_>,
    beliefs: &[Belief],
    straight: &Minimum,
    limit: usize,
) -> Option<Hyper> {
    let metric = &pairs.data.metric;
    let ordered = (0..metric.dimensions()).filter(|&d| metric.is_ordered(d));
    pairs.bending = ordered.collect();
    let at = pairs.with_bends(&straight.x);
    let mut gradient = vec![0.0; at.len()];
    pairs.surprise(&pairs.believed(beliefs), &at, &mut gradient);
    // Where the slopes at a straight axis are too small for the gain, as if nothing but the prior held its bend back, there is
    // none to be looked for: most functions end here.
    let slopes = gradient[straight.x.len()..].chunks_exact(2);
    let mut hopes = slopes.map(|slopes| 0.5 * BEND.spread.powi(2) * dot(slopes, slopes));
    pairs.bending.retain(|_| hopes.next() > Some(LEAST_GAIN));
    if pairs.bending.is_empty() {
        return None;
    }
    let from = pairs.with_bends(&straight.x);
    let bent = pairs.most_probable(&pairs.believed(beliefs), from, limit);
    let least = LEAST_GAIN * pairs.bending.len() as f64;
    (straight.value - bent.value > least).then(|| pairs.hyper(&bent.x))
}

/// Minus the logarithm of the prior's density, up to a constant; adds to its gradient.
fn penalty(logs: &[f64], beliefs: &[Belief], gradient: &mut [f64]) -> f64 {
    let mut sum = 0.0;
    for ((log, belief), cell) in logs.iter().zip(beliefs).zip(gradient) {
        let z = (log - belief.middle) / belief.spread;
        sum += 0.5 * z * z;
        *cell += z / belief.spread;
    }
    sum
}

// === impl Pairs ===

impl<'a> Pairs<'a> {
    fn of(data: &'a Data) -> Self {
        let mut squares =
            Vec::with_capacity(data.len() * (data.len() + 1) / 2 * data.metric.dimensions());
        for (i, a) in data.points.iter().enumerate() {
            for b in data.points.iter().take(i + 1) {
                squares.extend(data.metric.differences(a, b).map(|t| t * t));
            }
        }
        Self {
            data,
            squares,
            bending: Vec::new(),
        }
    }

    fn most_probable(&self, beliefs: &[Belief], from: Vec<f64>, limit: usize) -> Minimum {
        let bounds: Vec<(f64, f64)> = beliefs.iter().map(|belief| belief.bounds).collect();
        let surprise = |logs: &[f64], gradient: &mut [f64]| self.surprise(beliefs, logs, gradient);
        let effort = Effort {
            evaluations: limit,
            step: 1.0,
            least_gain: SMALLEST_GAIN,
        };
        minimize(surprise, from, &bounds, effort)
    }

    /// The beliefs with those of the bends.
    fn believed(&self, beliefs: &[Belief]) -> Vec<Belief> {
        [beliefs, &vec![BEND; 2 * self.bending.len()]].concat()
    }

    /// The logarithms for straight axes, with those of bends that leave them straight.
    fn with_bends(&self, straight: &[f64]) -> Vec<f64> {
        [straight, &vec![0.0; 2 * self.bending.len()]].concat()
    }

    /// Minus the logarithm of the density of the hyperparameters given the data, up to a constant, and its gradient.
    fn surprise(&self, beliefs: &[Belief], logs: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        penalty(logs, beliefs, gradient) + self.misfit(logs, gradient)
    }

    fn dimensions(&self) -> usize {
        self.data.metric.dimensions()
    }

    /// The hyperparameters with these logarithms: of the length scales, the noise, and for each dimension that bends, of `a`
    /// and `b`.
    fn hyper(&self, logs: &[f64]) -> Hyper {
        let (lengths, others) = logs.split_at(self.dimensions());
        let weights = lengths.iter().map(|log| (-2.0 * log).exp()).collect();
        let mut hyper = Hyper::straight(weights, others[0].exp());
        for (&d, logs) in self.bending.iter().zip(others[1..].chunks_exact(2)) {
            hyper.bends[d] = Bend::of_logs(logs[0], logs[1]);
        }
        hyper
    }

    /// Where the points are in each dimension that bends, one dimension after the other.
    fn bent(&self, hyper: &Hyper) -> Vec<Vec<Bent>> {
        let of = |&d: &usize| {
            let bend = hyper.bends[d];
            self.data
                .points
                .iter()
                .map(|point| bend.bent(point[d]))
                .collect()
        };
        self.bending.iter().map(of).collect()
    }

    /// The squares of bent points.
    fn squares(&self, bent: &[Vec<Bent>]) -> Cow<'_, [f64]> {
        if bent.is_empty() {
            return Cow::Borrowed(&self.squares);
        }
        let mut squares = self.squares.clone();
        let mut cells = squares.chunks_exact_mut(self.dimensions());
        for i in 0..self.data.len() {
            for (j, cells) in (0..=i).zip(&mut cells) {
                for (&d, bent) in self.bending.iter().zip(bent) {
                    let difference = bent[i].x - bent[j].x;
                    // Where the dimension is inactive the square does not depend on positions.
                    if !difference.is_nan() {
                        cells[d] = difference * difference;
                    }
                }
            }
        }
        Cow::Owned(squares)
    }

    /// Minus the logarithm of the likelihood of the data, up to a constant, with the mean and the variance that make it
    /// largest; adds to its gradient by the logarithms (Rasmussen and Williams, equation 5.9). Infinite where rounding
    /// defeats it.
    fn misfit(&self, logs: &[f64], gradient: &mut [f64]) -> f64 {
        let hyper = self.hyper(logs);
        let bent = self.bent(&hyper);
        let squares = self.squares(&bent);
        let count = self.data.len();
        let mut covariance = Lower::zeros(count);
        let mut falls = Lower::zeros(count);
        let mut of_pair = squares.chunks_exact(self.dimensions());
        for i in 0..count {
            let cells = covariance.row_mut(i).iter_mut().zip(falls.row_mut(i));
            for ((cell, fall), squares) in cells.zip(&mut of_pair) {
                let square = squares.iter().zip(&hyper.weights).map(|(s, w)| s * w).sum();
                (*cell, *fall) = matern(square);
            }
            covariance.row_mut(i)[i] += hyper.noise;
        }
        let Some(factor) = covariance.cholesky() else {
            return f64::INFINITY;
        };
        let Explained { dual, variance, .. } = explain(&factor, &self.data.values);
        let inverse = factor.inverse_of_product();
        // What the misfit changes by with the square of each pair, in place of how the correlation does.
        let mut by_noise = 0.0;
        for i in 0..count {
            let scale = dual[i] / variance;
            let cells = inverse.row(i).iter().zip(falls.row_mut(i)).zip(&dual);
            for ((inverse, fall), dual) in cells {
                *fall *= 2.0 * (inverse - scale * dual);
            }
            by_noise += inverse.row(i)[i] - scale * dual[i];
        }
        self.add_gradient(&falls, &squares, &bent, &hyper, gradient);
        gradient[self.dimensions()] += 0.5 * by_noise * hyper.noise;
        0.5 * (count as f64 * variance.ln() + factor.log_determinant())
    }

    /// Adds the derivatives by all but the noise, given those by the squares of the pairs.
    fn add_gradient(
        &self,
        changes: &Lower,
        squares: &[f64],
        bent: &[Vec<Bent>],
        hyper: &Hyper,
        gradient: &mut [f64],
    ) {
        let (by_lengths, others) = gradient.split_at_mut(self.dimensions());
        let mut by_weight = vec![0.0; self.dimensions()];
        let mut of_pair = squares.chunks_exact(self.dimensions());
        for i in 0..self.data.len() {
            for (change, squares) in changes.row(i).iter().zip(&mut of_pair) {
                for (sum, square) in by_weight.iter_mut().zip(squares) {
                    *sum += change * square;
                }
            }
        }
        for (cell, (sum, weight)) in by_lengths
            .iter_mut()
            .zip(by_weight.iter().zip(&hyper.weights))
        {
            *cell += sum * weight;
        }
        for ((&d, bent), cells) in self
            .bending
            .iter()
            .zip(bent)
            .zip(others[1..].chunks_exact_mut(2))
        {
            let (mut by_a, mut by_b) = (0.0, 0.0);
            for (i, at) in bent.iter().enumerate() {
                for (change, other) in changes.row(i).iter().zip(bent) {
                    let difference = change * (at.x - other.x);
                    if !difference.is_nan() {
                        by_a += difference * (at.by_log_a - other.by_log_a);
                        by_b += difference * (at.by_log_b - other.by_log_b);
                    }
                }
            }
            cells[0] -= by_a * hyper.weights[d];
            cells[1] -= by_b * hyper.weights[d];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gp::{Metric, Posterior};
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
            points in prop::collection::vec(prop::collection::vec(prop_oneof![4 => 0.01..0.99, 1 => Just(0.0), 1 => Just(1.0)], 2), 4..12),
            lengths in prop::collection::vec(-1.5..1.0, 2),
            noise in -9.0..-1.0,
            bends in prop::collection::vec(-0.8..0.8, 4),
        ) {
            let data = data(&points);
            let logs: Vec<f64> = lengths.into_iter().chain([noise]).chain(bends).collect();
            for bending in [vec![], vec![1], vec![0, 1]] {
                let logs = &logs[..3 + 2 * bending.len()];
                let pairs = Pairs { bending, ..Pairs::of(&data) };
                let belief = Belief { middle: 0.2, spread: 1.5, bounds: LENGTHS };
                let beliefs = vec![belief; logs.len()];
                let mut gradient = vec![0.0; logs.len()];
                pairs.surprise(&beliefs, logs, &mut gradient);
                for d in 0..logs.len() {
                    let mut unused = vec![0.0; logs.len()];
                    let mut moved = |step: f64| {
                        let mut logs = logs.to_vec();
                        logs[d] += step;
                        pairs.surprise(&beliefs, &logs, &mut unused)
                    };
                    let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                    prop_assert!((gradient[d] - expected).abs() < 1e-3 * (1.0 + expected.abs()), "{d}: {} {expected}", gradient[d]);
                }
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
            bends: false,
        };
        let hyper = fit(&data, prior, 40);
        assert!(
            hyper.weights[0] > 30.0 * hyper.weights[1],
            "{:?}",
            hyper.weights
        );
    }

    /// The squared error of predictions between the data, and whether an axis was bent.
    fn error(f: impl Fn(f64) -> f64, bends: bool) -> (f64, bool) {
        let mut data = Data::new(Metric::numeric(2));
        for i in 0..30_u32 {
            let point = [(f64::from(i) + 0.5) / 30.0, f64::from(i * 7 % 30) / 30.0];
            data.push(&point, f(point[0]) + 0.1 * point[1]);
        }
        let prior = Prior {
            length: -0.7,
            noise: -13.0,
            bends,
        };
        let hyper = fit(&data, prior, 40);
        let is_bent = hyper.bends.iter().any(|bend| *bend != Bend::STRAIGHT);
        let posterior = Posterior::new(data, hyper).unwrap();
        let between = (6..200).map(|i| f64::from(i) / 200.0);
        let errors = between.map(|x| (posterior.mean_at(&[x, 0.5]) - f(x) - 0.05).powi(2));
        (errors.sum(), is_bent)
    }

    #[test]
    fn an_axis_is_bent_where_a_function_changes_at_one_end_only() {
        // As of a learning rate that is given on a linear scale.
        let by_order_of_magnitude = |x: f64| (3.0 * (x + 0.01).ln()).sin();
        let (straight, bent) = (
            error(by_order_of_magnitude, false),
            error(by_order_of_magnitude, true),
        );
        assert!(!straight.1 && bent.1);
        assert!(2.0 * bent.0 < straight.0, "{bent:?} {straight:?}");
        assert!(!error(|x| (3.0 * x).sin(), true).1);
    }
}
