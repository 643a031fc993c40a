//! Numbers as people and programs write them.

/// What a range is made of.
pub(super) trait Number: Copy + PartialOrd + Default {
    /// What a text must be.
    const WANTED: &str;

    /// Reads one.
    fn read(text: &str) -> Option<Self>;

    /// Whether this step is larger than the distance between two ends, `low <= high`.
    fn exceeds(self, low: Self, high: Self) -> bool;
}

impl Number for f64 {
    const WANTED: &str = "must be a finite number";

    fn read(text: &str) -> Option<Self> {
        finite(text)
    }

    fn exceeds(self, low: Self, high: Self) -> bool {
        self > high - low
    }
}

impl Number for i64 {
    const WANTED: &str = "must be a whole number that fits in 64 bits";

    fn read(text: &str) -> Option<Self> {
        whole(text)
    }

    fn exceeds(self, low: Self, high: Self) -> bool {
        self.unsigned_abs() > high.abs_diff(low)
    }
}

/// Reads a finite number.
#[must_use]
pub fn finite(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

/// Reads a whole number of 64 bits, also one written as `3.0` or `1e3`.
#[must_use]
pub fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = text.parse().ok()?;
    // 2^63 itself is not an i64; every float below it is exact.
    (number.fract() == 0.0 && number.abs() < 9_223_372_036_854_775_808.0).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_whole_numbers_however_written() {
        assert_eq!(
            ["3", " 3.0 ", "1e3", "-0.0"].map(whole),
            [Some(3), Some(3), Some(1000), Some(0)]
        );
        assert_eq!(
            ["3.5", "", "nan", "inf", "9223372036854775808", "x"].map(whole),
            [None; 6]
        );
    }
}
