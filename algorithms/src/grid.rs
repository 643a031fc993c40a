//! Grid search: every combination of the parameters' values, one after the other.

use diwan_core::permutation::Permutation;
use diwan_core::problem::Problem;
use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, History, SuggestError, Suggested};
use crate::fresh::{Order, drawn, untried};
use crate::settings::{RANDOM_STATE, Setting};
use crate::space::Size;
use crate::study::{Study, StudySpec};

/// Grid search. Points are made when they are asked for, so a grid of any size starts at once.
pub(crate) struct Grid;

impl Algorithm for Grid {
    fn name(&self) -> &'static str {
        "grid"
    }

    fn summary(&self) -> &'static str {
        "Goes through all combinations, the last parameter changing fastest, or shuffled if random_state is given; ends \
         when all have come. Every double needs a step."
    }

    fn settings(&self) -> &'static [Setting] {
        &[Setting {
            default: "not shuffled",
            help: "shuffles the grid; the same number gives the same order",
            ..RANDOM_STATE
        }]
    }

    fn history(&self, spec: &StudySpec) -> History {
        // Only points that are drawn are compared with earlier ones.
        let drawn = spec.space.size() == Size::Huge && is_shuffled(spec);
        if drawn && spec.space.may_repeat() {
            History::All
        } else {
            History::None
        }
    }

    fn ignores_batching(&self) -> bool {
        true
    }

    fn check(&self, spec: &StudySpec, problems: &mut Vec<Problem>) {
        for (index, dimension) in spec.space.dimensions().iter().enumerate() {
            if dimension.count().is_none() {
                let message = format!(
                    "param {} step is nil; For discrete search space, all parameters must include step \
                     (or list the values, with parameterType discrete)",
                    dimension.name(),
                );
                let path = format!("spec.parameters[{index}].feasibleSpace.step");
                problems.push(Problem::required(path, message));
            }
        }
    }

    fn check_beginning(&self, spec: &StudySpec, problems: &mut Vec<Problem>) {
        if let Some(message) = spec.too_few_points() {
            problems.push(Problem::refused("spec.maxTrialCount", message));
        }
    }

    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError> {
        let space = study.space();
        if !is_shuffled(&study.spec) {
            return Ok(Suggested::first(
                count,
                space,
                untried(study, Order::Ascending),
            ));
        }
        if let Size::Finite(size) = space.size() {
            let order = Order::Shuffled(Permutation::new(size, study.spec.effective_seed()));
            return Ok(Suggested::first(count, space, untried(study, order)));
        }
        // A grid that u128 cannot count: nobody sees its end, nor a point twice by chance.
        Ok(Suggested::first(count, space, drawn(study, rng)))
    }
}

fn is_shuffled(spec: &StudySpec) -> bool {
    spec.settings.int(RANDOM_STATE.name).is_some()
}

#[cfg(test)]
mod tests;
