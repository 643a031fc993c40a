//! Whole numbers, equally spaced, up to all that `i64` has.

use diwan_core::domain::Range;

use super::rungs::Rungs;

/// Whole numbers counted in steps from the smallest.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    min: i64,
    step: i64,
    pub(super) rungs: Rungs,
}

// === impl Whole ===

impl Whole {
    pub(crate) fn new(range: Range<i64>) -> Self {
        let Range { min, max, .. } = range;
        let step = range.step.unwrap_or(1);
        let last = max.abs_diff(min) / step.unsigned_abs();
        let ends = (min as f64, max as f64);
        Self {
            min,
            step,
            rungs: Rungs::new(range.distribution, ends, step as f64, last),
        }
    }

    pub(crate) fn value(&self, rung: u64) -> i64 {
        let offset = rung
            .min(self.rungs.last())
            .wrapping_mul(self.step.unsigned_abs());
        self.min.wrapping_add_unsigned(offset) // never wraps: the last rung is not above an i64
    }

    /// The rung of `value`, if it is on one.
    pub(crate) fn admit(&self, value: i64) -> Option<u64> {
        if value < self.min {
            return None;
        }
        let distance = value.abs_diff(self.min);
        let step = self.step.unsigned_abs();
        (distance.is_multiple_of(step) && distance / step <= self.rungs.last())
            .then_some(distance / step)
    }

    pub(crate) fn range(&self) -> String {
        let ends = format!("{} to {}", self.min, self.value(u64::MAX));
        if self.step == 1 {
            ends
        } else {
            format!("{ends} in steps of {}", self.step)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_core::resources::Distribution;

    fn every(step: i64, min: i64, max: i64) -> Whole {
        Whole::new(Range {
            min,
            max,
            step: Some(step),
            distribution: Distribution::Uniform,
        })
    }

    #[test]
    fn the_limits_of_i64() {
        let all = every(1, i64::MIN, i64::MAX);
        assert_eq!((all.value(0), all.value(u64::MAX)), (i64::MIN, i64::MAX));
        assert_eq!(all.admit(i64::MAX), Some(u64::MAX));
        let wide = every(i64::MAX, i64::MIN, i64::MAX);
        assert_eq!((wide.value(1), wide.value(9)), (-1, i64::MAX - 1));
    }

    #[test]
    fn steps_are_counted_from_the_minimum() {
        let range = every(4, 2, 10);
        assert_eq!([0, 1, 2].map(|rung| range.value(rung)), [2, 6, 10]);
        assert_eq!(
            [2, 4, 6, 14, -2].map(|value| range.admit(value)),
            [Some(0), None, Some(1), None, None]
        );
    }
}
