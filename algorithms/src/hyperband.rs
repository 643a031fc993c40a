//! Hyperband (Li, Jamieson, DeSalvo, Rostamizadeh and Talwalkar, "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
//! Optimization", JMLR 18, 2018): brackets of successive halving, from many configurations that begin with little of the
//! resource to few that get all of it at once.
//!
//! A rung is complete when its trials have ended, however they did; those without a result are not promoted. A round of
//! brackets ends the search, unless the experiment says how many trials there are to be: then rounds repeat, as in the paper's
//! section 3.

use diwan_core::problem::Problem;
use rand::rngs::ChaCha8Rng;

use crate::algorithm::{Algorithm, SuggestError, Suggested};
use crate::fresh::{self, Fresh};
use crate::halving::{self, ETA, Ladder, Next, Place, R_L, RESOURCE_NAME, Resource, Source, Table};
use crate::settings::{RANDOM_STATE, Setting};
use crate::space::Coordinate;
use crate::stopping::Stopping;
use crate::study::{Study, StudySpec};

/// Hyperband.
pub(crate) struct Hyperband;

/// The most steps of a trial that says nothing else, to know how many brackets its stopping rule has.
const STEPS: f64 = 81.0;

/// What Katib's keeps in a Suggestion's status and gets back with every request. Here all follows from the trials' labels.
const KATIBS_STATE: &[&str] = &[
    "s_max",
    "b_l",
    "r",
    "n",
    "current_s",
    "current_i",
    "evaluating_trials",
];

impl Algorithm for Hyperband {
    fn name(&self) -> &'static str {
        "hyperband"
    }

    fn summary(&self) -> &'static str {
        "Gives many configurations little of a resource, such as epochs, and the best of them more, in brackets that begin with \
         more and more of it. Trials are started again with more of resource_name, or stopped while they run."
    }

    fn settings(&self) -> &'static [Setting] {
        &[R_L, ETA, RESOURCE_NAME, RANDOM_STATE]
    }

    fn ignored_settings(&self) -> &'static [&'static str] {
        KATIBS_STATE
    }

    fn stopping(&self, spec: &StudySpec) -> Option<Stopping> {
        halving::stopping(spec, brackets(spec))
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
        Ok(match Resource::of(&study.spec) {
            Ok(resource) => suggest(study, &resource, &mut source, count, rng),
            Err(_) => fresh::proposed(study, count, rng, source),
        })
    }
}

/// How many brackets the stopping rule of a study has.
pub(crate) fn brackets(spec: &StudySpec) -> u32 {
    let most = spec.settings.real(R_L.name).unwrap_or(STEPS);
    Ladder::new(1.0, most, halving::eta(&spec.settings)).brackets()
}

/// The next points of synchronous brackets.
pub(crate) fn suggest(
    study: &Study,
    resource: &Resource,
    source: &mut Source<'_>,
    count: usize,
    rng: &mut ChaCha8Rng,
) -> Suggested {
    let mut reached = Reached::default();
    halving::fill(
        study,
        resource,
        source,
        count,
        rng,
        |table, fresh, missing| {
            let brackets = Brackets {
                study,
                resource,
                table,
                fresh,
                missing,
            };
            brackets.next(&mut reached)
        },
    )
}

/// How far the brackets are.
struct Brackets<'a> {
    study: &'a Study,
    resource: &'a Resource,
    table: &'a Table,
    fresh: &'a Fresh<'a>,
    /// Of how much of the resource there are no new configurations.
    missing: &'a [Coordinate],
}

/// Up to where the brackets are complete. Each request finds it anew from the first bracket on: labels of other experiments'
/// trials may say anything.
#[derive(Default)]
struct Reached {
    bracket: u64,
    rung: usize,
    /// The last bracket up to this one that has trials.
    used: u64,
}

/// A rung, and the resource of its trials.
type Step = (u64, Coordinate);

// === impl Brackets ===

impl Brackets<'_> {
    fn next(&self, at: &mut Reached) -> Next {
        let round = u64::from(self.resource.ladder.brackets());
        let is_endless = self.study.spec.max_trials.is_some();
        // A finite space may have nothing new for some brackets; when it has nothing for a whole round, it never will.
        while at.bracket <= at.used + round && (is_endless || at.bracket < round) {
            let steps = self.steps(at.bracket);
            if self.table.rung(at.bracket, 0).next().is_some() {
                at.used = at.bracket;
            }
            while let Some(step) = steps.get(at.rung) {
                if let Some(next) = self.missing_of(at.bracket, at.rung, *step, steps.len()) {
                    return next;
                }
                at.rung += 1;
            }
            (at.bracket, at.rung) = (at.bracket + 1, 0);
        }
        Next::End
    }

    /// The rungs of a bracket. Some may fall together, where the parameter has no values between them.
    fn steps(&self, bracket: u64) -> Vec<Step> {
        let ladder = self.resource.ladder;
        let in_round = bracket % u64::from(ladder.brackets());
        let rungs = ladder.bracket(u32::try_from(in_round).unwrap_or(0));
        let amounts = rungs.iter().map(|rung| rung.amount);
        let coordinates = self.resource.coordinates(self.study.space(), amounts);
        let pairs = rungs.iter().zip(coordinates);
        pairs
            .filter_map(|(rung, coordinate)| Some((rung.members, coordinate?)))
            .collect()
    }

    /// A member that a rung lacks, or what the rung waits for; `None` if it is complete.
    fn missing_of(&self, bracket: u64, rung: usize, step: Step, rungs: usize) -> Option<Next> {
        let (members, coordinate) = step;
        if rung == 0 {
            let place = Place {
                bracket,
                rung,
                member: self.table.next_member(bracket, rung),
            };
            if place.member < members && !self.missing.contains(&coordinate) {
                return Some(Next::New(place, coordinate));
            }
        } else {
            let many = usize::try_from(members).unwrap_or(usize::MAX);
            for (from, entry) in self.table.best(bracket, rung - 1, many) {
                let place = Place { rung, ..from };
                let dimension = self.resource.dimension;
                let point = self
                    .study
                    .space()
                    .moved(&entry.point, dimension, coordinate);
                if !self.table.has(&place) && self.fresh.is_new(&point) {
                    return Some(Next::Promoted(place, point, from));
                }
            }
        }
        self.table.is_waiting(bracket, rung).then(|| {
            let why = format!(
                "rung {} of {rungs} of bracket {bracket} is incomplete: its trials must end before the best go on",
                rung + 1
            );
            Next::Wait(why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::int;
    use crate::registry::{admit, suggest};
    use crate::settings::Settings;
    use diwan_core::resources::Distribution;

    #[test]
    fn the_state_of_katibs_is_taken_and_not_looked_at() {
        let parameter = int("epochs", 1, 9, 1, Distribution::Uniform);
        let begun = |algorithm: &str, state: &[(&str, &str)]| {
            let settings = [("resource_name", "epochs"), ("r_l", "9")];
            let mut spec = StudySpec::new(std::slice::from_ref(&parameter), algorithm).unwrap();
            spec.settings = Settings::from_iter(settings.iter().chain(state).copied());
            admit(&spec).map_err(|error| error.to_string())?;
            Ok::<_, String>(suggest(&Study::new(spec, 0), 3).unwrap())
        };
        let state: Vec<_> = KATIBS_STATE.iter().map(|name| (*name, "")).collect();
        assert_eq!(begun("hyperband", &state), begun("hyperband", &[]));
        assert!(begun("hyperband", &[("s_min", "1")]).is_err());
        let refused = begun("asha", &[("s_max", "2")]).unwrap_err();
        assert!(refused.contains("[s_max]: Unsupported value"), "{refused}");
    }
}
