//! A shuffled order of 0…n−1 without a table: a keyed Feistel network, walked until it lands below n
//! (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).

/// A permutation of the numbers below `size`, chosen by a seed.
#[derive(Clone, Debug)]
pub(crate) struct Permutation {
    size: u128,
    /// Bits of each half; 4^half is the smallest power of four that is not below `size`.
    half: u32,
    keys: [u64; ROUNDS],
}

/// Enough that small domains look shuffled too.
const ROUNDS: usize = 10;

// === impl Permutation ===

impl Permutation {
    /// `size` is at least 1.
    pub(crate) fn new(size: u128, seed: u64) -> Self {
        let bits = u128::BITS - size.saturating_sub(1).leading_zeros();
        let keys = std::array::from_fn(|round| mix(seed ^ mix(round as u64 + 1)));
        Self {
            size,
            half: bits.div_ceil(2).max(1),
            keys,
        }
    }

    /// Where `index` goes; it is below the size, and so is the result.
    pub(crate) fn at(&self, index: u128) -> u128 {
        let mut place = self.shuffle(index);
        // A permutation's cycle comes back to `index`, so this ends; on average after less than four steps.
        while place >= self.size {
            place = self.shuffle(place);
        }
        place
    }

    fn shuffle(&self, number: u128) -> u128 {
        let mask = u64::MAX >> (64 - self.half);
        let mut left = (number >> self.half) as u64 & mask;
        let mut right = number as u64 & mask;
        for key in self.keys {
            (left, right) = (right, (left ^ mix(right ^ key)) & mask);
        }
        (u128::from(left) << self.half) | u128::from(right)
    }
}

/// Mixes 64 bits well (the finalizer of SplitMix64).
pub(crate) fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn every_number_comes_once() {
        for size in (1..70).chain([255, 256, 257, 1000]) {
            let permutation = Permutation::new(size, 7);
            let seen: HashSet<u128> = (0..size).map(|index| permutation.at(index)).collect();
            assert_eq!(seen.len() as u128, size);
            assert!(seen.iter().all(|number| *number < size));
        }
    }

    #[test]
    fn every_number_comes_first_equally_often() {
        for size in [2_u32, 3, 5, 12] {
            let mut counts = vec![0.0; size as usize];
            let seeds = 12_000;
            for seed in 0..seeds {
                counts[Permutation::new(size.into(), seed).at(0) as usize] += 1.0;
            }
            let expected = seeds as f64 / f64::from(size);
            let chi: f64 = counts
                .iter()
                .map(|count| (count - expected).powi(2) / expected)
                .sum();
            assert!(chi < 35.0, "{size}: {counts:?}"); // 11 degrees of freedom: p < 0.0003
        }
    }

    #[test]
    fn every_order_of_three_is_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        for seed in 0..12_000 {
            let permutation = Permutation::new(3, seed);
            *counts
                .entry([0, 1, 2].map(|index| permutation.at(index)))
                .or_insert(0.0_f64) += 1.0;
        }
        let chi: f64 = counts
            .values()
            .map(|count| (count - 2000.0).powi(2) / 2000.0)
            .sum();
        assert!(counts.len() == 6 && chi < 25.0, "{counts:?}"); // 5 degrees of freedom: p < 0.0002
    }

    proptest! {
        #[test]
        fn huge_sizes_stay_in_range(size in (u128::MAX / 2)..=u128::MAX, part in any::<u64>(), seed in any::<u64>()) {
            let permutation = Permutation::new(size, seed);
            prop_assert!(permutation.at(u128::from(part)) < size);
        }
    }
}
