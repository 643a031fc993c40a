//! How much of the resource how many configurations get.

/// Brackets and their rungs, of so much of the resource at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ladder {
    most: f64,
    eta: i64,
    /// How many times the resource can be divided by `eta`.
    depth: u32,
}

/// One rung of a bracket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rung {
    /// How many configurations reach it.
    pub(crate) members: u64,
    /// How much of the resource they get.
    pub(crate) amount: f64,
}

/// A ladder has no more rungs than this above its first: the first bracket would never end.
const DEEPEST: u32 = 20;

impl Ladder {
    /// The ladder from `most` down to `least`, or not much above it.
    pub(crate) fn new(least: f64, most: f64, eta: i64) -> Self {
        let mut depth = 0;
        // A share of a thousandth is rounding.
        while depth < DEEPEST && most / (eta as f64).powf(f64::from(depth) + 1.0) >= least * 0.999 {
            depth += 1;
        }
        Self { most, eta, depth }
    }

    /// How many brackets a round has.
    pub(crate) fn brackets(&self) -> u32 {
        self.depth + 1
    }

    /// The rungs of a bracket, the first of which is the most daring (Li et al., "Hyperband", JMLR 18, 2018, Algorithm 1).
    pub(crate) fn bracket(&self, bracket: u32) -> Vec<Rung> {
        let steps = self.depth.saturating_sub(bracket);
        let all = u64::from(self.brackets()).saturating_mul(self.power(steps));
        let first = all.div_ceil(u64::from(steps) + 1);
        (0..=steps)
            .map(|rung| Rung {
                members: (first / self.power(rung)).max(1),
                amount: self.most / (self.eta as f64).powf(f64::from(steps - rung)),
            })
            .collect()
    }

    fn power(&self, exponent: u32) -> u64 {
        self.eta.unsigned_abs().saturating_pow(exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fewer_get_more_on_any_ladder(
            least in -323.0..14.9,
            most in -323.0..14.9,
            eta in prop_oneof![Just(2_i64), Just(1_000), 2_i64..=1_000],
        ) {
            let (least, most) = (10_f64.powf(least), 10_f64.powf(most));
            let ladder = Ladder::new(least, most, eta);
            prop_assert!((1..=DEEPEST + 1).contains(&ladder.brackets()));
            for bracket in 0..ladder.brackets() {
                let rungs = ladder.bracket(bracket);
                prop_assert_eq!(rungs.len(), (ladder.brackets() - bracket) as usize);
                prop_assert!(rungs.is_sorted_by(|a, b| a.members >= b.members && a.amount < b.amount));
                prop_assert!(rungs.iter().all(|rung| rung.members >= 1));
                prop_assert!(rungs[0].amount >= least.min(most) * 0.99);
                prop_assert_eq!(rungs.last().map(|rung| rung.amount), Some(most));
            }
        }
    }
}
