//! Where numbers are in a plot, and which of them are written beside it.

/// A range of numbers along a length of a plot.
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// `low` is at `from`, `high` at `to`. An empty range is widened.
    pub(super) fn new([low, high]: [f64; 2], [from, to]: [f64; 2]) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        Self {
            low,
            high,
            from,
            to,
        }
    }

    /// The range that holds all numbers, and a little more.
    pub(super) fn around(numbers: impl Iterator<Item = f64>) -> [f64; 2] {
        let start = [f64::INFINITY, f64::NEG_INFINITY];
        let [low, high] = numbers.fold(start, |[low, high], x| [low.min(x), high.max(x)]);
        if low > high {
            return [0.0, 1.0];
        }
        let margin = ((high - low) * 0.05).max(0.05);
        [low - margin, high + margin]
    }

    pub(super) fn place(&self, x: f64) -> f64 {
        self.from + (x - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round numbers in the range, some five to ten.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let rough = (self.high - self.low) / 6.0;
        let power = 10_f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
        let step = steps
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(power);
        let first = (self.low / step).ceil();
        let last = (self.high / step).floor();
        let ticks =
            (0..=(last - first).max(0.0) as u32).map(|index| (first + f64::from(index)) * step);
        // So that no tick is -0 or 0.30000000000000004.
        ticks.map(|tick| (tick * 1e9).round() / 1e9 + 0.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let ticks = |low, high| Scale::new([low, high], [0.0, 1.0]).ticks();
        assert_eq!(ticks(-0.02, 1.1), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        assert_eq!(ticks(1.0, 100.0), [20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(3.0, 3.0), [3.0, 3.2, 3.4, 3.6, 3.8, 4.0]);
    }

    #[test]
    fn numbers_have_places() {
        let scale = Scale::new([0.0, 10.0], [100.0, 200.0]);
        assert_eq!(
            [0.0, 5.0, 10.0].map(|x| scale.place(x)),
            [100.0, 150.0, 200.0]
        );
        assert_eq!(Scale::around(std::iter::empty()), [0.0, 1.0]);
    }
}
