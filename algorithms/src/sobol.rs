//! Sobol sequence: points that fill the space more evenly than random ones.
//!
//! The sequence is Owen-scrambled by hashing (Burley, "Practical Hash-based Owen Scrambling", JCGT 9(4), 2020) with the
//! direction numbers of Joe and Kuo. Any element of it can be computed alone, so suggestion number k is element k. After
//! 2^16 elements, where the implementation ends, a new scramble begins.

use diwan_core::permutation::mix;
use diwan_core::problem::Problem;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, History, SuggestError, Suggested};
use crate::fresh::Fresh;
use crate::settings::{RANDOM_STATE, Setting};
use crate::space::{Point, Space};
use crate::study::{Study, StudySpec};

/// Scrambled Sobol points.
pub(crate) struct Sobol;

/// Elements of one scramble, as a power of two.
const BLOCK_BITS: u32 = 16;

/// Distance between two coordinates of the sequence, as `sobol_burley` computes it.
const RESOLUTION: f64 = 1.0 / (1_u64 << 23) as f64;

impl Algorithm for Sobol {
    fn name(&self) -> &'static str {
        "sobol"
    }

    fn summary(&self) -> &'static str {
        "Fills the space evenly with a scrambled Sobol sequence, by each parameter's distribution. No point comes twice; \
         a finite space ends when all have come. Take it before random when results are looked at as a whole."
    }

    fn settings(&self) -> &'static [Setting] {
        &[RANDOM_STATE]
    }

    fn history(&self, spec: &StudySpec) -> History {
        // The sequence meets the same cell of a finite space again.
        if spec.space.may_repeat() {
            History::All
        } else {
            History::None
        }
    }

    fn ignores_batching(&self) -> bool {
        true
    }

    fn check(&self, spec: &StudySpec, problems: &mut Vec<Problem>) {
        let count = spec.space.dimensions().len();
        let limit = sobol_burley::NUM_DIMENSIONS;
        if count > limit as usize {
            let message = format!("must be at most {limit} for sobol; random has no such limit");
            problems.push(Problem::invalid("spec.parameters", count, message));
        }
    }

    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError> {
        let space = study.space();
        let seed = study.spec.effective_seed();
        let mut fresh = Fresh::new(study);
        let points = (study.next..=u64::MAX).map_while(|index| {
            rng.set_stream(index);
            let first = element(space, index, seed, rng);
            fresh.take(
                index,
                std::iter::once(first).chain(std::iter::repeat_with(|| space.random(rng))),
            )
        });
        Ok(Suggested::first(count, space, points))
    }
}

/// The point of element `index` of the sequence.
pub(crate) fn element(space: &Space, index: u64, seed: u64, rng: &mut ChaCha8Rng) -> Point {
    space.at(fractions(index, seed, rng))
}

/// Element `index` of the sequence. Its coordinates are `f32`; `rng` fills in the bits below them.
pub(crate) fn fractions(
    index: u64,
    seed: u64,
    rng: &mut ChaCha8Rng,
) -> impl Iterator<Item = f64> + '_ {
    let block = index >> BLOCK_BITS;
    let sample = (index & ((1 << BLOCK_BITS) - 1)) as u32;
    let scramble = (mix(seed ^ mix(block)) >> 32) as u32;
    (0..sobol_burley::NUM_DIMENSIONS).map(move |dimension| {
        f64::from(sobol_burley::sample(sample, dimension, scramble))
            + rng.random::<f64>() * RESOLUTION
    })
}

#[cfg(test)]
mod tests;
