//! Median stopping (Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017, section 3.2): a trial
//! whose best value is worse than the median of what the others had on average by then is not worth its end.

use diwan_core::record::TrialState;
use diwan_core::resources::EarlyStoppingRule;

use super::statistics::{best, mean, median, told, worse_than};
use super::{Curves, StoppingRule};
use crate::settings::{Kind, Setting, Settings};
use crate::study::Objective;

/// Stops below the median.
pub(crate) struct MedianStop;

const MIN_TRIALS: Setting = Setting {
    name: "min_trials_required",
    kind: Kind::Int {
        min: 1,
        max: i64::MAX,
    },
    default: "3",
    help: "so many trials must have succeeded before any is stopped",
};

const START_STEP: Setting = Setting {
    name: "start_step",
    kind: Kind::Int {
        min: 1,
        max: i32::MAX as i64,
    },
    default: "4",
    help: "so many values a trial reports before it can be stopped",
};

impl StoppingRule for MedianStop {
    fn name(&self) -> &'static str {
        "medianstop"
    }

    fn summary(&self) -> &'static str {
        "Stops a trial whose best value is worse than the median of the succeeded trials' means up to the same step. Katib's \
         protocol fixes that step: the means are those of the first start_step reports."
    }

    fn settings(&self) -> &'static [Setting] {
        &[MIN_TRIALS, START_STEP]
    }

    fn compares_with(&self, state: TrialState) -> bool {
        state == TrialState::Succeeded
    }

    fn values_needed(&self, settings: &Settings) -> usize {
        usize::try_from(start_step(settings)).unwrap_or(usize::MAX)
    }

    fn rules(
        &self,
        objective: &Objective,
        curves: &Curves,
        settings: &Settings,
    ) -> Vec<EarlyStoppingRule> {
        let count = self.values_needed(settings);
        let means = curves.succeeded().filter_map(|curve| {
            let points = curve.points();
            mean(&points[..count.min(points.len())])
        });
        let limit = median_of(means.collect(), settings);
        let rule = limit.map(|limit| worse_than(objective, limit, start_step(settings)));
        rule.into_iter().collect()
    }

    fn judge(
        &self,
        objective: &Objective,
        curves: &Curves,
        trial: u64,
        settings: &Settings,
    ) -> Option<String> {
        let points = curves.curve(trial)?.points();
        let step = points.last()?.step;
        if points.len() < self.values_needed(settings) {
            return None;
        }
        let means: Vec<f64> = curves
            .succeeded()
            .filter_map(|curve| mean(curve.until(step)))
            .collect();
        let count = means.len();
        let limit = median_of(means, settings)?;
        let best = best(objective.kind, points);
        if best.is_some_and(|best| !objective.kind.better(limit, best)) {
            return None;
        }
        let told = told(objective, best);
        Some(format!(
            "{told} is worse by step {step} than the median {limit:?} of {count} trials' means"
        ))
    }
}

/// The median of the others, if they are enough.
fn median_of(means: Vec<f64>, settings: &Settings) -> Option<f64> {
    let required = settings.int(MIN_TRIALS.name).unwrap_or(3);
    let enough = i64::try_from(means.len()).is_ok_and(|count| count >= required);
    enough.then(|| median(means)).flatten()
}

fn start_step(settings: &Settings) -> i64 {
    settings.int(START_STEP.name).unwrap_or(4)
}

#[cfg(test)]
mod tests;
