//! The list of algorithms. Everything else about them is derived from it.

mod unseen;

use diwan_core::problem::nearest;

use self::unseen::Batch;
use crate::algorithm::{Algorithm, More, SuggestError, Suggested};
use crate::study::{Study, StudySpec};
use crate::{asha, auto, bayesianoptimization, bohb, cmaes, grid, hyperband, random, sobol, tpe};

/// All algorithms.
pub const ALGORITHMS: &[&dyn Algorithm] = &[
    &auto::Auto,
    &random::Random,
    &grid::Grid,
    &sobol::Sobol,
    &tpe::TPE,
    &tpe::MULTIVARIATE_TPE,
    &bayesianoptimization::BayesianOptimization,
    &cmaes::CmaEs,
    &hyperband::Hyperband,
    &asha::Asha,
    &bohb::Bohb,
];

/// A name that nothing has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {kind} {name:?}; {}", hint(nearest.as_ref(), known))]
pub struct UnknownName {
    /// What it should be the name of.
    pub kind: &'static str,
    /// The name.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
    /// All names.
    pub known: Vec<&'static str>,
}

/// The algorithm of a name.
///
/// # Errors
/// When there is none, with the nearest name.
pub fn find(name: &str) -> Result<&'static dyn Algorithm, UnknownName> {
    let found = ALGORITHMS.iter().find(|algorithm| algorithm.name() == name);
    found.copied().ok_or_else(|| {
        UnknownName::new(
            "algorithm",
            name,
            ALGORITHMS.iter().map(|known| known.name()),
        )
    })
}

/// The algorithm that a study names, if it exists and can search the study.
///
/// # Errors
/// When there is none of this name, or with everything that keeps it from searching this study.
pub fn validate(spec: &StudySpec) -> Result<&'static dyn Algorithm, SuggestError> {
    let algorithm = find(&spec.algorithm)?;
    algorithm.validate(spec)?;
    Ok(algorithm)
}

/// The same for a study that is about to begin.
///
/// # Errors
/// As [`validate`], and also with what would not stop a study that has begun.
pub fn admit(spec: &StudySpec) -> Result<&'static dyn Algorithm, SuggestError> {
    let algorithm = find(&spec.algorithm)?;
    algorithm.admit(spec)?;
    Ok(algorithm)
}

/// The next `count` points of a study: those that are given, then those of the algorithm that it names.
///
/// # Errors
/// As [`validate`].
pub fn suggest(study: &Study, count: usize) -> Result<Suggested, SuggestError> {
    let algorithm = validate(&study.spec)?;
    let given = study.given(count);
    if given.is_empty() {
        return algorithm.suggest(study, count, &mut study.rng());
    }
    let left = count - given.len();
    if left == 0 {
        return Ok(Suggested {
            points: given,
            settings: Vec::new(),
            more: More::Yes,
        });
    }
    let study = study.with_given(&given);
    let mut suggested = algorithm.suggest(&study, left, &mut study.rng())?;
    suggested.points.splice(0..0, given);
    Ok(suggested)
}

/// The same for a study of which nobody knows how many points were suggested before: `next` is at most that number. A point
/// that some trial has is an earlier suggestion, so the study goes on behind it.
///
/// # Errors
/// As [`validate`].
pub fn suggest_unseen(study: &mut Study, count: usize) -> Result<Suggested, SuggestError> {
    let given = study.given(count).len();
    let begin = study.next;
    let run = (study.distinct() as u64).saturating_mul(count as u64);
    let ask = |number| -> Result<_, SuggestError> {
        study.next = number;
        let points = suggest(study, count)?;
        let mut own = points.points[given..].iter();
        let last = own.rposition(|point| {
            let point = study.space().point(&point.assignments);
            point.is_ok_and(|point| study.has_tried(&point))
        });
        let old = last.map(|last| number.saturating_add(last as u64));
        Ok(Batch { points, old })
    };
    let (next, suggested) = unseen::first(begin, run, ask)?;
    study.next = next;
    Ok(suggested)
}

// === impl UnknownName ===

impl UnknownName {
    pub(crate) fn new(
        kind: &'static str,
        name: &str,
        known: impl Iterator<Item = &'static str> + Clone,
    ) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            nearest: nearest(name, known.clone()),
            known: known.collect(),
        }
    }
}

fn hint(nearest: Option<&&str>, known: &[&str]) -> String {
    nearest.map_or_else(
        || format!("known: {}", known.join(", ")),
        |name| format!("did you mean {name}?"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_found_by_its_name() {
        for algorithm in ALGORITHMS {
            assert_eq!(find(algorithm.name()).unwrap().name(), algorithm.name());
        }
    }

    #[test]
    fn an_unknown_name_gets_a_hint() {
        let message = |name| find(name).err().unwrap().to_string();
        assert_eq!(
            message("ramdom"),
            r#"unknown algorithm "ramdom"; did you mean random?"#
        );
        let known: Vec<&str> = ALGORITHMS.iter().map(|known| known.name()).collect();
        assert_eq!(
            message("quantum"),
            format!(
                r#"unknown algorithm "quantum"; known: {}"#,
                known.join(", ")
            )
        );
    }
}
