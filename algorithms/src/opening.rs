//! Points to begin with, before anything is known.

use rand::rngs::ChaCha8Rng;

use crate::sobol;
use crate::space::{Point, Space};

/// Point number `index` of a beginning: the middle, where people put what they expect, then a scrambled Sobol sequence, as far
/// as it has dimensions.
pub(crate) fn point(space: &Space, index: u64, seed: u64, rng: &mut ChaCha8Rng) -> Point {
    if index == 0 {
        return space.at(std::iter::repeat(0.5));
    }
    if space.dimensions().len() > sobol_burley::NUM_DIMENSIONS as usize {
        return space.random(rng);
    }
    sobol::element(space, index, seed, rng)
}
