//! What one trial has reported.

/// The values of the objective that a trial has reported, in order; NaN and infinities among them.
///
/// Steps rise. A value without a step, or with one that is not above the last, is one step after the last; without any,
/// values are counted from 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve(Vec<Reported>);

/// A value and its step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reported {
    /// As the trial counts, or as its values are counted.
    pub step: i64,
    /// The objective's.
    pub value: f64,
}

// === impl Curve ===

impl Curve {
    /// Adds a value.
    pub fn report(&mut self, step: Option<i64>, value: f64) {
        let last = self.0.last().map(|last| last.step);
        let next = last.map_or(1, |last| last.saturating_add(1));
        let rising = step.filter(|step| last.is_none_or(|last| *step > last));
        self.0.push(Reported {
            step: rising.unwrap_or(next),
            value,
        });
    }

    /// All of it.
    #[must_use]
    pub fn points(&self) -> &[Reported] {
        &self.0
    }

    /// What was reported up to a step.
    #[must_use]
    pub fn until(&self, step: i64) -> &[Reported] {
        &self.0[..self.0.partition_point(|point| point.step <= step)]
    }

    /// What was reported up to the first value at a step or after it, if there is one.
    #[must_use]
    pub fn reaching(&self, step: i64) -> Option<&[Reported]> {
        let before = self.0.partition_point(|point| point.step < step);
        self.0.get(..=before)
    }

    /// Leaves out every second value, but not the last, until there are at most `most`.
    pub(crate) fn thin(&mut self, most: usize) {
        while self.0.len() > most.max(1) {
            let last = self.0.len() - 1;
            let mut index = 0;
            self.0.retain(|_| {
                index += 1;
                (index - 1) % 2 == last % 2
            });
        }
    }
}

/// Values without steps.
impl FromIterator<f64> for Curve {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut curve = Self::default();
        for value in values {
            curve.report(None, value);
        }
        curve
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(curve: &Curve) -> Vec<i64> {
        curve.points().iter().map(|point| point.step).collect()
    }

    #[test]
    fn steps_rise() {
        let mut curve = Curve::default();
        for step in [
            None,
            Some(0),
            Some(7),
            Some(7),
            None,
            Some(3),
            Some(20),
            Some(i64::MAX),
            None,
        ] {
            curve.report(step, 1.0);
        }
        assert_eq!(steps(&curve), [1, 2, 7, 8, 9, 10, 20, i64::MAX, i64::MAX]);
        let mut from_zero = Curve::default();
        from_zero.report(Some(0), 1.0);
        assert_eq!(steps(&from_zero), [0]);
    }

    #[test]
    fn parts_end_at_a_step_or_reach_it() {
        let mut curve = Curve::default();
        for step in [2, 4, 6] {
            curve.report(Some(step), step as f64);
        }
        let last = |points: &[Reported]| points.last().map(|point| point.step);
        assert_eq!(
            [1, 4, 5, 9].map(|step| last(curve.until(step))),
            [None, Some(4), Some(4), Some(6)]
        );
        let reaching = |step| curve.reaching(step).and_then(last);
        assert_eq!(
            [1, 4, 5, 7].map(reaching),
            [Some(2), Some(4), Some(6), None]
        );
    }

    #[test]
    fn a_thinned_curve_keeps_its_end() {
        for count in 1..50 {
            let mut curve: Curve = (1..=count).map(f64::from).collect();
            curve.thin(10);
            assert!(curve.points().len() <= 10 && curve.points().len() >= 5.min(count as usize));
            assert_eq!(curve.points().last().unwrap().step, i64::from(count));
            assert!(
                curve
                    .points()
                    .iter()
                    .all(|point| point.value == point.step as f64)
            );
        }
    }
}
