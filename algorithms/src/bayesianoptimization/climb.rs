//! From a point to the worthiest one nearby.

use std::borrow::Cow;

use super::feasibility::Feasibility;
use super::region::Frame;
use crate::gp::{Acquisition, Posterior};
use crate::lbfgs::{Effort, minimize};

/// What a climb looks at.
pub(super) struct Hill<'a> {
    pub(super) posterior: &'a Posterior,
    pub(super) acquisition: Acquisition,
    /// The lowest loss that is to be improved on.
    pub(super) best: f64,
    /// How likely trials are to succeed; `None` where nothing has failed.
    pub(super) feasibility: Option<&'a Feasibility>,
    /// The frame that points are in; `None`: the space's own.
    pub(super) frame: Option<&'a Frame>,
}

/// A point and its worth.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) x: Vec<f64>,
    pub(super) worth: f64,
}

impl Hill<'_> {
    pub(super) fn candidate(&self, x: Vec<f64>) -> Candidate {
        let worth = self
            .acquisition
            .worth(self.posterior.predict(&x), self.best);
        let success = self
            .feasibility
            .map_or(0.0, |feasibility| feasibility.log_worth(&self.in_space(&x)));
        Candidate {
            worth: worth.value + success,
            x,
        }
    }

    fn in_space<'x>(&self, x: &'x [f64]) -> Cow<'x, [f64]> {
        self.frame
            .map_or(Cow::Borrowed(x), |frame| Cow::Owned(frame.outward(x)))
    }

    /// What success is worth, and its derivatives by the coordinates of the frame.
    fn success(&self, x: &[f64]) -> Option<(f64, Vec<f64>)> {
        let (worth, mut gradient) = self.feasibility?.slope(&self.in_space(x));
        let units = self.frame.iter().flat_map(|frame| &frame.units);
        for (cell, unit) in gradient.iter_mut().zip(units) {
            *cell *= unit;
        }
        Some((worth, gradient))
    }

    /// Climbs in the coordinates `free` within their bounds.
    pub(super) fn climb(
        &self,
        from: Vec<f64>,
        free: &[usize],
        bounds: &[(f64, f64)],
        effort: Effort,
    ) -> Candidate {
        let mut x = from.clone();
        let cost = |moved: &[f64], gradient: &mut [f64]| {
            place(&mut x, free, moved);
            let slope = self.posterior.slope(&x);
            let worth = self.acquisition.worth(slope.at, self.best);
            let success = self.success(&x);
            for (cell, &d) in gradient.iter_mut().zip(free) {
                let change =
                    worth.by_mean * slope.mean[d] + worth.by_deviation * slope.deviation[d];
                let by_place = success.as_ref().map_or(0.0, |(_, by_place)| by_place[d]);
                *cell = -(change + by_place);
            }
            -(worth.value + success.map_or(0.0, |(worth, _)| worth))
        };
        let start = free.iter().map(|&d| from[d]).collect();
        let end = minimize(cost, start, bounds, effort);
        let mut x = from;
        place(&mut x, free, &end.x);
        Candidate {
            x,
            worth: -end.value,
        }
    }
}

fn place(x: &mut [f64], free: &[usize], values: &[f64]) {
    for (&d, &value) in free.iter().zip(values) {
        x[d] = value;
    }
}
