//! From a point to the worthiest one nearby.

use super::feasibility::Feasibility;
use crate::evidence::Rows;
use crate::gp::{Acquisition, Posterior};
use crate::lbfgs::minimize;

/// What a climb looks at.
pub(super) struct Hill<'a> {
    pub(super) posterior: &'a Posterior,
    pub(super) acquisition: Acquisition,
    /// The lowest loss that is to be improved on.
    pub(super) best: f64,
    /// Where trials succeeded and failed.
    pub(super) succeeded: &'a Rows,
    pub(super) failed: &'a Rows,
    pub(super) caution: f64,
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
        Candidate {
            worth: worth.value + self.feasibility().log_worth(&x).0,
            x,
        }
    }

    fn feasibility(&self) -> Feasibility<'_> {
        Feasibility {
            metric: &self.posterior.data.metric,
            weights: &self.posterior.hyper.weights,
            succeeded: self.succeeded,
            failed: self.failed,
            caution: self.caution,
        }
    }

    /// Climbs in the coordinates `free` within their bounds, for at most `limit` evaluations with a first step of `step`.
    pub(super) fn climb(
        &self,
        from: Vec<f64>,
        free: &[usize],
        bounds: &[(f64, f64)],
        limit: usize,
        step: f64,
    ) -> Candidate {
        let feasibility = self.feasibility();
        let mut x = from.clone();
        let cost = |moved: &[f64], gradient: &mut [f64]| {
            place(&mut x, free, moved);
            let slope = self.posterior.slope(&x);
            let worth = self.acquisition.worth(slope.at, self.best);
            let (success, by_place) = feasibility.log_worth(&x);
            for (cell, &d) in gradient.iter_mut().zip(free) {
                let change =
                    worth.by_mean * slope.mean[d] + worth.by_deviation * slope.deviation[d];
                *cell = -(change + by_place[d]);
            }
            -(worth.value + success)
        };
        let start = free.iter().map(|&d| from[d]).collect();
        let end = minimize(cost, start, bounds, limit, step);
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
