//! Real numbers: every one between two ends, or equally spaced ones.

use diwan_core::domain::Range;
use diwan_core::resources::Distribution;

use super::decimal::Ladder;
use super::measure::Measure;
use super::rungs::Rungs;

/// All real numbers between two ends, ends included.
#[derive(Clone, Debug)]
pub(crate) struct Interval {
    flat: bool,
    measure: Measure,
}

/// Real numbers counted in steps from the smallest.
#[derive(Clone, Debug)]
pub(crate) struct Stepped {
    ladder: Ladder,
    max: f64,
    step: f64,
    pub(super) rungs: Rungs,
}

/// Foreign values may be this far off a step or an end, in steps or ranges: their arithmetic rounds too.
const TOLERANCE: f64 = 1e-9;

// === impl Interval ===

impl Interval {
    /// `low < high`.
    pub(crate) fn new(distribution: Distribution, low: f64, high: f64) -> Self {
        let measure = Measure::new(distribution, low, high, (low, high));
        let flat = matches!(distribution, Distribution::Uniform | Distribution::Unknown);
        Self { flat, measure }
    }

    pub(crate) fn is_uniform(&self) -> bool {
        self.flat
    }

    pub(crate) fn low(&self) -> f64 {
        self.measure.edges().0
    }

    pub(crate) fn high(&self) -> f64 {
        self.measure.edges().1
    }

    /// The value at a fraction of the probability; at 1, which rounding may miss, the upper end.
    pub(crate) fn at(&self, u: f64) -> f64 {
        if u < 1.0 {
            self.measure.quantile(u)
        } else {
            self.high()
        }
    }

    pub(crate) fn unit(&self, x: f64) -> f64 {
        self.measure.below(x)
    }

    /// `x`, if it is in the range or next to it.
    pub(crate) fn admit(&self, x: f64) -> Option<f64> {
        let (low, high) = self.measure.edges();
        let slack = TOLERANCE * (high - low).min(f64::MAX);
        (low - slack <= x && x <= high + slack).then(|| x.clamp(low, high))
    }

    pub(crate) fn range(&self) -> String {
        let (low, high) = self.measure.edges();
        format!("{low:?} to {high:?}")
    }
}

// === impl Stepped ===

impl Stepped {
    /// `None` without a step, or when it is too small for `f64` to tell the values apart.
    pub(crate) fn new(range: Range<f64>) -> Option<Self> {
        let Range { min, max, .. } = range;
        let step = range.step?;
        let (ladder, last) = Ladder::new(min, max, step)?;
        Some(Self {
            ladder,
            max,
            step,
            rungs: Rungs::new(range.distribution, (min, max), step, last),
        })
    }

    /// The only number from `only` to `only`.
    pub(crate) fn single(only: f64) -> Self {
        let ladder = Ladder::Float {
            origin: only,
            step: 1.0,
        };
        Self {
            ladder,
            max: only,
            step: 1.0,
            rungs: Rungs::new(Distribution::Uniform, (only, only), 1.0, 0),
        }
    }

    pub(crate) fn value(&self, rung: u64) -> f64 {
        self.ladder.value(rung.min(self.rungs.last())).min(self.max)
    }

    /// The rung of `x`, if it is on one.
    pub(crate) fn admit(&self, x: f64) -> Option<u64> {
        let rung = self.rungs.nearest(x);
        ((self.value(rung) - x).abs() <= TOLERANCE * self.step).then_some(rung)
    }

    pub(crate) fn range(&self) -> String {
        format!(
            "{:?} to {:?} in steps of {:?}",
            self.value(0),
            self.value(u64::MAX),
            self.step
        )
    }
}
