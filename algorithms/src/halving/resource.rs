//! The parameter that says how much of the resource a trial gets.

use diwan_core::problem::{Problem, nearest};

use super::{Ladder, R_L, RESOURCE_NAME, eta};
use crate::space::{Coordinate, Space};
use crate::study::StudySpec;

/// The resource of a study.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resource {
    /// Its dimension.
    pub(crate) dimension: usize,
    /// How it is given out.
    pub(crate) ladder: Ladder,
}

impl Resource {
    /// The resource that the settings name; `resource_name` must be given.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn of(spec: &StudySpec) -> Result<Self, Problem> {
        let at = |name: &str| format!("spec.algorithm.algorithmSettings[{name}]");
        let (settings, dimensions) = (&spec.settings, spec.space.dimensions());
        let name = settings.text(RESOURCE_NAME.name).unwrap_or_default();
        let wrong = |message: String| Problem::invalid(at(RESOURCE_NAME.name), name, message);
        let Some(dimension) = dimensions.iter().position(|one| one.name() == name) else {
            let names = dimensions.iter().map(|one| one.name());
            let hint = nearest(name, names).map(|name| format!("; did you mean {name}?"));
            let hint = hint.unwrap_or_default();
            return Err(wrong(format!("must be one of the parameters{hint}")));
        };
        let is_parent = |index: usize| {
            let condition = dimensions[index].condition();
            condition.is_some_and(|condition| condition.parent() == dimension)
        };
        if dimensions[dimension].condition().is_some() || (0..dimensions.len()).any(is_parent) {
            let message = "must be a parameter without a condition, and that of no other parameter";
            return Err(wrong(message.to_owned()));
        }
        let one = &dimensions[dimension];
        let ends = one.nearest(f64::MIN).zip(one.nearest(f64::MAX));
        let ends = ends.and_then(|(low, high)| one.real(low).zip(one.real(high)));
        let Some((low, high)) = ends else {
            return Err(wrong("must be a parameter with numbers".to_owned()));
        };
        let Some(most) = settings.real(R_L.name) else {
            let message = format!("is needed: how much of {name} a trial gets at most");
            return Err(Problem::required(at(R_L.name), message));
        };
        if most < low || most > high {
            let message = format!("must be a value of {name}, from {low} to {high}");
            return Err(Problem::invalid(at(R_L.name), most, message));
        }
        let least = if low > 0.0 { low } else { 1.0 };
        Ok(Self {
            dimension,
            ladder: Ladder::new(least, most, eta(settings)),
        })
    }

    /// The resource of rungs with these amounts. Rungs between which the parameter has no value are one.
    pub(crate) fn coordinates(
        &self,
        space: &Space,
        amounts: impl IntoIterator<Item = f64>,
    ) -> Vec<Option<Coordinate>> {
        let mut last = None;
        let dimension = &space.dimensions()[self.dimension];
        let coordinate = |amount| {
            let coordinate = dimension
                .nearest(amount)
                .filter(|found| last != Some(*found));
            last = coordinate.or(last);
            coordinate
        };
        amounts.into_iter().map(coordinate).collect()
    }
}
