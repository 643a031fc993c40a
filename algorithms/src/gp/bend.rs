//! Axes as a Gaussian process takes them best: bent, so that a function that changes more at one end changes alike everywhere.

/// A monotone map of the unit interval onto itself, the distribution function of Kumaraswamy: `1 − (1 − x^a)^b` (Snoek, Swersky,
/// Zemel and Adams, "Input Warping for Bayesian Optimization of Non-Stationary Functions", ICML 2014, who take the similar
/// one of the beta distribution).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bend {
    a: f64,
    b: f64,
}

/// A bent position and its derivatives by the logarithms of `a` and `b`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bent {
    pub(crate) x: f64,
    pub(crate) by_log_a: f64,
    pub(crate) by_log_b: f64,
}

/// Slopes are told from infinite ones so far from the ends.
const END: f64 = 1e-9;

// === impl Bend ===

impl Bend {
    pub(crate) const STRAIGHT: Self = Self { a: 1.0, b: 1.0 };

    pub(crate) fn of_logs(a: f64, b: f64) -> Self {
        Self {
            a: a.exp(),
            b: b.exp(),
        }
    }

    /// The bent position, in 0…1; no number stays none.
    pub(crate) fn at(&self, x: f64) -> f64 {
        if *self == Self::STRAIGHT {
            return x;
        }
        1.0 - (1.0 - x.powf(self.a)).powf(self.b)
    }

    /// How fast the bent position moves with the position.
    pub(crate) fn slope(&self, x: f64) -> f64 {
        if *self == Self::STRAIGHT {
            return 1.0;
        }
        let x = x.clamp(END, 1.0 - END);
        let rest = 1.0 - x.powf(self.a);
        self.a * self.b * x.powf(self.a - 1.0) * rest.powf(self.b - 1.0)
    }

    /// For fits. The ends stay where they are.
    pub(crate) fn bent(&self, x: f64) -> Bent {
        if x <= END || x >= 1.0 - END {
            return Bent {
                x: self.at(x),
                by_log_a: 0.0,
                by_log_b: 0.0,
            };
        }
        let log = x.ln();
        let power = (self.a * log).exp();
        let rest = 1.0 - power;
        let left = rest.powf(self.b);
        Bent {
            x: self.at(x),
            by_log_a: self.b * left / rest * power * log * self.a,
            by_log_b: -left * rest.ln() * self.b,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_derivatives_are_those_of_central_differences(x in 0.01..0.99, a in -1.0..1.0, b in -1.0..1.0) {
            let bend = Bend::of_logs(a, b);
            let at = |x, a, b| Bend::of_logs(a, b).at(x);
            let (bent, step) = (bend.bent(x), 1e-6);
            for (found, high, low) in [
                (bend.slope(x), at(x + step, a, b), at(x - step, a, b)),
                (bent.by_log_a, at(x, a + step, b), at(x, a - step, b)),
                (bent.by_log_b, at(x, a, b + step), at(x, a, b - step)),
            ] {
                let expected = (high - low) / (2.0 * step);
                prop_assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{found} {expected}");
            }
        }

        #[test]
        fn it_keeps_the_order_and_the_ends(x in 0.0..1.0, further in 0.0..1.0, a in -1.5..1.5, b in -1.5..1.5) {
            let bend = Bend::of_logs(a, b);
            prop_assert_eq!((bend.at(0.0), bend.at(1.0)), (0.0, 1.0));
            prop_assert!(bend.at(x) <= bend.at(x + (1.0 - x) * further) + 1e-12);
            let ends = [bend.bent(0.0), bend.bent(1.0)];
            prop_assert!(ends.iter().all(|bent| bent.by_log_a == 0.0 && bent.by_log_b == 0.0));
            prop_assert!(bend.slope(0.0).is_finite() && bend.slope(1.0).is_finite());
        }
    }
}
