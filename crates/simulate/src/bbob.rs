//! The 24 noiseless functions of the Black-Box Optimization Benchmark on [-5, 5]^D.
//!
//! Definitions: Hansen, Finck, Ros and Auger, "Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
//! Definitions" (INRIA RR-6829). Instances (shifts, rotations, offsets) are those of the COCO platform, so that values agree
//! with it to rounding.

mod conditioned;
mod gallagher;
mod instance;
mod moderate;
mod multimodal;
mod separable;
pub(crate) mod transform;
mod weak;

use std::fmt;

/// How many functions there are; they are numbered from 1.
pub const FUNCTIONS: u32 = 24;

/// One function in one dimension, placed by one instance.
pub struct Bbob {
    function: u32,
    dimension: usize,
    optimum: f64,
    raw: Function,
}

/// There is no such function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BbobError {
    /// The number is not one of 1 to 24.
    #[error("function {0}: there are functions 1 to {FUNCTIONS}")]
    Function(u32),
    /// In one dimension most functions divide by zero.
    #[error("dimension {0}: must be at least 2")]
    Dimension(usize),
    /// COCO numbers instances from 1.
    #[error("instance {0}: must be at least 1 and at most 100000")]
    Instance(u32),
}

/// A placed function, zero at its optimum.
type Function = Box<dyn Fn(&[f64]) -> f64 + Send + Sync>;

/// Places a function.
type Make = fn(&instance::Instance) -> Function;

/// By number, from 1.
const MAKERS: [Make; FUNCTIONS as usize] = [
    separable::sphere,
    separable::ellipsoid,
    separable::rastrigin,
    separable::bueche_rastrigin,
    separable::linear_slope,
    moderate::attractive_sector,
    moderate::step_ellipsoid,
    moderate::rosenbrock,
    moderate::rosenbrock_rotated,
    conditioned::ellipsoid,
    conditioned::discus,
    conditioned::bent_cigar,
    conditioned::sharp_ridge,
    conditioned::different_powers,
    multimodal::rastrigin,
    multimodal::weierstrass,
    multimodal::schaffers,
    multimodal::schaffers_ill_conditioned,
    multimodal::griewank_rosenbrock,
    weak::schwefel,
    gallagher::peaks_101,
    gallagher::peaks_21,
    weak::katsuura,
    weak::lunacek,
];

impl Bbob {
    /// Function `function` (1 to 24) in `dimension` (at least 2) dimensions, placed by `instance` (1 to 100,000).
    ///
    /// # Errors
    /// [`BbobError`], when a number is out of its range.
    pub fn new(function: u32, instance: u32, dimension: usize) -> Result<Self, BbobError> {
        let index = function.checked_sub(1).map(|index| index as usize);
        let make = index
            .and_then(|index| MAKERS.get(index))
            .ok_or(BbobError::Function(function))?;
        if dimension < 2 {
            return Err(BbobError::Dimension(dimension));
        }
        if !(1..=100_000).contains(&instance) {
            return Err(BbobError::Instance(instance));
        }
        let instance = instance::Instance::new(function, instance, dimension);
        Ok(Self {
            function,
            dimension,
            optimum: instance.offset(),
            raw: make(&instance),
        })
    }

    /// Its number.
    #[must_use]
    pub fn function(&self) -> u32 {
        self.function
    }

    /// How many coordinates it takes.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// The smallest value it has.
    #[must_use]
    pub fn optimum(&self) -> f64 {
        self.optimum
    }

    /// Its value at `x`, of which as many coordinates count as it has dimensions; missing ones are 0.
    #[must_use]
    pub fn value(&self, x: &[f64]) -> f64 {
        let given = x.iter().copied().chain(std::iter::repeat(0.0));
        let x: Vec<f64> = given.take(self.dimension).collect();
        (self.raw)(&x) + self.optimum
    }
}

impl fmt::Debug for Bbob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bbob")
            .field("function", &self.function)
            .field("dimension", &self.dimension)
            .field("optimum", &self.optimum)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
