//! How much each member of a generation counts, and how fast is learned from it.

/// The constants of Hansen's tutorial (table 1) but for the damping, which follow from the dimension and the number of members.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rates {
    /// Weights by rank, the best first; those of the worse half are negative.
    pub(super) weights: Vec<f64>,
    /// How many members of equal weight would tell as much as the better half.
    pub(super) effective: f64,
    /// Learning rate and damping of the step size.
    pub(super) sigma: f64,
    pub(super) damping: f64,
    /// Learning rates of the covariance: of its path, from the path, and from the members.
    pub(super) path: f64,
    pub(super) one: f64,
    pub(super) many: f64,
    /// The expected length of a standard normal vector.
    pub(super) length: f64,
}

/// The number of members that is enough where nothing speaks for more: half of the tutorial's growth, because experiments here
/// have hundreds of trials rather than thousands, and runs of more members follow.
pub(super) fn population(dimensions: usize) -> usize {
    4 + (1.5 * (dimensions.max(1) as f64).ln()) as usize
}

/// Factor of the tutorial's damping; the step size follows sooner, which is worth more than its calm in short experiments.
const DAMPING: f64 = 0.5;

// === impl Rates ===

impl Rates {
    /// The rates for `dimensions` ≥ 1 and `members` ≥ 2.
    pub(super) fn new(dimensions: usize, members: usize) -> Self {
        let n = dimensions as f64;
        let raw: Vec<f64> = (1..=members)
            .map(|rank| ((members as f64 + 1.0) / 2.0).ln() - (rank as f64).ln())
            .collect();
        let (better, worse) = raw.split_at(members / 2);
        let (effective, effective_worse) = (effective(better), effective(worse));
        let one = 2.0 / ((n + 1.3).powi(2) + effective);
        let many =
            2.0 * (0.25 + effective + 1.0 / effective - 2.0) / ((n + 2.0).powi(2) + effective);
        let many = many.min(1.0 - one);
        let sigma = (effective + 2.0) / (n + effective + 5.0);
        let too_many = ((effective - 1.0) / (n + 1.0)).sqrt() - 1.0;
        // The least of what keeps the sum of all weights at 0, the worse half no weightier than the better, and the
        // covariance positive definite.
        let negative = (1.0 + one / many)
            .min(1.0 + 2.0 * effective_worse / (effective + 2.0))
            .min((1.0 - one - many) / (n * many));
        let (sum, sum_worse) = (better.iter().sum::<f64>(), worse.iter().sum::<f64>().abs());
        let scale = |w: &f64| {
            if *w >= 0.0 {
                w / sum
            } else {
                negative * w / sum_worse
            }
        };
        Self {
            weights: raw.iter().map(scale).collect(),
            effective,
            sigma,
            damping: DAMPING * (1.0 + 2.0 * too_many.max(0.0) + sigma),
            path: (4.0 + effective / n) / (n + 4.0 + 2.0 * effective / n),
            one,
            many,
            length: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
        }
    }
}

fn effective(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    sum * sum / weights.iter().map(|w| w * w).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_population_grows_slowly() {
        assert_eq!([1, 5, 10, 20, 100].map(population), [4, 6, 7, 8, 10]);
    }

    proptest! {
        #[test]
        fn weights_fall_and_rates_are_rates(dimensions in 1_usize..200, members in 2_usize..2000) {
            let rates = Rates::new(dimensions, members);
            prop_assert!(rates.weights.is_sorted_by(|a, b| a >= b));
            let positive: f64 = rates.weights.iter().filter(|w| **w > 0.0).sum();
            prop_assert!((positive - 1.0).abs() < 1e-9);
            for rate in [rates.sigma, rates.path, rates.one, rates.many] {
                prop_assert!((0.0..=1.0).contains(&rate), "{rates:?}");
            }
            let sum: f64 = rates.weights.iter().sum();
            // What is left of the old covariance, with all of the worse half at full length.
            prop_assert!(1.0 - rates.one - rates.many * sum >= -1e-12, "{rates:?}");
            prop_assert!(rates.effective >= 1.0 - 1e-9 && rates.damping >= DAMPING);
        }
    }
}
