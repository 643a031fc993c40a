//! Numbers that several rules make of curves.

use diwan_core::resources::{Comparison, EarlyStoppingRule, MetricStrategyType, ObjectiveType};

use super::curve::Reported;
use crate::study::Objective;

/// The best finite value.
pub(super) fn best(kind: ObjectiveType, points: &[Reported]) -> Option<f64> {
    let finite = points
        .iter()
        .map(|point| point.value)
        .filter(|value| value.is_finite());
    finite.reduce(|best, value| {
        if kind.better(value, best) {
            value
        } else {
            best
        }
    })
}

/// The value that counts of some reports, by the objective's strategy, if it is finite.
pub(super) fn chosen(objective: &Objective, points: &[Reported]) -> Option<f64> {
    match objective.strategy {
        MetricStrategyType::Min => best(ObjectiveType::Minimize, points),
        MetricStrategyType::Max => best(ObjectiveType::Maximize, points),
        MetricStrategyType::Latest => {
            let last = points.last().map(|point| point.value);
            last.filter(|value| value.is_finite())
        }
    }
}

/// The mean of the finite values.
pub(super) fn mean(points: &[Reported]) -> Option<f64> {
    let finite = points
        .iter()
        .map(|point| point.value)
        .filter(|value| value.is_finite());
    let values: Vec<f64> = finite.collect();
    let size = values.len() as f64;
    // Divided before summing: the sum of large values may be infinite.
    (!values.is_empty()).then(|| values.iter().map(|value| value / size).sum())
}

/// The value below which a share of finite values lies, 0 to 1, between two of them in proportion.
pub(super) fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let place = share.clamp(0.0, 1.0) * values.len().checked_sub(1)? as f64;
    let (low, high) = (
        values[place.floor() as usize],
        values[place.ceil() as usize],
    );
    if low == high {
        return Some(low);
    }
    let fraction = place.fract();
    Some(low * (1.0 - fraction) + high * fraction)
}

/// The middle value, or the mean of the two middle ones.
pub(super) fn median(values: Vec<f64>) -> Option<f64> {
    quantile(values, 0.5)
}

/// The rule that holds for what is worse than a value, from a trial's report number `start` on.
pub(super) fn worse_than(objective: &Objective, value: f64, start: i64) -> EarlyStoppingRule {
    EarlyStoppingRule {
        name: objective.metric.clone(),
        value: format!("{value:?}"),
        comparison: match objective.kind {
            ObjectiveType::Maximize => Comparison::Less,
            ObjectiveType::Minimize | ObjectiveType::Unknown => Comparison::Greater,
        },
        start_step: Some(i32::try_from(start).unwrap_or(i32::MAX)),
    }
}

/// A trial's best value in words, after the metric's name.
pub(super) fn told(objective: &Objective, best: Option<f64>) -> String {
    let metric = &objective.metric;
    best.map_or_else(
        || format!("{metric} has no finite value"),
        |best| format!("{metric} {best:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_values() {
        let values = || vec![4.0, 1.0, 2.0, 3.0];
        let at = |share| quantile(values(), share).unwrap();
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(at), [1.0, 1.75, 2.5, 4.0]);
        assert_eq!(quantile(Vec::new(), 0.5), None);
        assert_eq!(quantile(vec![f64::MAX, f64::MAX], 0.5), Some(f64::MAX));
        assert_eq!(quantile(vec![f64::MIN, f64::MAX], 0.5), Some(0.0));
    }
}
