//! Asynchronous successive halving (Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, Algorithm
//! 2): a configuration is promoted as soon as it is among the best `1/eta` of those that have ended on its rung, and while none
//! is, a new one begins. Nobody waits.

use diwan_core::problem::Problem;
use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, SuggestError, Suggested};
use crate::fresh::{self, Fresh};
use crate::halving::{self, ETA, Next, Place, R_L, RESOURCE_NAME, Resource, Source, Table};
use crate::settings::{RANDOM_STATE, Setting};
use crate::space::Coordinate;
use crate::stopping::Stopping;
use crate::study::{Study, StudySpec};

/// Asynchronous successive halving.
pub(crate) struct Asha;

impl Algorithm for Asha {
    fn name(&self) -> &'static str {
        "asha"
    }

    fn summary(&self) -> &'static str {
        "Successive halving that never waits: a configuration gets more of a resource, such as epochs, as soon as it is among \
         the best 1/eta that had as much. The choice for many parallel trials."
    }

    fn settings(&self) -> &'static [Setting] {
        &[R_L, ETA, RESOURCE_NAME, RANDOM_STATE]
    }

    fn stopping(&self, spec: &StudySpec) -> Option<Stopping> {
        halving::stopping(spec, 1)
    }

    fn check(&self, spec: &StudySpec, problems: &mut Vec<Problem>) {
        halving::check(spec, problems);
    }

    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError> {
        let mut source = Source::Spread(study);
        let Ok(resource) = Resource::of(&study.spec) else {
            return Ok(fresh::proposed(study, count, rng, source));
        };
        let rungs = resource.ladder.bracket(0);
        let amounts = rungs.iter().map(|rung| rung.amount);
        let coordinates = resource.coordinates(study.space(), amounts);
        let rungs: Vec<Coordinate> = coordinates.into_iter().flatten().collect();
        let eta = usize::try_from(halving::eta(&study.spec.settings)).unwrap_or(usize::MAX);
        let next = |table: &Table, fresh: &Fresh<'_>, missing: &[Coordinate]| {
            let above = (1..rungs.len()).rev();
            let mut promotions = above.filter_map(|rung| {
                promotion(study, &resource, table, fresh, (rung, rungs[rung]), eta)
            });
            promotions.next().unwrap_or_else(|| {
                let place = Place {
                    bracket: 0,
                    rung: 0,
                    member: table.next_member(0, 0),
                };
                let waits = (0..rungs.len()).any(|rung| table.is_waiting(0, rung));
                match rungs.first() {
                    Some(least) if !missing.contains(least) => Next::New(place, *least),
                    _ if waits => Next::Wait("every configuration is being tried".to_owned()),
                    _ => Next::End,
                }
            })
        };
        Ok(halving::fill(
            study,
            &resource,
            &mut source,
            count,
            rng,
            next,
        ))
    }
}

/// A configuration that goes up to a rung.
fn promotion(
    study: &Study,
    resource: &Resource,
    table: &Table,
    fresh: &Fresh<'_>,
    (rung, coordinate): (usize, Coordinate),
    eta: usize,
) -> Option<Next> {
    let passing = table.ended(0, rung - 1) / eta;
    table
        .best(0, rung - 1, passing)
        .into_iter()
        .find_map(|(from, entry)| {
            let place = Place { rung, ..from };
            let point = study
                .space()
                .moved(&entry.point, resource.dimension, coordinate);
            let goes = !table.has(&place) && fresh.is_new(&point);
            goes.then_some(Next::Promoted(place, point, from))
        })
}
