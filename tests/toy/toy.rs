//! A toy: stays near the middle.

use diwan_core::permutation::mix;
use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, SuggestError, Suggested};
use crate::fresh::{self, Fresh, Proposal, Proposer};
use crate::settings::{Kind, RANDOM_STATE, Setting};
use crate::space::{Point, Space};
use crate::study::Study;

/// The one of some random points that is nearest to the middle.
pub(crate) struct Toy;

const DRAWS: Setting = Setting {
    name: "draws",
    kind: Kind::Int { min: 1, max: 100 },
    default: "8",
    help: "so many points are drawn, of which one becomes a trial",
};

/// A study as the toy sees it.
struct Middle<'a> {
    space: &'a Space,
    draws: usize,
    turn: u64,
}

impl Algorithm for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn summary(&self) -> &'static str {
        "Stays near the middle. For nothing but a test."
    }

    fn settings(&self) -> &'static [Setting] {
        &[DRAWS, RANDOM_STATE]
    }

    fn suggest(
        &self,
        study: &Study,
        count: usize,
        rng: &mut ChaCha8Rng,
    ) -> Result<Suggested, SuggestError> {
        let draws = study.spec.settings.int(DRAWS.name).unwrap_or(8);
        let middle = Middle {
            space: study.space(),
            draws: usize::try_from(draws).unwrap_or(1),
            turn: 0,
        };
        Ok(fresh::proposed(study, count, rng, middle))
    }
}

impl Proposer for Middle<'_> {
    fn propose(&mut self, index: u64, _fresh: &Fresh<'_>, rng: &mut ChaCha8Rng) -> Proposal {
        // Every fourth point is anywhere.
        let draws = if mix(index ^ self.turn) % 4 == 0 {
            1
        } else {
            self.draws
        };
        let mut points: Vec<Point> = (0..draws).map(|_| self.space.random(rng)).collect();
        let distance = |point: &Point| -> f64 {
            let units = self.space.unit(point);
            units.map(|unit| (unit - 0.5).powi(2)).sum()
        };
        points.sort_by(|a, b| distance(a).total_cmp(&distance(b)));
        points.into()
    }

    fn await_point(&mut self, _point: &Point) {}
}
