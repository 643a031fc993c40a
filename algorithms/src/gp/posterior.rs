//! What is believed of a function after some of its values were seen.

use super::kernel::{Hyper, Metric, matern};
use crate::evidence::Rows;
use crate::linalg::{Lower, dot};

/// Points and the values seen there.
#[derive(Clone, Debug)]
pub(crate) struct Data {
    pub(crate) metric: Metric,
    pub(crate) points: Rows,
    pub(crate) values: Vec<f64>,
}

/// A Gaussian process given data.
#[derive(Clone, Debug)]
pub(crate) struct Posterior {
    pub(crate) data: Data,
    pub(crate) hyper: Hyper,
    /// The data's points, bent.
    bent: Rows,
    factor: Lower,
    /// `K⁻¹ (y − mean)`.
    dual: Vec<f64>,
    mean: f64,
    variance: f64,
}

/// Mean and standard deviation of the function, without noise, at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prediction {
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
}

/// A prediction and how it changes with the point.
#[derive(Clone, Debug)]
pub(crate) struct Slope {
    pub(crate) at: Prediction,
    pub(crate) mean: Vec<f64>,
    pub(crate) deviation: Vec<f64>,
}

/// Variances below this share of the function's are rounding errors.
const SMALLEST_VARIANCE: f64 = 1e-12;

/// So often the noise is raised tenfold when rounding makes the covariance matrix indefinite.
const ATTEMPTS: usize = 8;

// === impl Data ===

impl Data {
    pub(crate) fn new(metric: Metric) -> Self {
        Self {
            points: Rows::new(metric.dimensions()),
            metric,
            values: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, point: &[f64], value: f64) {
        self.points.push(point.iter().copied());
        self.values.push(value);
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    fn bent(&self, hyper: &Hyper) -> Rows {
        let mut bent = Rows::new(self.metric.dimensions());
        for point in self.points.iter() {
            bent.push(hyper.bent(point));
        }
        bent
    }

    /// The covariance matrix of bent points, as a fraction of the variance of the function.
    fn covariance(&self, hyper: &Hyper, bent: &Rows) -> Lower {
        let mut matrix = Lower::zeros(self.len());
        for (i, a) in bent.iter().enumerate() {
            let row = matrix.row_mut(i);
            for (cell, b) in row.iter_mut().zip(bent.iter()).take(i) {
                *cell = matern(self.metric.square(a, b, &hyper.weights)).0;
            }
            row[i] = 1.0 + hyper.noise;
        }
        matrix
    }
}

// === impl Posterior ===

impl Posterior {
    /// `None` without data, or if the numbers are beyond repair.
    pub(crate) fn new(data: Data, mut hyper: Hyper) -> Option<Self> {
        if data.len() == 0 {
            return None;
        }
        let bent = data.bent(&hyper);
        let mut factor = data.covariance(&hyper, &bent).cholesky();
        for _ in 0..ATTEMPTS {
            if factor.is_some() {
                break;
            }
            hyper.noise = 10.0 * hyper.noise + 1e-12;
            factor = data.covariance(&hyper, &bent).cholesky();
        }
        let factor = factor?;
        let Explained {
            dual,
            mean,
            variance,
        } = explain(&factor, &data.values);
        Some(Self {
            data,
            hyper,
            bent,
            factor,
            dual,
            mean,
            variance,
        })
    }

    /// The same with further points, of which nothing is known but that their values will be: they are taken to be as
    /// predicted, which leaves the mean and lowers the variance around them.
    pub(crate) fn believing(&self, points: &Rows) -> Option<Self> {
        let mut data = self.data.clone();
        for point in points.iter() {
            data.push(point, self.mean_at(point));
        }
        if data.len() == self.data.len() {
            return Some(self.clone());
        }
        // The variance stays as it was: values that are as predicted would make it look smaller.
        let believing = Self::new(data, self.hyper.clone())?;
        Some(Self {
            variance: self.variance,
            ..believing
        })
    }

    /// The function's mean at a point.
    pub(crate) fn mean_at(&self, point: &[f64]) -> f64 {
        let point = self.hyper.bent(point);
        let rows = self.bent.iter().zip(&self.dual);
        let weights = &self.hyper.weights;
        let term = |(row, dual): (&[f64], &f64)| {
            dual * matern(self.data.metric.square(&point, row, weights)).0
        };
        self.mean + rows.map(term).sum::<f64>()
    }

    /// The smallest mean at any of the data's points.
    pub(crate) fn lowest_mean(&self) -> f64 {
        // (R + noise I) dual = values − mean, and the means are mean + R dual.
        let values = self.data.values.iter().zip(&self.dual);
        let means = values.map(|(value, dual)| value - self.hyper.noise * dual);
        means.fold(f64::INFINITY, f64::min)
    }

    /// Minus the logarithm of the likelihood of the data.
    pub(crate) fn misfit(&self) -> f64 {
        let count = self.data.len() as f64;
        let scale = self.variance.ln() + 1.0 + std::f64::consts::TAU.ln();
        0.5 * (count * scale + self.factor.log_determinant())
    }

    /// How far each observation is above what the others predict for it (Rasmussen and Williams, equation 5.12).
    pub(crate) fn surprises(&self) -> Vec<f64> {
        let inverse = self.factor.inverse_of_product();
        let dual = self.dual.iter().enumerate();
        dual.map(|(i, dual)| dual / inverse.row(i)[i]).collect()
    }

    pub(crate) fn predict(&self, point: &[f64]) -> Prediction {
        let point = self.hyper.bent(point);
        let weights = &self.hyper.weights;
        let rows = self.bent.iter();
        let mut correlation: Vec<f64> = rows
            .map(|row| matern(self.data.metric.square(&point, row, weights)).0)
            .collect();
        let mean = self.mean + dot(&correlation, &self.dual);
        self.factor.solve(&mut correlation);
        self.prediction(mean, dot(&correlation, &correlation))
    }

    /// The prediction with its derivatives by the numeric coordinates; by the others they are 0.
    pub(crate) fn slope(&self, point: &[f64]) -> Slope {
        let Self {
            data, hyper, bent, ..
        } = self;
        let place = hyper.bent(point);
        let squares = bent
            .iter()
            .map(|row| matern(data.metric.square(&place, row, &hyper.weights)));
        let (correlation, fall): (Vec<f64>, Vec<f64>) = squares.unzip();
        let mut explained = correlation.clone();
        self.factor.solve(&mut explained);
        let at = self.prediction(
            self.mean + dot(&correlation, &self.dual),
            dot(&explained, &explained),
        );
        self.factor.solve_transposed(&mut explained);
        let mut mean = vec![0.0; point.len()];
        let mut deviation = vec![0.0; point.len()];
        for (index, row) in bent.iter().enumerate() {
            let by_mean = -2.0 * fall[index] * self.dual[index];
            let by_deviation = 2.0 * fall[index] * explained[index] * self.variance / at.deviation;
            let slopes = data.metric.slopes(&place, row);
            for (d, (slope, weight)) in slopes.zip(&hyper.weights).enumerate() {
                mean[d] += by_mean * weight * slope;
                deviation[d] += by_deviation * weight * slope;
            }
        }
        for (d, (bend, x)) in hyper.bends.iter().zip(point).enumerate() {
            let slope = bend.slope(*x);
            mean[d] *= slope;
            deviation[d] *= slope;
        }
        Slope {
            at,
            mean,
            deviation,
        }
    }

    fn prediction(&self, mean: f64, explained: f64) -> Prediction {
        let left = (1.0 - explained).max(SMALLEST_VARIANCE);
        Prediction {
            mean,
            deviation: (self.variance * left).sqrt(),
        }
    }
}

/// The parts of the likelihood that follow from the others.
pub(super) struct Explained {
    pub(super) dual: Vec<f64>,
    pub(super) mean: f64,
    pub(super) variance: f64,
}

/// The most likely constant mean and variance of the function, given the factor of its relative covariance.
pub(super) fn explain(factor: &Lower, values: &[f64]) -> Explained {
    let mut ones = vec![1.0; values.len()];
    factor.solve(&mut ones);
    factor.solve_transposed(&mut ones);
    let mean = dot(&ones, values) / ones.iter().sum::<f64>();
    let centred: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let mut dual = centred.clone();
    factor.solve(&mut dual);
    factor.solve_transposed(&mut dual);
    let variance = dot(&dual, &centred) / values.len() as f64;
    Explained {
        dual,
        mean,
        variance: variance.max(f64::MIN_POSITIVE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Scale;
    use crate::gp::bend::Bend;
    use crate::gp::{Prior, fit};
    use proptest::prelude::*;

    /// Two numeric dimensions, one without order, and one that is active only at every other point.
    fn mixed(points: &[Vec<f64>]) -> Data {
        let [line, words] = [Scale::Continuous, Scale::Nominal(3)];
        let mut data = Data::new(Metric::of(&[line, line, words, line]));
        for (index, point) in points.iter().enumerate() {
            let word = (index % 3) as f64 / 3.0;
            let last = if index % 2 == 0 { point[2] } else { f64::NAN };
            let value = (3.0 * point[0]).sin() + point[1] * point[1] + word;
            data.push(&[point[0], point[1], word, last], value);
        }
        data
    }

    fn hyper(weights: [f64; 4], noise: f64) -> Hyper {
        let bends = [(0.0, 0.0), (0.4, -0.3), (0.0, 0.0), (-0.5, 0.2)];
        Hyper {
            weights: weights.to_vec(),
            noise,
            bends: bends.map(|(a, b)| Bend::of_logs(a, b)).to_vec(),
        }
    }

    proptest! {
        #[test]
        fn the_slope_is_that_of_central_differences(
            points in prop::collection::vec(prop::collection::vec(0.0..1.0, 3), 3..12),
            at in prop::collection::vec(0.05..0.95, 3),
        ) {
            let posterior = Posterior::new(mixed(&points), hyper([2.0, 0.5, 1.0, 4.0], 1e-2)).unwrap();
            let at = [at[0], at[1], 1.0 / 3.0, at[2]];
            let slope = posterior.slope(&at);
            prop_assert_eq!(slope.at, posterior.predict(&at));
            for d in [0, 1, 3] {
                let moved = |step: f64| {
                    let mut at = at;
                    at[d] += step;
                    posterior.predict(&at)
                };
                let (high, low) = (moved(1e-5), moved(-1e-5));
                let by_mean = (high.mean - low.mean) / 2e-5;
                let by_deviation = (high.deviation - low.deviation) / 2e-5;
                prop_assert!((slope.mean[d] - by_mean).abs() < 1e-5 * (1.0 + by_mean.abs()), "{d}: {} {by_mean}", slope.mean[d]);
                prop_assert!((slope.deviation[d] - by_deviation).abs() < 1e-5 * (1.0 + by_deviation.abs()), "{d}: {} {by_deviation}", slope.deviation[d]);
            }
        }

        #[test]
        fn the_lowest_mean_is_that_of_a_point_of_the_data(
            points in prop::collection::vec(prop::collection::vec(0.0..1.0, 3), 3..12),
            noise in 1e-4..1.0,
        ) {
            let posterior = Posterior::new(mixed(&points), hyper([2.0, 0.5, 1.0, 4.0], noise)).unwrap();
            let means = posterior.data.points.iter().map(|point| posterior.mean_at(point));
            let lowest = means.fold(f64::INFINITY, f64::min);
            prop_assert!((posterior.lowest_mean() - lowest).abs() < 1e-9, "{} {lowest}", posterior.lowest_mean());
        }

        #[test]
        fn a_point_that_was_tried_many_times_is_no_obstacle(times in 2_usize..60, noise in prop::sample::select(&[0.0, 1e-30, 1e-18][..])) {
            let mut data = Data::new(Metric::numeric(2));
            for index in 0..times {
                data.push(&[0.3, 0.7], (index % 2) as f64);
                data.push(&[0.3 + 1e-12 * index as f64, 0.7], 0.5);
            }
            let hyper = Hyper::straight(vec![1.0; 2], noise);
            let posterior = Posterior::new(data.clone(), hyper).unwrap();
            prop_assert!(posterior.hyper.noise > 0.0, "the noise is raised until the matrix has a factor");
            let there = posterior.predict(&[0.3, 0.7]);
            prop_assert!((0.0..=1.0).contains(&there.mean), "{there:?}");
            prop_assert!(there.deviation.is_finite() && there.deviation > 0.0, "{there:?}");
            let fitted = fit(&data, Prior { length: -0.7, noise: -13.0, bends: true }, 30);
            prop_assert!(fitted.weights.iter().all(|weight| weight.is_finite()) && fitted.noise.is_finite());
            prop_assert!(Posterior::new(data, fitted).is_some());
        }
    }

    #[test]
    fn equal_values_are_predicted_everywhere() {
        let mut data = Data::new(Metric::numeric(1));
        for index in 0..100 {
            data.push(&[f64::from(index) / 100.0], 7.0);
        }
        let hyper = Hyper::straight(vec![1.0], 1e-6);
        let at = Posterior::new(data, hyper).unwrap().predict(&[0.123]);
        assert!((at.mean - 7.0).abs() < 1e-9, "{at:?}");
        assert!(at.deviation.is_finite() && at.deviation >= 0.0, "{at:?}");
    }
}
