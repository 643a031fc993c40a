//! A paired test (Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1(6), 1945; zeros as in Pratt,
//! JASA 54, 1959, with their ranks split): a trial whose values are worse than the best trial's at the same steps, by more
//! than chance explains, is not worth its end. For objectives whose steps are instances of a problem (folds, seeds, tasks)
//! and not the progress of a training, as Optuna's `WilcoxonPruner`.

use std::f64::consts::SQRT_2;

use diwan_core::record::TrialState;
use diwan_core::resources::ObjectiveType;
use statrs::function::erf::erfc;

use super::statistics::{chosen, mean};
use super::{Curve, Curves, StoppingRule, Tracked};
use crate::settings::{Kind, Setting, Settings};
use crate::study::Objective;

/// Stops what is significantly worse than the best.
pub(crate) struct Wilcoxon;

/// Up to so many pairs the distribution is computed; beyond, it is as good as normal.
const EXACT: usize = 50;

const P_THRESHOLD: Setting = Setting {
    name: "p_threshold",
    kind: Kind::Between {
        above: 0.0,
        below: 1.0,
    },
    default: "0.1",
    help: "a trial stops when chance explains its being worse with a smaller probability",
};

const STARTUP_STEPS: Setting = Setting {
    name: "n_startup_steps",
    kind: Kind::Int {
        min: 1,
        max: i32::MAX as i64,
    },
    default: "2",
    help: "so many steps must be there to compare",
};

impl StoppingRule for Wilcoxon {
    fn name(&self) -> &'static str {
        "wilcoxon"
    }

    fn summary(&self) -> &'static str {
        "Stops a trial that a paired test finds worse than the best trial, by their values at the same steps, for steps that \
         are folds, seeds or instances. Katib's protocol cannot say it."
    }

    fn settings(&self) -> &'static [Setting] {
        &[P_THRESHOLD, STARTUP_STEPS]
    }

    fn compares_with(&self, state: TrialState) -> bool {
        state == TrialState::Succeeded
    }

    fn judge(
        &self,
        objective: &Objective,
        curves: &Curves,
        trial: u64,
        settings: &Settings,
    ) -> Option<String> {
        let curve = curves.curve(trial)?;
        let (number, best) = best_trial(objective, curves, trial)?;
        let kind = objective.kind;
        let worse = differences(kind, curve, best);
        let needed = settings.int(STARTUP_STEPS.name).unwrap_or(2);
        if i64::try_from(worse.len()).is_ok_and(|count| count < needed) {
            return None;
        }
        // Whatever the ranks say, the better mean goes on.
        let (own, theirs) = (mean(curve.points())?, mean(best.points())?);
        if kind.better(own, theirs) {
            return None;
        }
        let probability = probability(&worse);
        let limit = settings.real(P_THRESHOLD.name).unwrap_or(0.1);
        (probability < limit).then(|| {
            let (metric, count) = (&objective.metric, worse.len());
            format!(
                "{metric} is worse than the best trial's, number {number}, at {count} steps (p = {probability:.3})"
            )
        })
    }
}

/// The succeeded trial with the best result.
fn best_trial<'a>(
    objective: &Objective,
    curves: &'a Curves,
    trial: u64,
) -> Option<(u64, &'a Curve)> {
    let others = curves
        .iter()
        .filter(|(number, one)| *number != trial && one.state == TrialState::Succeeded);
    let valued = others.filter_map(|(number, one): (u64, &Tracked)| {
        Some((chosen(objective, one.curve.points())?, number, &one.curve))
    });
    let best = valued.reduce(|best, one| {
        if objective.kind.better(one.0, best.0) {
            one
        } else {
            best
        }
    });
    best.map(|(_, number, curve)| (number, curve))
}

/// How much worse one is than the other, at each step where both have a finite value.
fn differences(kind: ObjectiveType, one: &Curve, other: &Curve) -> Vec<f64> {
    let sign = match kind {
        ObjectiveType::Maximize => -1.0,
        ObjectiveType::Minimize | ObjectiveType::Unknown => 1.0,
    };
    let mut rest = other.points().iter().peekable();
    let mut differences = Vec::new();
    for point in one.points() {
        while rest.next_if(|other| other.step < point.step).is_some() {}
        if let Some(other) = rest.next_if(|other| other.step == point.step) {
            differences.push(sign * (point.value - other.value));
        }
    }
    differences.retain(|difference| difference.is_finite());
    differences
}

/// The probability, if the signs of the differences are chance, of ranks above 0 that sum up to as much as they do.
fn probability(differences: &[f64]) -> f64 {
    let mut sorted = differences.to_vec();
    sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    // Twice the ranks, so that those of ties are whole.
    let (mut ranks, mut above, mut zeros, mut tied) = (Vec::new(), 0, 0, 0.0);
    let mut first = 0;
    for group in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
        let size = group.len();
        let rank = 2 * first + size + 1;
        for difference in group {
            if *difference == 0.0 {
                zeros += rank;
            } else {
                ranks.push(rank);
                above += if *difference > 0.0 { rank } else { 0 };
            }
        }
        tied += (size * size * size - size) as f64;
        first += size;
    }
    let count = sorted.len();
    if count <= EXACT {
        return at_least(&ranks, above);
    }
    let n = count as f64;
    let mean = n * (n + 1.0) / 4.0;
    let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tied / 48.0).sqrt();
    let sum = above as f64 / 2.0 + zeros as f64 / 4.0;
    0.5 * erfc((sum - mean) / deviation / SQRT_2)
}

/// The probability that a random part of the ranks sums up to `sum` or more.
fn at_least(ranks: &[usize], sum: usize) -> f64 {
    let most: usize = ranks.iter().sum();
    let mut share = vec![0.0; most + 1];
    share[0] = 1.0;
    for rank in ranks {
        for total in (0..=most).rev() {
            let with = total.checked_sub(*rank).map_or(0.0, |rest| share[rest]);
            share[total] = 0.5 * (share[total] + with);
        }
    }
    share.iter().skip(sum).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_is_that_of_the_signed_rank_test() {
        // scipy.stats.wilcoxon(d, alternative="greater", zero_method="zsplit")
        let near = |differences: &[f64], expected: f64| {
            let found = probability(differences);
            assert!((found - expected).abs() < 1e-9, "{differences:?}: {found}");
        };
        near(&[1.0, 2.0, 3.0, 4.0], 0.0625);
        near(&[-1.0, 2.0, 3.0, 4.0, 5.0], 0.0625);
        near(&[-1.0, -2.0, -3.0], 1.0);
        near(&[0.0, 0.0, 0.0], 1.0);
        near(&[1.0, 1.0, -1.0, 2.0, 0.0, 3.0, 3.0], 0.0625);
        near(&[0.5, -1.5, 2.5, 3.5, -4.5, 5.5, 6.5], 0.1484375);
        let waves = (1..=60).map(|index| f64::from(index).sin() * 10.0 + 1.0);
        let rounded: Vec<f64> = waves.map(|wave| (wave * 1000.0).round() / 1000.0).collect();
        near(&rounded, 0.05930201623515665);
        near(&[0.0; 60], 0.5);
        near(&[], 1.0);
    }
}
