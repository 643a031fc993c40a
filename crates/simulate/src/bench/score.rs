//! How far from the optimum everybody is.

use std::collections::{BTreeMap, HashMap};

use super::cell::{Cell, CellRun};

/// Regrets below this count as this: nobody needs more, and logarithms stay finite.
const FLOOR: f64 = 1e-8;

/// The common logarithm of the regret after each whole trial that was spent, of every experiment that was played.
///
/// A regret is what a loss has above the optimum, or above the best that anybody reached if the optimum is not known. Before a
/// trial has succeeded, the loss is the worst that anybody had reached at any time on that problem.
pub(super) fn log_regrets(runs: &BTreeMap<Cell, CellRun>) -> BTreeMap<Cell, Vec<f64>> {
    let mut ranges: HashMap<usize, Range> = HashMap::new();
    for (cell, run) in runs {
        ranges.entry(cell.problem).or_default().widen(run);
    }
    let of = |(cell, run): (&Cell, &CellRun)| {
        let range = ranges.get(&cell.problem).copied().unwrap_or_default();
        let log = |loss: &Option<f64>| range.log_regret(*loss);
        (*cell, run.reached.iter().map(log).collect())
    };
    runs.iter().map(of).collect()
}

/// What was reached on a problem.
#[derive(Clone, Copy)]
struct Range {
    best: f64,
    worst: f64,
    optimum: Option<f64>,
}

impl Default for Range {
    fn default() -> Self {
        Self {
            best: f64::INFINITY,
            worst: f64::NEG_INFINITY,
            optimum: None,
        }
    }
}

impl Range {
    fn widen(&mut self, run: &CellRun) {
        for loss in run.reached.iter().flatten() {
            self.best = self.best.min(*loss);
            self.worst = self.worst.max(*loss);
        }
        self.optimum = run.optimum;
    }

    fn log_regret(&self, loss: Option<f64>) -> f64 {
        let regret = loss.unwrap_or(self.worst) - self.optimum.unwrap_or(self.best);
        // Where nobody ever reached anything, all are alike.
        let regret = if regret.is_finite() { regret } else { 1.0 };
        regret.max(FLOOR).log10()
    }
}
