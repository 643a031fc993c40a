//! The points that an experiment gives, to be tried before its algorithm is asked.

use std::collections::HashSet;

use diwan_core::initial;
use diwan_core::resources::InitialTrial;

use super::StudySpec;
use crate::algorithm::SuggestedPoint;
use crate::space::{Misfit, Point};

/// The given points, in their order, and which of them are due.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    points: Vec<Point>,
    /// Positions in `points` of those that no trial has, rising.
    due: Vec<usize>,
}

// === impl Given ===

impl Given {
    /// Those of a study, all due. One that does not fit the space counts as one that is nowhere.
    pub(super) fn of(spec: &StudySpec) -> Self {
        let points = initial::points(&spec.initial).zip(0..);
        let points: Vec<Point> = points
            .filter_map(|((_, trial), number)| complete(spec, trial, number).ok())
            .collect();
        Self {
            due: (0..points.len()).collect(),
            points,
        }
    }

    pub(super) fn all(&self) -> &[Point] {
        &self.points
    }

    /// How many a trial has.
    pub(super) fn done(&self) -> u64 {
        (self.points.len() - self.due.len()) as u64
    }

    /// The first `made` trials have the first of the points, and nobody has the others.
    pub(super) fn set_made(&mut self, made: u64) {
        self.due = (0..self.points.len()).collect();
        self.made_at_least(made);
    }

    /// The first `made` trials have the first of the points.
    pub(super) fn made_at_least(&mut self, made: u64) {
        self.due.retain(|index| *index as u64 >= made);
    }

    /// Trials have these points.
    pub(super) fn note_tried<'a>(&mut self, points: impl Iterator<Item = &'a Point>) {
        let tried: HashSet<&Point> = points.collect();
        let points = &self.points;
        self.due.retain(|index| !tried.contains(&points[*index]));
    }

    /// The first of those that are due.
    pub(super) fn due(&self, spec: &StudySpec, count: usize) -> Vec<SuggestedPoint> {
        let first = self.due.iter().take(count);
        first
            .map(|index| SuggestedPoint::new(&spec.space, &self.points[*index]))
            .collect()
    }
}

/// The point of an initial trial, with random values where it has none: they follow from the study's seed and the point's
/// number alone. The algorithm's own random streams begin at the other end.
fn complete(spec: &StudySpec, trial: &InitialTrial, number: u64) -> Result<Point, Misfit> {
    spec.space.completed(
        &trial.parameter_assignments,
        &mut spec.rng(u64::MAX - number),
    )
}

#[cfg(test)]
mod tests;
