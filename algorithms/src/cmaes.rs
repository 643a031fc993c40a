//! CMA-ES, the covariance matrix adaptation evolution strategy (Hansen, "The CMA Evolution Strategy: A Tutorial",
//! arXiv:1604.00772), with active covariance, restarts, and margins for parameters of few values.

mod choice;
mod harvest;
mod label;
mod lineage;
mod options;
mod restart;
mod search;
mod state;
mod weights;

use std::collections::HashSet;

use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, More, SuggestError, Suggested, SuggestedPoint};
use crate::fresh::{DRAWS, Fresh};
use crate::settings::{RANDOM_STATE, Setting};
use crate::study::{Study, StudyTrial};
use label::Label;
use lineage::{Lineage, Present};
use options::{POPULATION, RESTART_STRATEGY, SIGMA};

/// Positions in the unit cube that differ by less are one point, but for rounding.
const ROUNDING: f64 = 1e-9;

/// Covariance matrix adaptation.
pub(crate) struct CmaEs;

impl Algorithm for CmaEs {
    fn name(&self) -> &'static str {
        "cmaes"
    }

    fn summary(&self) -> &'static str {
        "Moves a normal distribution to where the best trials were, generation by generation. The choice for many hundred cheap \
         trials of numbers that depend on each other, with or without noise."
    }

    fn settings(&self) -> &'static [Setting] {
        &[RANDOM_STATE, SIGMA, RESTART_STRATEGY, POPULATION]
    }

    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError> {
        let suggest = |lineage: &mut Lineage| suggest(study, count, rng, &lineage.present(study));
        Ok(study.memo().with(suggest))
    }
}

fn suggest(study: &Study, count: usize, rng: &mut ChaCha8Rng, present: &Present<'_>) -> Suggested {
    let space = study.space();
    let mut fresh = Fresh::new(study);
    let (mut points, mut taken) = (Vec::new(), HashSet::new());
    for index in study.next..study.next.saturating_add(count as u64) {
        rng.set_stream(index);
        let middle = (present.is_new && index == study.next).then(|| present.search.middle(rng));
        let middle = middle.filter(|x| !is_tried(study, x)).map(|x| space.at(x));
        let draws = present.search.draws(index, rng).map(|x| space.at(x));
        // A distribution that has shrunk to one point has no other.
        let new = (0..)
            .zip(middle.into_iter().chain(draws))
            .filter(|(draw, point)| {
                *draw >= DRAWS || !study.has_tried(point) && !taken.contains(point)
            });
        let Some(point) = fresh.take(index, new.map(|(_, point)| point)) else {
            break;
        };
        let label = Label {
            generation: present.generation,
            index,
            origin: present.origin.clone(),
        };
        points.push(SuggestedPoint {
            labels: label.write(),
            ..SuggestedPoint::new(space, &point)
        });
        taken.insert(point);
    }
    let tried = study.distinct() + points.len();
    let is_exhausted = space.cardinality().is_some_and(|all| tried as u128 >= all);
    Suggested {
        points,
        settings: Vec::new(),
        more: if is_exhausted {
            More::Exhausted
        } else {
            More::Yes
        },
    }
}

/// Whether a trial was at a position, or would have been but for the rounding of its text.
fn is_tried(study: &Study, position: &[f64]) -> bool {
    let is_at = |trial: &StudyTrial| {
        let mut distances = study.space().unit(&trial.point).zip(position);
        distances.all(|(a, b)| (a - b).abs() < ROUNDING)
    };
    study.has_tried(&study.space().at(position.to_vec())) || study.trials().iter().any(is_at)
}

#[cfg(test)]
mod tests;
