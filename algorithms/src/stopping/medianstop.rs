//! Median stopping (Golovin et al., "Google Vizier: A Service for Black-Box Optimization", KDD 2017): a trial whose best
//! value is worse than the median of what the others had on average by then is not worth its end.

use diwan_core::resources::{Comparison, EarlyStoppingRule, ObjectiveType};

use super::{Curve, StoppingRule};
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
    help: "so many values a trial reports before it can be stopped, and so many of each succeeded trial are averaged",
};

impl StoppingRule for MedianStop {
    fn name(&self) -> &'static str {
        "medianstop"
    }

    fn summary(&self) -> &'static str {
        "Stops a trial whose best value, after start_step reports, is worse than the median of the succeeded trials' \
         means over their first start_step reports."
    }

    fn settings(&self) -> &'static [Setting] {
        &[MIN_TRIALS, START_STEP]
    }

    fn values_needed(&self, settings: &Settings) -> usize {
        usize::try_from(start_step(settings)).unwrap_or(usize::MAX)
    }

    fn rules(
        &self,
        objective: &Objective,
        succeeded: &[Curve],
        settings: &Settings,
    ) -> Vec<EarlyStoppingRule> {
        let count = self.values_needed(settings);
        let means: Vec<f64> = succeeded
            .iter()
            .filter_map(|curve| mean(curve, count))
            .collect();
        let required = settings.int(MIN_TRIALS.name).unwrap_or(3);
        if i64::try_from(means.len()).is_ok_and(|count| count < required) {
            return Vec::new();
        }
        let rule = |median: f64| EarlyStoppingRule {
            name: objective.metric.clone(),
            value: format!("{median:?}"),
            comparison: match objective.kind {
                ObjectiveType::Maximize => Comparison::Less,
                ObjectiveType::Minimize | ObjectiveType::Unknown => Comparison::Greater,
            },
            start_step: Some(start_step(settings)),
        };
        median(means).map(rule).into_iter().collect()
    }
}

fn start_step(settings: &Settings) -> i32 {
    settings
        .int(START_STEP.name)
        .and_then(|step| step.try_into().ok())
        .unwrap_or(4)
}

/// The mean of a trial's first values; of those it has, if it reported fewer, and without those that are not finite.
fn mean(curve: &[f64], count: usize) -> Option<f64> {
    let first = curve.iter().copied().take(count);
    let values: Vec<f64> = first.filter(|value| value.is_finite()).collect();
    let size = values.len() as f64;
    // Divided before summing: the sum of large values may be infinite.
    (!values.is_empty()).then(|| values.iter().map(|value| value / size).sum())
}

/// The middle value, or the mean of the two middle ones.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests;
