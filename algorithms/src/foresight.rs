//! What trials that were stopped early would have reached.
//!
//! A trial that was stopped says how it stood after so many steps. What comes after such a standing, the trials tell that went
//! further: what they gained from that step to their end is added. This is done from the trial that was stopped last to the one
//! stopped first, so that every trial tells something to those that were stopped before it.

use std::collections::HashMap;

use diwan_core::record::TrialState;
use diwan_core::resources::ObjectiveType;

use crate::stopping::Reported;
use crate::study::{Objective, Outcome, StudyTrial};

/// Trials that are asked what comes after a step: those that went furthest, of those that ended by themselves the latest.
const WITNESSES: usize = 200;
/// Of them, those whose standing was most alike.
const ALIKE: usize = 9;

/// A trial that went some way.
struct Way<'a> {
    reports: &'a [Reported],
    loss: f64,
}

/// What each trial has reached, or would have, if anything is known of it: smaller is better, whatever the objective.
pub(crate) fn losses(trials: &[&StudyTrial], objective: &Objective) -> Vec<Option<f64>> {
    let sign = sign(objective);
    let mut losses: Vec<Option<f64>> = Vec::with_capacity(trials.len());
    let mut ways: Vec<Way<'_>> = Vec::new();
    let mut stopped: Vec<usize> = Vec::new();
    for (index, trial) in trials.iter().enumerate() {
        let Outcome::Observed(value) = trial.outcome() else {
            losses.push(None);
            continue;
        };
        losses.push(Some(sign * value));
        if trial.state == TrialState::EarlyStopped {
            stopped.push(index);
        } else {
            ways.push(Way {
                reports: trial.curve.points(),
                loss: sign * value,
            });
        }
    }
    if ways.is_empty() {
        return losses;
    }
    ways.reverse();
    let worst_end = middle(ways.iter().map(|way| way.loss).collect());
    stopped.sort_by_key(|&index| (std::cmp::Reverse(reach(trials[index])), index));
    let mut known: HashMap<i64, Vec<(f64, f64)>> = HashMap::new();
    for index in stopped {
        let (trial, Some(now)) = (trials[index], losses[index]) else {
            continue;
        };
        let loss = match reach(trial) {
            None => worst_end.map_or(now, |end| now.max(end)),
            Some(step) => {
                let gains = known
                    .entry(step)
                    .or_insert_with(|| gains(&ways, step, objective));
                let then = standing(trial.curve.points(), objective).unwrap_or(now);
                // The differences of values near ±1e308 overflow.
                let end = |gain: f64| (then - gain).clamp(f64::MIN, f64::MAX);
                gain_of_alike(gains, then).map_or(now, end)
            }
        };
        losses[index] = Some(loss);
        ways.push(Way {
            reports: trial.curve.points(),
            loss,
        });
    }
    losses
}

/// The last step of a trial's curve.
fn reach(trial: &StudyTrial) -> Option<i64> {
    trial.curve.points().last().map(|last| last.step)
}

/// How trials stood at a step that they went beyond, and what they gained from there to their end; by standing.
fn gains(ways: &[Way<'_>], step: i64, objective: &Objective) -> Vec<(f64, f64)> {
    let gain = |way: &Way<'_>| {
        way.reports.last().filter(|last| last.step > step)?;
        let until = way.reports.partition_point(|report| report.step <= step);
        let then = standing(&way.reports[..until], objective)?;
        Some((then, then - way.loss))
    };
    let mut gains: Vec<_> = ways.iter().filter_map(gain).take(WITNESSES).collect();
    gains.sort_by(|a, b| a.0.total_cmp(&b.0));
    gains
}

/// The middle gain of those around a standing.
fn gain_of_alike(gains: &[(f64, f64)], now: f64) -> Option<f64> {
    let place = gains.partition_point(|(then, _)| *then < now);
    let end = (place + ALIKE / 2 + 1).min(gains.len());
    let alike = &gains[end.saturating_sub(ALIKE)..end];
    middle(alike.iter().map(|(_, gain)| *gain).collect())
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// How a trial stood after some reports: by the best of them. Values go up and down on the way.
fn standing(reports: &[Reported], objective: &Objective) -> Option<f64> {
    let finite = reports
        .iter()
        .map(|report| report.value)
        .filter(|value| value.is_finite());
    finite.map(|value| sign(objective) * value).reduce(f64::min)
}

/// What makes a value of an objective a loss.
pub(crate) fn sign(objective: &Objective) -> f64 {
    match objective.kind {
        ObjectiveType::Maximize => -1.0,
        ObjectiveType::Minimize | ObjectiveType::Unknown => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::double;
    use crate::study::{Report, Study, StudySpec};
    use diwan_core::resources::{Distribution, MetricStrategyType};

    /// Losses that the evidence of some curves has, of which the last reports count.
    fn foreseen(trials: &[(TrialState, &[f64])], kind: ObjectiveType) -> Vec<Option<f64>> {
        let parameter = double("x", "0", "1", "", Distribution::Uniform);
        let mut spec = StudySpec::new(&[parameter], "random").unwrap();
        spec.objective.kind = kind;
        spec.objective.strategy = MetricStrategyType::Latest;
        let point = spec.space.at([0.5]);
        let report = |(state, values): &(TrialState, &[f64])| {
            let mut report = Report::new(spec.space.assignments(&point), *state);
            report.value = values.last().copied();
            report.curve = values.iter().copied().collect();
            report
        };
        let study = Study::of(spec.clone(), None, trials.iter().map(report));
        let trials: Vec<&StudyTrial> = study.trials().iter().collect();
        losses(&trials, &study.spec.objective)
    }

    const WHOLE: TrialState = TrialState::Succeeded;
    const PART: TrialState = TrialState::EarlyStopped;

    #[test]
    fn a_stopped_trial_gains_what_others_gained() {
        let found = foreseen(
            &[
                (WHOLE, &[9.0, 5.0, 3.0]),
                (PART, &[10.0]),
                (PART, &[9.0, 6.0]),
            ],
            ObjectiveType::Minimize,
        );
        assert_eq!(found, [Some(3.0), Some(4.0), Some(4.0)]);
        let found = foreseen(
            &[(WHOLE, &[0.1, 0.5, 0.75]), (PART, &[0.0])],
            ObjectiveType::Maximize,
        );
        assert_eq!(found, [Some(-0.75), Some(-0.65)]);
    }

    #[test]
    fn trials_stopped_later_tell_of_those_stopped_earlier() {
        let found = foreseen(
            &[
                (WHOLE, &[2.0, 1.0, 0.5]),
                (PART, &[50.0, 30.0]),
                (PART, &[52.0]),
            ],
            ObjectiveType::Minimize,
        );
        // Both went from their first value on; the one that stood alike is among them.
        assert_eq!(found[1], Some(29.5));
        assert_eq!(found[2], Some(52.0 - 20.5));
    }

    #[test]
    fn the_largest_values_give_finite_losses() {
        let found = foreseen(
            &[
                (WHOLE, &[f64::MAX, f64::MIN]),
                (PART, &[f64::MIN]),
                (PART, &[f64::MAX]),
            ],
            ObjectiveType::Minimize,
        );
        assert!(
            found.iter().flatten().all(|loss| loss.is_finite()),
            "{found:?}"
        );
    }

    #[test]
    fn without_anything_to_compare_with_a_value_stands() {
        assert_eq!(
            foreseen(
                &[
                    (PART, &[7.0]),
                    (TrialState::Failed, &[1.0]),
                    (PART, &[f64::NAN])
                ],
                ObjectiveType::Minimize
            ),
            [Some(7.0), None, None]
        );
        let found = foreseen(
            &[(WHOLE, &[2.0]), (PART, &[7.0, 8.0])],
            ObjectiveType::Minimize,
        );
        assert_eq!(found, [Some(2.0), Some(8.0)]);
    }

    #[test]
    fn a_bad_moment_is_not_taken_for_the_end() {
        let found = foreseen(
            &[(WHOLE, &[9.0, 5.0, 3.0]), (PART, &[6.0, 60.0])],
            ObjectiveType::Minimize,
        );
        assert_eq!(found, [Some(3.0), Some(4.0)]);
    }

    #[test]
    fn a_trial_without_a_value_tells_nothing() {
        let ends = [&[1.0][..], &[2.0], &[3.0]].map(|end| (WHOLE, end));
        let found = foreseen(
            &[ends[0], ends[1], ends[2], (PART, &[])],
            ObjectiveType::Minimize,
        );
        assert_eq!(found[3], None);
    }
}
