//! How the values of a range are weighted: a monotone map between values and probabilities.
//!
//! A distribution is an axis (linear or logarithmic), on which the range becomes 0…1, and a shape on that axis (flat, or
//! a bell with its mean in the middle and the range as six standard deviations). The extremes of `f64` are in order:
//! nothing here overflows for finite `low < high`.

use diwan_core::resources::Distribution;
use statrs::function::erf::{erfc, erfc_inv};
use std::f64::consts::SQRT_2;

/// The weights of a range, truncated to an outer range that equally spaced values may widen by half a step.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    axis: Axis,
    shape: Shape,
    edges: (f64, f64),
    /// Probability left of the truncation, before it is cut off.
    start: f64,
    /// Probability within the truncation.
    mass: f64,
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Flat,
    Bell,
}

#[derive(Clone, Copy, Debug)]
struct Axis {
    low: f64,
    high: f64,
    /// `ln(high / low)` of a logarithmic axis.
    log_span: Option<f64>,
}

// === impl Measure ===

impl Measure {
    /// The weights of `low`…`high`, cut off outside of `edges`. `low < high`, both finite, positive if logarithmic.
    pub(crate) fn new(distribution: Distribution, low: f64, high: f64, edges: (f64, f64)) -> Self {
        let (log, shape) = match distribution {
            Distribution::Uniform | Distribution::Unknown => (false, Shape::Flat),
            Distribution::LogUniform => (true, Shape::Flat),
            Distribution::Normal => (false, Shape::Bell),
            Distribution::LogNormal => (true, Shape::Bell),
        };
        let axis = Axis {
            low,
            high,
            log_span: log.then(|| log_ratio(low, high)),
        };
        let start = shape.below(axis.place(edges.0));
        let mass = shape.below(axis.place(edges.1)) - start;
        Self {
            axis,
            shape,
            edges,
            start,
            mass,
        }
    }

    /// The probability of a value up to `x`: 0…1, not decreasing in `x`.
    pub(crate) fn below(&self, x: f64) -> f64 {
        ((self.shape.below(self.axis.place(x)) - self.start) / self.mass).clamp(0.0, 1.0)
    }

    /// The value below which a fraction `u` of the probability lies: not decreasing in `u`, within the edges.
    pub(crate) fn quantile(&self, u: f64) -> f64 {
        let value = self
            .axis
            .at(self.shape.quantile(self.start + u * self.mass));
        value.clamp(self.edges.0, self.edges.1)
    }

    /// The smallest and the largest value.
    pub(crate) fn edges(&self) -> (f64, f64) {
        self.edges
    }
}

// === impl Shape ===

impl Shape {
    fn below(self, place: f64) -> f64 {
        match self {
            Self::Flat => place,
            Self::Bell => 0.5 * erfc((3.0 - 6.0 * place) / SQRT_2),
        }
    }

    fn quantile(self, probability: f64) -> f64 {
        match self {
            Self::Flat => probability,
            Self::Bell => (3.0 - SQRT_2 * erfc_inv(2.0 * probability)) / 6.0,
        }
    }
}

// === impl Axis ===

impl Axis {
    /// Where `x` is between `low` (0) and `high` (1).
    fn place(&self, x: f64) -> f64 {
        if let Some(span) = self.log_span {
            return log_ratio(self.low, x) / span;
        }
        let width = self.high - self.low;
        if width.is_finite() {
            (x - self.low) / width
        } else {
            (x / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0)
        }
    }

    fn at(&self, place: f64) -> f64 {
        if let Some(span) = self.log_span {
            let grown = self.low * (place * span).exp();
            return if grown.is_finite() && grown > 0.0 {
                grown
            } else {
                (self.low.ln() + place * span).exp()
            };
        }
        let width = self.high - self.low;
        if width.is_finite() {
            self.low + place * width
        } else {
            self.low * (1.0 - place) + self.high * place
        }
    }
}

/// `ln(x / low)`, exact also where `x` is next to `low` and where the quotient overflows.
fn log_ratio(low: f64, x: f64) -> f64 {
    let growth = (x - low) / low;
    if growth.is_finite() && growth > -0.5 {
        growth.ln_1p()
    } else {
        x.ln() - low.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Distribution; 4] = [
        Distribution::Uniform,
        Distribution::LogUniform,
        Distribution::Normal,
        Distribution::LogNormal,
    ];

    #[test]
    fn the_middle_of_each_distribution() {
        let middle =
            |distribution| Measure::new(distribution, 1e-4, 1.0, (1e-4, 1.0)).quantile(0.5);
        assert!((middle(Distribution::Uniform) - 0.50005).abs() < 1e-12);
        assert!((middle(Distribution::Normal) - 0.50005).abs() < 1e-12);
        assert!((middle(Distribution::LogUniform) - 1e-2).abs() < 1e-14);
        assert!((middle(Distribution::LogNormal) - 1e-2).abs() < 1e-14);
    }

    #[test]
    fn extreme_ranges_stay_finite() {
        let ranges = [
            (1e-300, 1e300),
            (f64::MIN_POSITIVE, f64::MAX),
            (1e10, 1e10_f64.next_up()),
            (5e-324, 1e-323),
        ];
        for distribution in ALL {
            for (low, high) in ranges {
                let measure = Measure::new(distribution, low, high, (low, high));
                for u in [0.0, 1e-17, 0.25, 0.5, 1.0 - f64::EPSILON] {
                    let x = measure.quantile(u);
                    assert!(x.is_finite(), "{distribution:?} {low:e} {high:e} {u} {x}");
                    assert!((0.0..=1.0).contains(&measure.below(x)));
                }
            }
        }
        let whole = Measure::new(
            Distribution::Uniform,
            f64::MIN,
            f64::MAX,
            (f64::MIN, f64::MAX),
        );
        assert_eq!((whole.quantile(0.0), whole.quantile(0.5)), (f64::MIN, 0.0));
    }

    proptest! {
        #[test]
        fn quantile_and_probability_are_inverse(u in 1e-9..1.0 - 1e-9, low in 1e-6..1e6, ratio in 1.001..1e9, which in 0_usize..4) {
            let measure = Measure::new(ALL[which], low, low * ratio, (low, low * ratio));
            prop_assert!((measure.below(measure.quantile(u)) - u).abs() < 1e-9);
        }
    }
}
