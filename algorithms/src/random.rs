//! Random search (Bergstra and Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13, 2012): every point is
//! drawn from the space's distribution, whatever came of the others.

use diwan_core::permutation::Permutation;
use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, History, SuggestError, Suggested};
use crate::fresh::{Order, drawn, untried};
use crate::settings::{RANDOM_STATE, Setting};
use crate::space::Size;
use crate::study::{Study, StudySpec};

/// Random search, without replacement in a finite space.
pub(crate) struct Random;

impl Algorithm for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn summary(&self) -> &'static str {
        "Draws every point at random. No point comes twice; a finite space ends when all have come. The baseline, and \
         hard to beat with very many parallel trials."
    }

    fn settings(&self) -> &'static [Setting] {
        &[RANDOM_STATE]
    }

    fn history(&self, spec: &StudySpec) -> History {
        match spec.space.size() {
            // A shuffled order repeats nothing.
            Size::Finite(_) if spec.space.is_uniform() => History::None,
            _ if spec.space.may_repeat() => History::All,
            _ => History::None,
        }
    }

    fn ignores_batching(&self) -> bool {
        true
    }

    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError> {
        let space = study.space();
        if let (Size::Finite(size), true) = (space.size(), space.is_uniform()) {
            // Drawing without replacement is going through a shuffled order: no memory of a million trials is needed.
            let order = Order::Shuffled(Permutation::new(size, study.spec.effective_seed()));
            return Ok(Suggested::first(count, space, untried(study, order)));
        }
        Ok(Suggested::first(count, space, drawn(study, rng)))
    }
}

#[cfg(test)]
mod tests;
