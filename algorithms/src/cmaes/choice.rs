//! How likely each word of a categorical parameter is.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

/// A distribution over words that moves to those of the best members, and forgets none (Hamano, Saito, Nomura, Uchida and
/// Shirakawa, "CatCMA", GECCO 2024, of which it has the margin; the learning rate is fixed).
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    chances: Vec<f64>,
    least: f64,
}

/// How likely it is that all words of a member are the likeliest, at most.
const CERTAINTY: f64 = 0.73;

// === impl Choice ===

impl Choice {
    /// All of `count` ≥ 1 words are equally likely; there are `choices` ≥ 1 parameters like this.
    pub(super) fn new(count: usize, choices: usize) -> Self {
        let others = (1.0 - CERTAINTY.powf(1.0 / choices as f64)) / (count as f64 - 1.0).max(1.0);
        Self {
            chances: vec![1.0 / count as f64; count],
            least: others.min(1.0 / count as f64),
        }
    }

    /// The position of a word, drawn.
    pub(super) fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        let mut left: f64 = rng.random();
        let last = self.chances.len() - 1;
        let drawn = self.chances.iter().position(|chance| {
            left -= chance;
            left < 0.0
        });
        (drawn.unwrap_or(last) as f64 + 0.5) / self.chances.len() as f64
    }

    /// Learns from the better members of a generation: where their words are, and their weights, of sum 1.
    pub(super) fn tell(&mut self, members: impl Iterator<Item = (f64, f64)>, effective: f64) {
        let count = self.chances.len();
        // So many members tell one parameter more about each word.
        let rate = effective / (effective + 2.0 + count as f64);
        self.chances
            .iter_mut()
            .for_each(|chance| *chance *= 1.0 - rate);
        for (position, weight) in members {
            let word = ((position * count as f64) as usize).min(count - 1);
            self.chances[word] += rate * weight;
        }
        self.keep_all();
    }

    /// Lifts every chance to the least, at the cost of what the others have above it.
    fn keep_all(&mut self) {
        let least = self.least;
        self.chances
            .iter_mut()
            .for_each(|chance| *chance = chance.max(least));
        let above: f64 = self.chances.iter().map(|chance| chance - least).sum();
        let wanted = 1.0 - least * self.chances.len() as f64;
        if above > 0.0 {
            let scale = wanted.max(0.0) / above;
            self.chances
                .iter_mut()
                .for_each(|chance| *chance = least + (*chance - least) * scale);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_word_is_forgotten(count in 1_usize..20, choices in 1_usize..5, word in 0.0..1.0) {
            let mut choice = Choice::new(count, choices);
            for _ in 0..100 {
                choice.tell(std::iter::once((word, 1.0)), 3.0);
                let sum: f64 = choice.chances.iter().sum();
                prop_assert!((sum - 1.0).abs() < 1e-9);
                prop_assert!(choice.chances.iter().all(|&chance| chance >= choice.least - 1e-12));
            }
            let favourite = choice.chances[(word * count as f64) as usize];
            prop_assert!(favourite >= 1.0 - (1.0 - CERTAINTY) - 1e-6);
        }
    }
}
