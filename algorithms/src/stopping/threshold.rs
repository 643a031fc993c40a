//! Bounds: a trial that leaves them has diverged, or measures something else than it should.

use diwan_core::problem::Problem;
use diwan_core::record::TrialState;
use diwan_core::resources::{Comparison, EarlyStoppingRule, ObjectiveType};

use super::{Curves, StoppingRule};
use crate::settings::{Kind, Setting, Settings};
use crate::study::Objective;

/// Stops outside of bounds.
pub(crate) struct Threshold;

const ANY: Kind = Kind::Between {
    above: f64::NEG_INFINITY,
    below: f64::INFINITY,
};

const LOWER: Setting = Setting {
    name: "lower",
    kind: ANY,
    default: "none",
    help: "a value below it stops the trial",
};

const UPPER: Setting = Setting {
    name: "upper",
    kind: ANY,
    default: "none",
    help: "a value above it stops the trial",
};

const WARMUP_STEPS: Setting = Setting {
    name: "n_warmup_steps",
    kind: Kind::Int {
        min: 0,
        max: i32::MAX as i64 - 1,
    },
    default: "0",
    help: "so many values a trial reports that never stop it",
};

impl StoppingRule for Threshold {
    fn name(&self) -> &'static str {
        "threshold"
    }

    fn summary(&self) -> &'static str {
        "Stops a trial that reports a value below lower or above upper, or none that is finite. Katib's protocol knows one \
         bound, the one on the worse side if both are given, and compares it with the best value so far."
    }

    fn settings(&self) -> &'static [Setting] {
        &[LOWER, UPPER, WARMUP_STEPS]
    }

    fn compares_with(&self, _state: TrialState) -> bool {
        false
    }

    fn values_needed(&self, _settings: &Settings) -> usize {
        0
    }

    fn check(&self, settings: &Settings, path: &str, problems: &mut Vec<Problem>) {
        let (lower, upper) = (settings.real(LOWER.name), settings.real(UPPER.name));
        if let Some((lower, upper)) = lower.zip(upper).filter(|(lower, upper)| lower >= upper) {
            let message = format!("must be below upper ({upper:?})");
            problems.push(Problem::invalid(format!("{path}[lower]"), lower, message));
        }
    }

    fn rules(
        &self,
        objective: &Objective,
        _curves: &Curves,
        settings: &Settings,
    ) -> Vec<EarlyStoppingRule> {
        let lower = settings
            .real(LOWER.name)
            .map(|lower| (lower, Comparison::Less));
        let upper = settings
            .real(UPPER.name)
            .map(|upper| (upper, Comparison::Greater));
        let bound = match objective.kind {
            ObjectiveType::Maximize => lower.or(upper),
            ObjectiveType::Minimize | ObjectiveType::Unknown => upper.or(lower),
        };
        let start = i32::try_from(warmup(settings).saturating_add(1)).unwrap_or(i32::MAX);
        let rule = |(value, comparison): (f64, Comparison)| EarlyStoppingRule {
            name: objective.metric.clone(),
            value: format!("{value:?}"),
            comparison,
            start_step: Some(start),
        };
        bound.map(rule).into_iter().collect()
    }

    fn judge(
        &self,
        objective: &Objective,
        curves: &Curves,
        trial: u64,
        settings: &Settings,
    ) -> Option<String> {
        let points = curves.curve(trial)?.points();
        let last = points.last().filter(|_| points.len() > warmup(settings))?;
        let (metric, step) = (&objective.metric, last.step);
        let said = |what: String| {
            Some(format!(
                "{metric} {:?} at step {step} is {what}",
                last.value
            ))
        };
        let lower = settings
            .real(LOWER.name)
            .filter(|lower| last.value < *lower);
        let upper = settings
            .real(UPPER.name)
            .filter(|upper| last.value > *upper);
        match (lower, upper) {
            (Some(lower), _) => said(format!("below {lower:?}")),
            (_, Some(upper)) => said(format!("above {upper:?}")),
            (None, None) if !last.value.is_finite() => said("not finite".to_owned()),
            (None, None) => None,
        }
    }
}

fn warmup(settings: &Settings) -> usize {
    let given = settings.int(WARMUP_STEPS.name);
    given.and_then(|count| count.try_into().ok()).unwrap_or(0)
}
