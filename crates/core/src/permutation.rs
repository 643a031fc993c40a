//! A shuffled order of 0…n−1 without a table: a keyed Feistel network, walked until it lands below n
//! (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002).
//!
//! Names of trials and orders of suggestions come from here and are never stored: no output may change.

/// A permutation of the numbers below `size`, one round a key.
#[derive(Clone, Debug)]
pub struct Permutation<const ROUNDS: usize = 10> {
    size: u128,
    /// Bits of each half; 4^half is the smallest power of four that is not below `size`.
    half: u32,
    keys: [u64; ROUNDS],
}

// === impl Permutation ===

impl Permutation {
    /// One that a seed chooses, with so many rounds that small domains look shuffled too. A size of 0 counts as 1.
    #[must_use]
    pub fn new(size: u128, seed: u64) -> Self {
        Self::keyed(
            size,
            std::array::from_fn(|round| mix(seed ^ mix(round as u64 + 1))),
        )
    }
}

impl<const ROUNDS: usize> Permutation<ROUNDS> {
    /// With these keys. A size of 0 counts as 1.
    #[must_use]
    pub fn keyed(size: u128, keys: [u64; ROUNDS]) -> Self {
        let size = size.max(1);
        let bits = u128::BITS - (size - 1).leading_zeros();
        Self {
            size,
            half: bits.div_ceil(2).max(1),
            keys,
        }
    }

    /// Where `index` goes; it is taken modulo the size, and the result is below the size.
    #[must_use]
    pub fn at(&self, index: u128) -> u128 {
        let mut place = self.shuffle(index % self.size);
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

/// Mixes 64 bits well: the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
#[must_use]
pub fn mix(number: u64) -> u64 {
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

    /// A running experiment goes on in the order in which it began.
    #[test]
    fn orders_never_change() {
        let order = |size, seed| [0, 1, 2].map(|index| Permutation::new(size, seed).at(index));
        let orders = [order(1000, 7), order(u128::MAX, u64::MAX)];
        let huge = [
            29_469_664_005_487_664_186_836_133_941_322_243_458,
            87_801_924_062_069_042_212_765_008_181_904_977_755,
            60_936_153_743_795_178_287_185_827_442_485_522_948,
        ];
        assert_eq!(orders, [[774, 124, 748], huge]);
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

        #[test]
        fn any_size_and_index_has_an_answer(size in 0..20_u128, index in any::<u128>(), seed in any::<u64>()) {
            prop_assert!(Permutation::new(size, seed).at(index) < size.max(1));
        }
    }
}
