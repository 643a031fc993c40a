//! Whole numbers, equally spaced, up to all that `i64` has.

use diwan_core::resources::Distribution;

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
    /// `min <= max`, `step > 0`.
    pub(crate) fn new(distribution: Distribution, min: i64, max: i64, step: i64) -> Self {
        let last = max.abs_diff(min) / step.unsigned_abs();
        Self {
            min,
            step,
            rungs: Rungs::new(distribution, (min as f64, max as f64), step as f64, last),
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

/// Reads a whole number, also one written as `3.0` or `1e3`.
pub(crate) fn parse_whole(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let value: f64 = text.parse().ok()?;
    // 2^63 itself is not an i64; every float below it is exact.
    (value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_i64() {
        let all = Whole::new(Distribution::Uniform, i64::MIN, i64::MAX, 1);
        assert_eq!((all.value(0), all.value(u64::MAX)), (i64::MIN, i64::MAX));
        assert_eq!(all.admit(i64::MAX), Some(u64::MAX));
        let wide = Whole::new(Distribution::Uniform, i64::MIN, i64::MAX, i64::MAX);
        assert_eq!((wide.value(1), wide.value(9)), (-1, i64::MAX - 1));
    }

    #[test]
    fn steps_are_counted_from_the_minimum() {
        let range = Whole::new(Distribution::Uniform, 2, 10, 4);
        assert_eq!([0, 1, 2].map(|rung| range.value(rung)), [2, 6, 10]);
        assert_eq!(
            [2, 4, 6, 14, -2].map(|value| range.admit(value)),
            [Some(0), None, Some(1), None, None]
        );
    }

    #[test]
    fn reads_whole_numbers_however_written() {
        assert_eq!(
            ["3", " 3.0 ", "1e3", "-0.0"].map(parse_whole),
            [Some(3), Some(3), Some(1000), Some(0)]
        );
        assert_eq!(
            ["3.5", "", "nan", "inf", "9223372036854775808", "x"].map(parse_whole),
            [None; 6]
        );
    }
}
