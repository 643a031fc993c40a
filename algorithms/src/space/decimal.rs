//! Steps as people write them: 0.1 is a tenth, so three of them are 0.3 and not 0.30000000000000004.

use super::rungs::steps;

/// The numbers `origin + k·step`, each the `f64` nearest to the exact decimal.
#[derive(Clone, Debug)]
pub(crate) enum Ladder {
    /// Exact: `(origin + k·step)·10^exponent`.
    Decimal {
        /// First number, in units of `10^exponent`.
        origin: i128,
        /// Distance, in the same units.
        step: i128,
        /// Power of ten.
        exponent: i32,
    },
    /// Numbers too far apart in size for that, such as 1e-300 and 0.1: the sum as `f64` has it.
    Float {
        /// First number.
        origin: f64,
        /// Distance.
        step: f64,
    },
}

/// Below this, whole numbers are exact in `f64`; above, a step would be lost in the rounding of the range.
const RESOLVED: u64 = 1 << 53;

// === impl Ladder ===

impl Ladder {
    /// The ladder from `min` upward and the number of its last rung that is not above `max`; `None` when there are more
    /// rungs than `f64` can tell apart. All finite, `step > 0`, `min <= max`.
    pub(crate) fn new(min: f64, max: f64, step: f64) -> Option<(Self, u64)> {
        let (ladder, last) = Self::decimal(min, max, step).unwrap_or_else(|| {
            (
                Self::Float { origin: min, step },
                steps(min, max, step) as u64,
            )
        });
        (last < RESOLVED).then_some((ladder, last))
    }

    fn decimal(min: f64, max: f64, step: f64) -> Option<(Self, u64)> {
        let numbers = [digits(min)?, digits(max)?, digits(step)?];
        let exponent = numbers
            .iter()
            .filter(|(mantissa, _)| *mantissa != 0)
            .map(|(_, exponent)| *exponent)
            .min()?;
        let scaled = |(mantissa, own): (i128, i32)| -> Option<i128> {
            if mantissa == 0 {
                return Some(0);
            }
            mantissa.checked_mul(10_i128.checked_pow(own.checked_sub(exponent)?.try_into().ok()?)?)
        };
        let (origin, end, step) = (
            scaled(numbers[0])?,
            scaled(numbers[1])?,
            scaled(numbers[2])?,
        );
        let last = u64::try_from(end.checked_sub(origin)?.checked_div(step)?).unwrap_or(u64::MAX);
        Some((
            Self::Decimal {
                origin,
                step,
                exponent,
            },
            last,
        ))
    }

    /// The number on a rung.
    pub(crate) fn value(&self, rung: u64) -> f64 {
        match *self {
            Self::Decimal {
                origin,
                step,
                exponent,
            } => nearest_float(origin + i128::from(rung) * step, exponent),
            Self::Float { origin, step } => origin + rung as f64 * step,
        }
    }
}

/// The shortest decimal that reads back as `x`: mantissa and power of ten.
fn digits(x: f64) -> Option<(i128, i32)> {
    let text = format!("{x:e}");
    let (mantissa, exponent) = text.split_once('e')?;
    let fraction = mantissa
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let mantissa = mantissa.replace('.', "").parse().ok()?;
    Some((
        mantissa,
        exponent.parse::<i32>().ok()? - i32::try_from(fraction).ok()?,
    ))
}

/// The `f64` nearest to `mantissa·10^exponent`.
fn nearest_float(mantissa: i128, exponent: i32) -> f64 {
    // A quotient of two exact numbers is correctly rounded, and 10^22 is the last exact power of ten.
    if mantissa.unsigned_abs() < u128::from(RESOLVED) && (-22..=0).contains(&exponent) {
        return mantissa as f64 / 10_f64.powi(-exponent);
    }
    format!("{mantissa}e{exponent}")
        .parse()
        .expect("a decimal number is a number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(min: f64, max: f64, step: f64) -> Vec<f64> {
        let (ladder, last) = Ladder::new(min, max, step).unwrap();
        (0..=last).map(|rung| ladder.value(rung)).collect()
    }

    #[test]
    fn tenths_are_tenths() {
        assert_eq!(all(0.0, 0.5, 0.1), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]);
        assert_eq!(all(-0.3, 0.0, 0.1), [-0.3, -0.2, -0.1, 0.0]);
        assert_eq!(
            all(0.25, 0.95, 0.1),
            [0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95]
        );
    }

    #[test]
    fn the_last_rung_is_not_above_the_maximum() {
        assert_eq!(all(2.0, 9.9, 4.0), [2.0, 6.0]);
        assert_eq!(all(1.0, 1.0, 4.0), [1.0]);
        assert_eq!(all(1e-300, 3e-300, 1e-300), [1e-300, 2e-300, 3e-300]);
    }

    #[test]
    fn numbers_of_very_different_size_still_step() {
        assert_eq!(all(1e-300, 1.0, 0.25), [1e-300, 0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn a_step_that_floats_cannot_resolve_is_no_ladder() {
        assert!(Ladder::new(-1e300, 1e300, 1e-300).is_none());
        assert!(Ladder::new(f64::MIN, f64::MAX, 5e-324).is_none());
        assert!(Ladder::new(0.0, 1.0, 1e-16).is_none());
    }

    proptest! {
        #[test]
        fn rungs_read_back_and_rise(min in -1_000_000_i64..1_000_000, step in 1_i64..1000, scale in 0_i32..12, rung in 0_u64..1000) {
            let unit = |n: i64| format!("{n}e-{scale}").parse::<f64>().unwrap();
            let (ladder, last) = Ladder::new(unit(min), unit(min + 1000 * step), unit(step)).unwrap();
            prop_assert_eq!(last, 1000);
            prop_assert_eq!(ladder.value(rung), unit(min + i64::try_from(rung).unwrap() * step));
        }
    }
}
