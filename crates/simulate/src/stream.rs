//! Random numbers of the problems: each use has a stream of its own, and none ever changes another.

use std::f64::consts::TAU;

use diwan_core::digest::{EMPTY, fnv1a};
use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};

/// A stream of random numbers.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of a use, which `purpose` names, and two numbers.
    pub(crate) fn new(purpose: &str, one: u64, two: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed(purpose, one, two)))
    }

    /// From 0 to below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        self.0.random()
    }

    /// From `low` to `high`.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `count`, which must be above 0.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        // The remainder prefers small numbers by less than one in 2^50 for the few places there are.
        (self.0.next_u64() % count as u64) as usize
    }

    /// A standard normal variate (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (TAU * self.unit()).cos()
    }

    /// The numbers below `count`, shuffled.
    pub(crate) fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..count).collect();
        for last in (1..count).rev() {
            places.swap(last, self.below(last + 1));
        }
        places
    }
}

/// A seed that depends on a use and two numbers.
pub(crate) fn seed(purpose: &str, one: u64, two: u64) -> u64 {
    let hash = fnv1a(EMPTY, purpose.as_bytes());
    fnv1a(fnv1a(hash, &one.to_le_bytes()), &two.to_le_bytes())
}
