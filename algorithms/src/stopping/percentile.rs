//! Percentile stopping: a trial whose best value is not among the better part of what the others had at the same step is not
//! worth its end. This is median stopping with another share than one half, and with the others' values in place of their
//! means, as Optuna's `PercentilePruner` has it (Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization
//! Framework", KDD 2019).

use diwan_core::record::TrialState;
use diwan_core::resources::{EarlyStoppingRule, ObjectiveType};

use super::statistics::{best, quantile, told, worse_than};
use super::{Curves, StoppingRule};
use crate::settings::{Kind, Setting, Settings};
use crate::study::Objective;

/// Stops outside of the better part.
pub(crate) struct Percentile;

const PERCENTILE: Setting = Setting {
    name: "percentile",
    kind: Kind::Between {
        above: 0.0,
        below: 100.0,
    },
    default: "25",
    help: "so many percent of the values at a step are good enough",
};

const STARTUP_TRIALS: Setting = count(
    "n_startup_trials",
    0,
    "5",
    "so many trials must have succeeded before any is stopped",
);
const WARMUP_STEPS: Setting = count(
    "n_warmup_steps",
    0,
    "0",
    "so many values a trial reports that never stop it",
);
const INTERVAL: Setting = count(
    "interval_steps",
    1,
    "1",
    "values from one look at a trial to the next",
);
const MIN_TRIALS: Setting = count(
    "n_min_trials",
    1,
    "1",
    "so many trials must have reached a step to compare with",
);

const fn count(name: &'static str, min: i64, default: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        kind: Kind::Int {
            min,
            max: i32::MAX as i64 - 1,
        },
        default,
        help,
    }
}

impl StoppingRule for Percentile {
    fn name(&self) -> &'static str {
        "percentile"
    }

    fn summary(&self) -> &'static str {
        "Stops a trial whose best value is outside of the best percentile of the succeeded trials' values at the same step. \
         Katib's protocol fixes the step after n_warmup_steps."
    }

    fn settings(&self) -> &'static [Setting] {
        &[
            PERCENTILE,
            STARTUP_TRIALS,
            WARMUP_STEPS,
            INTERVAL,
            MIN_TRIALS,
        ]
    }

    fn compares_with(&self, state: TrialState) -> bool {
        state == TrialState::Succeeded
    }

    fn values_needed(&self, settings: &Settings) -> usize {
        number(settings, WARMUP_STEPS, 0).saturating_add(1)
    }

    fn rules(
        &self,
        objective: &Objective,
        curves: &Curves,
        settings: &Settings,
    ) -> Vec<EarlyStoppingRule> {
        let count = self.values_needed(settings);
        let values = curves
            .succeeded()
            .map(|curve| curve.points().get(count - 1));
        let values = values.map(|point| point.map(|point| point.value));
        let start = i64::try_from(count).unwrap_or(i64::MAX);
        let limit = limit(objective.kind, values, settings);
        let rule = limit.map(|(limit, _)| worse_than(objective, limit, start));
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
        let since = points.len().checked_sub(self.values_needed(settings))?;
        if !since.is_multiple_of(number(settings, INTERVAL, 1)) {
            return None;
        }
        let values = curves
            .succeeded()
            .map(|curve| Some(curve.reaching(step)?.last()?.value));
        let (limit, count) = limit(objective.kind, values, settings)?;
        let best = best(objective.kind, points);
        if best.is_some_and(|best| !objective.kind.better(limit, best)) {
            return None;
        }
        let (told, percentile) = (told(objective, best), percentile(settings));
        Some(format!(
            "{told} is worse at step {step} than the best {percentile} % of {count} trials, {limit:?}"
        ))
    }
}

/// The value that separates the better part of those that the succeeded trials have, and how many have one; none if they are
/// too few.
fn limit(
    kind: ObjectiveType,
    values: impl Iterator<Item = Option<f64>>,
    settings: &Settings,
) -> Option<(f64, usize)> {
    let all: Vec<Option<f64>> = values.collect();
    let finite = |value: &f64| value.is_finite();
    let values: Vec<f64> = all.iter().flatten().copied().filter(finite).collect();
    let count = values.len();
    if all.len() < number(settings, STARTUP_TRIALS, 5) || count < number(settings, MIN_TRIALS, 1) {
        return None;
    }
    let share = percentile(settings) / 100.0;
    let share = match kind {
        ObjectiveType::Maximize => 1.0 - share,
        ObjectiveType::Minimize | ObjectiveType::Unknown => share,
    };
    Some((quantile(values, share)?, count))
}

fn percentile(settings: &Settings) -> f64 {
    settings.real(PERCENTILE.name).unwrap_or(25.0)
}

fn number(settings: &Settings, setting: Setting, default: usize) -> usize {
    let given = settings.int(setting.name);
    given
        .and_then(|number| number.try_into().ok())
        .unwrap_or(default)
}
