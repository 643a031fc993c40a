//! Asynchronous successive halving as a stopping rule (Li et al., "A System for Massively Parallel Hyperparameter Tuning",
//! MLSys 2020, Algorithm 2): of the trials that have reached a rung, the best `1/eta` go on. A trial that reaches it is judged
//! then, by the values of those that came before, so nobody waits.

use diwan_core::problem::Problem;
use diwan_core::record::TrialState;
use diwan_core::resources::EarlyStoppingRule;

use super::statistics::{best, worse_than};
use super::{Curve, Curves, StoppingRule, Tracked};
use crate::settings::{Kind, Setting, Settings};
use crate::study::Objective;

/// Successive halving.
pub(crate) struct Asha;

const R_MIN: Setting = Setting {
    name: "r_min",
    kind: Kind::Int {
        min: 1,
        max: i32::MAX as i64,
    },
    default: "1",
    help: "the step of the first rung",
};

const ETA: Setting = Setting {
    name: "eta",
    kind: Kind::Int {
        min: 2,
        max: i32::MAX as i64,
    },
    default: "3",
    help: "one of so many trials passes a rung, and the next rung is at so many times its step",
};

const R_MAX: Setting = Setting {
    name: "r_max",
    kind: Kind::Int {
        min: 1,
        max: i64::MAX,
    },
    default: "none",
    help: "the last step of a trial; there is no rung from it on",
};

const RATE: Setting = Setting {
    name: "s",
    kind: Kind::Int { min: 0, max: 30 },
    default: "0",
    help: "so many of the first rungs are left out",
};

const BRACKETS: Setting = Setting {
    name: "brackets",
    kind: Kind::Int { min: 1, max: 30 },
    default: "1",
    help: "trials are dealt to so many brackets, each of which leaves out one rung more than the one before it",
};

impl StoppingRule for Asha {
    fn name(&self) -> &'static str {
        "asha"
    }

    fn summary(&self) -> &'static str {
        "Asynchronous successive halving: a trial that reaches a rung, at step r_min * eta^k, goes on if it is among the best \
         1/eta of those that have. Katib's protocol knows the first rung only."
    }

    fn settings(&self) -> &'static [Setting] {
        &[R_MIN, ETA, R_MAX, RATE, BRACKETS]
    }

    fn compares_with(&self, _state: TrialState) -> bool {
        true
    }

    fn values_needed(&self, settings: &Settings) -> usize {
        usize::try_from(first_rung(settings)).unwrap_or(usize::MAX)
    }

    fn check(&self, settings: &Settings, path: &str, problems: &mut Vec<Problem>) {
        if let Some(last) = last_step(settings)
            && last <= first_rung(settings)
        {
            let message = format!(
                "must be above the first rung, which is at step {}",
                first_rung(settings)
            );
            problems.push(Problem::invalid(format!("{path}[r_max]"), last, message));
        }
    }

    fn rules(
        &self,
        objective: &Objective,
        curves: &Curves,
        settings: &Settings,
    ) -> Vec<EarlyStoppingRule> {
        let rung = first_rung(settings);
        let mut values: Vec<f64> = curves
            .iter()
            .filter_map(|(_, one)| value_at(objective, &one.curve, rung))
            .collect();
        values.sort_by(|a, b| order(objective, *a, *b));
        // The new trial will be one more.
        let limit = values.get(passing(values.len() + 1, settings) - 1);
        let rule = limit.map(|limit| worse_than(objective, *limit, rung));
        rule.into_iter().collect()
    }

    fn judge(
        &self,
        objective: &Objective,
        curves: &Curves,
        trial: u64,
        settings: &Settings,
    ) -> Option<String> {
        let curve = curves.curve(trial)?;
        let bracket = bracket(trial, settings);
        let rung = rung_reached(curve, bracket, settings)?;
        let metric = &objective.metric;
        let Some(value) = value_at(objective, curve, rung) else {
            return Some(format!(
                "{metric} has no finite value at the rung of step {rung}"
            ));
        };
        let is_rival = |(number, _): &(u64, &Tracked)| {
            *number != trial && self::bracket(*number, settings) == bracket
        };
        let others = curves.iter().filter(is_rival);
        let value_of = |(_, one): (u64, &Tracked)| value_at(objective, &one.curve, rung);
        let (mut count, mut better) = (1, 0);
        for other in others.filter_map(value_of) {
            count += 1;
            better += usize::from(objective.kind.better(other, value));
        }
        let passing = passing(count, settings);
        (better >= passing).then(|| {
            format!(
                "{metric} {value:?} is not among the best {passing} of {count} at the rung of step {rung}"
            )
        })
    }
}

/// How a trial stands at a rung: by its best value so far, whatever of its values is its result. Values go up and down on the way,
/// and one bad moment would end the best trial. A value that is not finite is more than that.
fn value_at(objective: &Objective, curve: &Curve, rung: i64) -> Option<f64> {
    let reports = curve.reaching(rung)?;
    reports.last().filter(|last| last.value.is_finite())?;
    best(objective.kind, reports)
}

/// The highest rung that the last report was the first to reach.
fn rung_reached(curve: &Curve, bracket: u32, settings: &Settings) -> Option<i64> {
    let (last, before) = curve.points().split_last()?;
    let before = before.last().map_or(i64::MIN, |point| point.step);
    let end = last_step(settings).unwrap_or(i64::MAX);
    let eta = eta(settings);
    let rungs = std::iter::successors(
        Some(first_rung(settings).saturating_mul(eta.saturating_pow(bracket))),
        |rung| rung.checked_mul(eta),
    );
    let due = rungs.take_while(|rung| *rung <= last.step && *rung < end);
    due.last().filter(|rung| *rung > before)
}

/// The bracket of a trial.
fn bracket(trial: u64, settings: &Settings) -> u32 {
    let brackets = settings.int(BRACKETS.name).unwrap_or(1).max(1);
    u32::try_from(trial % brackets.unsigned_abs()).unwrap_or(0)
}

/// How many of so many go on: at least the best.
fn passing(count: usize, settings: &Settings) -> usize {
    let eta = usize::try_from(eta(settings)).unwrap_or(usize::MAX);
    (count / eta).max(1)
}

/// The best first.
fn order(objective: &Objective, a: f64, b: f64) -> std::cmp::Ordering {
    let worse = objective.kind.better(b, a);
    worse.cmp(&objective.kind.better(a, b))
}

fn first_rung(settings: &Settings) -> i64 {
    let rate = settings.int(RATE.name).unwrap_or(0);
    let skipped = u32::try_from(rate).map_or(i64::MAX, |rate| eta(settings).saturating_pow(rate));
    settings
        .int(R_MIN.name)
        .unwrap_or(1)
        .saturating_mul(skipped)
}

fn eta(settings: &Settings) -> i64 {
    settings.int(ETA.name).unwrap_or(3).max(2)
}

fn last_step(settings: &Settings) -> Option<i64> {
    settings.int(R_MAX.name)
}
