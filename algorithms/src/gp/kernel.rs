//! The covariance of two points: Matérn 5/2 with a length scale for every dimension.

use super::bend::Bend;
use crate::evidence::{Rows, Scale};

/// How far apart two positions of a dimension are.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    nominal: Vec<bool>,
}

/// What a fit determines.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hyper {
    /// One over the square of every dimension's length scale.
    pub(crate) weights: Vec<f64>,
    /// Variance of the noise, as a fraction of the variance of the function.
    pub(crate) noise: f64,
    /// How every dimension's axis is bent before distances are taken.
    pub(crate) bends: Vec<Bend>,
}

/// The distance of a point in which a dimension is active from one in which it is not.
const HALF_ACTIVE: f64 = 0.5;

/// The correlation at a squared scaled distance, and minus its derivative by that square.
pub(crate) fn matern(square: f64) -> (f64, f64) {
    let s = (5.0 * square).sqrt();
    let decay = (-s).exp();
    (
        (1.0 + s + s * s / 3.0) * decay,
        5.0 / 6.0 * (1.0 + s) * decay,
    )
}

// === impl Hyper ===

impl Hyper {
    /// Without bends.
    pub(crate) fn straight(weights: Vec<f64>, noise: f64) -> Self {
        Self {
            bends: vec![Bend::STRAIGHT; weights.len()],
            weights,
            noise,
        }
    }

    /// A position with its axes bent.
    pub(crate) fn bent(&self, x: &[f64]) -> Vec<f64> {
        let cells = x.iter().zip(&self.bends);
        cells.map(|(x, bend)| bend.at(*x)).collect()
    }
}

// === impl Metric ===

impl Metric {
    pub(crate) fn of(scales: &[Scale]) -> Self {
        let nominal = scales
            .iter()
            .map(|scale| matches!(scale, Scale::Nominal(_)));
        Self {
            nominal: nominal.collect(),
        }
    }

    /// Of so many numeric dimensions.
    pub(crate) fn numeric(dimensions: usize) -> Self {
        Self {
            nominal: vec![false; dimensions],
        }
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.nominal.len()
    }

    /// The signed distance in every dimension. Values without order are all one apart. Where a dimension is inactive for one
    /// of the points only, they are [`HALF_ACTIVE`] apart in it, whatever the other's value; its parent's values differ, too.
    pub(crate) fn differences<'a>(
        &'a self,
        a: &'a [f64],
        b: &'a [f64],
    ) -> impl Iterator<Item = f64> + 'a {
        let pairs = a.iter().zip(b).zip(&self.nominal);
        pairs.map(|((a, b), nominal)| match (a.is_nan(), b.is_nan()) {
            (false, false) if *nominal => f64::from(u8::from(a != b)),
            (false, false) => a - b,
            (true, true) => 0.0,
            _ => HALF_ACTIVE,
        })
    }

    /// Half the derivatives of the squared differences by the coordinates of `a`: where values have no order, or a dimension is
    /// inactive for one of the points, the difference does not change with them.
    pub(crate) fn slopes<'a>(
        &'a self,
        a: &'a [f64],
        b: &'a [f64],
    ) -> impl Iterator<Item = f64> + 'a {
        let pairs = a.iter().zip(b).zip(&self.nominal);
        pairs.map(|((a, b), nominal)| {
            if *nominal || a.is_nan() || b.is_nan() {
                0.0
            } else {
                a - b
            }
        })
    }

    /// Whether the positions in a dimension have an order.
    pub(crate) fn is_ordered(&self, dimension: usize) -> bool {
        !self.nominal[dimension]
    }

    /// The rows nearest to a position, the nearest first, every dimension alike; at most `count`.
    pub(crate) fn nearest(&self, rows: &Rows, to: &[f64], count: usize) -> Vec<usize> {
        let weights = vec![1.0; to.len()];
        let squares = rows.iter().map(|row| self.square(row, to, &weights));
        let mut distances: Vec<(f64, usize)> = squares.zip(0..).collect();
        distances.sort_by(|a, b| a.0.total_cmp(&b.0));
        distances.truncate(count);
        distances.into_iter().map(|(_, index)| index).collect()
    }

    /// The squared distance of two points, every dimension weighted.
    pub(crate) fn square(&self, a: &[f64], b: &[f64], weights: &[f64]) -> f64 {
        let terms = self.differences(a, b).zip(weights);
        terms.map(|(t, weight)| weight * t * t).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_fall_of_the_correlation_is_that_of_central_differences(square in 1e-3..50.0) {
            let step = 1e-4 * square;
            let expected = (matern(square - step).0 - matern(square + step).0) / (2.0 * step);
            let (_, fall) = matern(square);
            prop_assert!((fall - expected).abs() < 1e-6 * (1e-3 + expected), "{fall} {expected}");
        }
    }

    #[test]
    fn the_correlation_is_one_at_a_point_and_none_far_away() {
        assert_eq!(matern(0.0), (1.0, 5.0 / 6.0));
        assert_eq!(matern(1e300), (0.0, 0.0));
    }

    #[test]
    fn the_distance_follows_from_the_kind_of_dimension_and_its_activity() {
        let metric = Metric::of(&[Scale::Continuous, Scale::Nominal(3), Scale::Continuous]);
        let differences =
            |a: [f64; 3], b: [f64; 3]| -> Vec<f64> { metric.differences(&a, &b).collect() };
        assert_eq!(
            differences([0.5, 0.1, f64::NAN], [0.25, 0.9, f64::NAN]),
            [0.25, 1.0, 0.0]
        );
        assert_eq!(
            differences([0.5, 0.1, 0.2], [0.5, 0.1, f64::NAN]),
            [0.0, 0.0, HALF_ACTIVE]
        );
    }
}
