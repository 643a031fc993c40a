//! What an instance number makes: where a function's optimum is, how it is rotated, and its smallest value.
//!
//! COCO draws them with a generator of its own: Park and Miller's minimal standard generator, shuffled through a table of 32
//! (Bays and Durham). Other numbers would be other instances.

use std::f64::consts::TAU;

use super::transform::Matrix;

/// A placed function.
pub(super) struct Instance {
    seed: i64,
    dimension: usize,
}

impl Instance {
    pub(super) fn new(function: u32, instance: u32, dimension: usize) -> Self {
        // These two share their place with the function they vary.
        let function = match function {
            4 => 3,
            18 => 17,
            other => other,
        };
        Self {
            seed: i64::from(function) + 10_000 * i64::from(instance),
            dimension,
        }
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// The smallest value: a ratio of two normal variates, in hundredths, between -1000 and 1000.
    pub(super) fn offset(&self) -> f64 {
        let ratio = normal(self.seed, 1)[0] / normal(self.seed + 1, 1)[0];
        let hundredths = (100.0 * 100.0 * ratio + 0.5).floor();
        (hundredths / 100.0).clamp(-1000.0, 1000.0)
    }

    /// Where the optimum is: uniform in [-4, 4], on a grid of 8e-4, never 0.
    pub(super) fn place(&self) -> Vec<f64> {
        self.place_of(0)
    }

    /// The same of another stream of random numbers.
    pub(super) fn place_of(&self, stream: i64) -> Vec<f64> {
        let place = |u: f64| match 8.0 * (1e4 * u).floor() / 1e4 - 4.0 {
            0.0 => -1e-5,
            x => x,
        };
        self.uniform(stream, self.dimension)
            .into_iter()
            .map(place)
            .collect()
    }

    /// Uniform variates in (0, 1).
    pub(super) fn uniform(&self, stream: i64, count: usize) -> Vec<f64> {
        uniform(self.seed + stream, count)
    }

    /// Normal variates, one for each dimension.
    pub(super) fn normal(&self) -> Vec<f64> {
        normal(self.seed, self.dimension)
    }

    /// The rotation that most functions use first.
    pub(super) fn rotation(&self) -> Matrix {
        Matrix::orthogonal(self.dimension, &self.rotation_entries(1_000_000))
    }

    /// Another one.
    pub(super) fn second_rotation(&self) -> Matrix {
        Matrix::orthogonal(self.dimension, &self.rotation_entries(0))
    }

    fn rotation_entries(&self, stream: i64) -> Vec<f64> {
        normal(self.seed + stream, self.dimension * self.dimension)
    }
}

/// Normal variates (Box and Muller), never 0.
fn normal(seed: i64, count: usize) -> Vec<f64> {
    let uniform = uniform(seed, 2 * count);
    let (radii, angles) = uniform.split_at(count);
    let variate =
        |(radius, angle): (&f64, &f64)| match (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos() {
            0.0 => 1e-99,
            g => g,
        };
    radii.iter().zip(angles).map(variate).collect()
}

/// Uniform variates in (0, 1).
fn uniform(seed: i64, count: usize) -> Vec<f64> {
    const MODULUS: i64 = 2_147_483_647;
    /// As many values as one entry of the table stands for.
    const SHARE: i64 = 67_108_865;
    /// Schrage's method: no product overflows 32 bits.
    fn next(state: i64) -> i64 {
        let quotient = state / 127_773;
        let next = 16_807 * (state - quotient * 127_773) - 2_836 * quotient;
        if next < 0 { next + MODULUS } else { next }
    }
    let mut state = seed.abs().max(1);
    let mut table = [0; 32];
    for place in (0..40).rev() {
        state = next(state);
        if let Some(entry) = table.get_mut(place) {
            *entry = state;
        }
    }
    let mut drawn = table[0];
    let draw = || {
        state = next(state);
        let entry = &mut table[usize::try_from(drawn / SHARE).unwrap_or_default() % 32];
        drawn = std::mem::replace(entry, state);
        match drawn as f64 / MODULUS as f64 {
            0.0 => 1e-99,
            u => u,
        }
    };
    std::iter::repeat_with(draw).take(count).collect()
}
