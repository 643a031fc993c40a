//! The covariance of two points: Matérn 5/2 with a length scale for every dimension.

use crate::evidence::Scale;

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

    /// The squared distance of two points, every dimension weighted.
    pub(crate) fn square(&self, a: &[f64], b: &[f64], weights: &[f64]) -> f64 {
        let terms = self.differences(a, b).zip(weights);
        terms.map(|(t, weight)| weight * t * t).sum()
    }
}
