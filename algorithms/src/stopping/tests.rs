//! What the rules say to curves.

use diwan_core::resources::{Comparison, MetricStrategyType, ObjectiveSpec, ObjectiveType};
use proptest::prelude::*;

use super::*;

pub(super) fn objective(kind: ObjectiveType) -> Objective {
    Objective::from(&ObjectiveSpec {
        kind,
        objective_metric_name: "loss".into(),
        ..ObjectiveSpec::default()
    })
}

/// Succeeded trials with these curves.
pub(super) fn succeeded<'a>(curves: impl IntoIterator<Item = &'a [f64]>) -> Curves {
    let mut all = Curves::default();
    for (number, curve) in (0..).zip(curves) {
        let curve = curve.iter().copied().collect();
        all.insert(number, TrialState::Succeeded, curve);
    }
    all
}

pub(super) fn admitted(name: &str, settings: &[(&str, &str)]) -> Stopping {
    Stopping::admit(name, settings.iter().copied().collect()).unwrap()
}

/// What is said to each value of another trial, and nothing once it is stopped.
fn said(
    stopping: &Stopping,
    objective: &Objective,
    others: &Curves,
    values: &[f64],
) -> Vec<String> {
    let mut curves = others.clone();
    let mut said = Vec::new();
    for value in values {
        curves.report(99, None, *value);
        match stopping.judge(objective, &curves, 99) {
            Some(reason) => {
                said.push(reason);
                break;
            }
            None => said.push(String::new()),
        }
    }
    said
}

/// The reports at which trials are stopped, the same whether small values are good, or large ones.
fn stopped(stopping: &Stopping, others: &[&[f64]], values: &[f64]) -> Option<usize> {
    let found = |kind, sign: f64| {
        let turned: Vec<Vec<f64>> = others
            .iter()
            .map(|curve| curve.iter().map(|value| sign * value).collect())
            .collect();
        let curves = succeeded(turned.iter().map(Vec::as_slice));
        let values: Vec<f64> = values.iter().map(|value| sign * value).collect();
        let said = said(stopping, &objective(kind), &curves, &values);
        said.iter().position(|reason| !reason.is_empty())
    };
    let small = found(ObjectiveType::Minimize, 1.0);
    assert_eq!(small, found(ObjectiveType::Maximize, -1.0));
    small.map(|index| index + 1)
}

fn fixed(stopping: &Stopping, others: &[&[f64]]) -> Option<(String, Comparison, i32)> {
    let curves = succeeded(others.iter().copied());
    let mut rules = stopping.rules(&objective(ObjectiveType::Minimize), &curves);
    let rule = rules.pop()?;
    assert_eq!((rules.len(), rule.name.as_str()), (0, "loss"));
    Some((rule.value, rule.comparison, rule.start_step.unwrap()))
}

#[test]
fn names_are_told() {
    let unknown = find("quantum").err().unwrap().to_string();
    assert_eq!(
        unknown,
        r#"unknown stopping rule "quantum"; known: medianstop, percentile, asha, threshold, plateau, wilcoxon"#
    );
    let near = find("percentil").err().unwrap().to_string();
    assert_eq!(
        near,
        r#"unknown stopping rule "percentil"; did you mean percentile?"#
    );
}

#[test]
fn medianstop_compares_with_the_means_by_then() {
    let others: [&[f64]; 3] = [
        &[8.0, 4.0, 2.0, 1.0],
        &[8.0, 4.0, 2.0, 1.0],
        &[1.0, 1.0, 1.0, 1.0],
    ];
    let stopping = admitted("medianstop", &[("start_step", "2")]);
    // The medians are 8, 6, 14/3 and 15/4.
    assert_eq!(stopped(&stopping, &others, &[99.0, 6.0, 4.0, 3.0]), None);
    assert_eq!(stopped(&stopping, &others, &[99.0, 6.5]), Some(2));
    assert_eq!(stopped(&stopping, &others, &[5.0, 99.0, 99.0]), Some(3));
    assert_eq!(
        stopped(&stopping, &others, &[f64::NAN, f64::INFINITY]),
        Some(2)
    );
    assert_eq!(stopped(&stopping, &others[..2], &[99.0; 4]), None);
    let curves = succeeded(others);
    let said = said(
        &stopping,
        &objective(ObjectiveType::Minimize),
        &curves,
        &[9.0, 7.0],
    );
    assert_eq!(
        said[1],
        "medianstop: loss 7.0 is worse by step 2 than the median 6.0 of 3 trials' means"
    );
}

#[test]
fn percentile_keeps_the_better_part() {
    let others: Vec<[f64; 2]> = (1..=5).map(|value| [100.0, f64::from(value)]).collect();
    let others: Vec<&[f64]> = others.iter().map(<[f64; 2]>::as_slice).collect();
    let stopping = admitted("percentile", &[("n_warmup_steps", "1")]);
    assert_eq!(stopped(&stopping, &others, &[999.0, 2.0]), None);
    assert_eq!(stopped(&stopping, &others, &[999.0, 2.1]), Some(2));
    assert_eq!(
        stopped(&stopping, &others, &[1.0, 999.0]),
        None,
        "its best counts"
    );
    assert_eq!(stopped(&stopping, &others, &[f64::NAN, f64::NAN]), Some(2));
    assert_eq!(
        stopped(&stopping, &others[1..], &[999.0, 999.0]),
        None,
        "too few trials"
    );
    assert_eq!(
        fixed(&stopping, &others),
        Some(("2.0".into(), Comparison::Greater, 2))
    );
    let seldom = admitted(
        "percentile",
        &[("interval_steps", "2"), ("n_startup_trials", "0")],
    );
    assert_eq!(
        stopped(&seldom, &[&[1.0, 1.0, 1.0]], &[1.0, 9.0, 9.0]),
        None
    );
    assert_eq!(stopped(&seldom, &[&[1.0, 1.0, 1.0]], &[9.0, 9.0]), Some(1));
    let many = admitted(
        "percentile",
        &[("n_min_trials", "2"), ("n_startup_trials", "0")],
    );
    assert_eq!(
        stopped(&many, &[&[1.0, 1.0], &[1.0]], &[0.5, 9.0, 9.0]),
        None
    );
}

#[test]
fn asha_lets_the_best_of_each_rung_pass() {
    let stopping = admitted("asha", &[("eta", "2"), ("r_max", "8")]);
    let others: [&[f64]; 3] = [&[4.0, 3.0, 3.0, 2.0], &[6.0, 5.0], &[5.0]];
    // Rung 1: 4 of 4 trials, two pass. Rung 2: 3 trials, one passes. Rung 4: 2 trials, one passes.
    assert_eq!(stopped(&stopping, &others, &[5.5]), Some(1));
    assert_eq!(stopped(&stopping, &others, &[4.5, 3.5]), Some(2));
    assert_eq!(stopped(&stopping, &others, &[4.5, 1.5, 9.0, 9.0]), None);
    let latest = Objective {
        strategy: MetricStrategyType::Latest,
        ..objective(ObjectiveType::Minimize)
    };
    let said = said(
        &stopping,
        &latest,
        &succeeded(others),
        &[4.5, 2.5, 9.0, 9.0],
    );
    assert_eq!(
        said[3],
        "asha: loss 2.5 is not among the best 1 of 2 at the rung of step 4"
    );
    assert_eq!(
        stopped(&stopping, &[], &[9.0; 100]),
        None,
        "nobody to compare with"
    );
    assert_eq!(stopped(&stopping, &[], &[f64::NAN]), Some(1));
    assert_eq!(
        fixed(&stopping, &others),
        Some(("5.0".into(), Comparison::Greater, 1))
    );
    let later = admitted("asha", &[("r_min", "2"), ("eta", "3"), ("s", "1")]);
    let long: [&[f64]; 2] = [&[1.0; 6], &[2.0; 6]];
    assert_eq!(stopped(&later, &long, &[9.0; 6]), Some(6));
    assert_eq!(
        fixed(&later, &long),
        Some(("1.0".into(), Comparison::Greater, 6))
    );
}

#[test]
fn asha_compares_trials_of_one_bracket() {
    let stopping = admitted("asha", &[("brackets", "2")]);
    let goal = objective(ObjectiveType::Minimize);
    let mut curves = Curves::default();
    let mut judge = |trial, step, value| {
        curves.report(trial, Some(step), value);
        stopping.judge(&goal, &curves, trial).is_some()
    };
    assert!(!judge(0, 1, 1.0));
    assert!(!judge(1, 1, 9.0), "its first rung is at step 3");
    assert!(!judge(1, 3, 9.0), "nobody else is in its bracket");
    assert!(judge(2, 1, 2.0));
    assert!(judge(3, 3, 9.5));
}

#[test]
fn asha_judges_at_a_rung_once() {
    let stopping = admitted("asha", &[("r_min", "3"), ("eta", "3")]);
    let goal = objective(ObjectiveType::Minimize);
    let mut curves = Curves::default();
    let mut judge = |trial, step, value| {
        curves.report(trial, Some(step), value);
        stopping.judge(&goal, &curves, trial).is_some()
    };
    assert!(!judge(0, 2, 9.0), "no rung yet");
    assert!(!judge(0, 4, 9.0), "the first to reach it");
    assert!(!judge(1, 3, 1.0));
    assert!(
        !judge(0, 5, 9.0),
        "it has passed, although another is better now"
    );
    assert!(judge(2, 3, 2.0));
    assert!(!judge(1, 30, 1.0), "the first beyond rungs 9 and 27");
}

#[test]
fn r_max_is_above_the_first_rung() {
    let settings = [("r_min", "3"), ("r_max", "9"), ("s", "1")];
    let refused = Stopping::admit("asha", settings.into_iter().collect());
    assert_eq!(
        refused.err().unwrap().to_string(),
        "spec.earlyStopping.algorithmSettings[r_max]: Invalid value: 9: must be above the first rung, which is at step 9"
    );
}

#[test]
fn threshold_stops_what_leaves_the_bounds() {
    let verdicts = |settings: &[(&str, &str)], values: &[f64]| {
        let said = said(
            &admitted("threshold", settings),
            &objective(ObjectiveType::Maximize),
            &Curves::default(),
            values,
        );
        said.last().cloned().unwrap_or_default()
    };
    let both = [("lower", "-1"), ("upper", "2.5"), ("n_warmup_steps", "1")];
    assert_eq!(verdicts(&both, &[99.0, -1.0, 2.5]), "");
    assert_eq!(
        verdicts(&both, &[1.0, -1.5]),
        "threshold: loss -1.5 at step 2 is below -1.0"
    );
    assert_eq!(
        verdicts(&both, &[1.0, f64::INFINITY]),
        "threshold: loss inf at step 2 is above 2.5"
    );
    assert_eq!(
        verdicts(&[], &[1.0, f64::NAN]),
        "threshold: loss NaN at step 2 is not finite"
    );
    let rule = |kind| {
        let rules = admitted("threshold", &both).rules(&objective(kind), &Curves::default());
        (
            rules[0].value.clone(),
            rules[0].comparison,
            rules[0].start_step,
            rules.len(),
        )
    };
    assert_eq!(
        rule(ObjectiveType::Minimize),
        ("2.5".into(), Comparison::Greater, Some(2), 1)
    );
    assert_eq!(
        rule(ObjectiveType::Maximize),
        ("-1.0".into(), Comparison::Less, Some(2), 1)
    );
    let refused = Stopping::admit(
        "threshold",
        [("lower", "2"), ("upper", "2")].into_iter().collect(),
    );
    assert!(refused.is_err());
}

#[test]
fn plateau_waits_for_an_improvement() {
    let stopping = admitted("plateau", &[("patience", "2"), ("min_delta", "0.5")]);
    assert_eq!(stopped(&stopping, &[], &[5.0, 4.0, 3.0, 2.0]), None);
    assert_eq!(
        stopped(&stopping, &[], &[5.0, 4.7, 4.6]),
        Some(3),
        "too little"
    );
    assert_eq!(stopped(&stopping, &[], &[5.0, 6.0, 4.0, 9.0, 9.0]), Some(5));
    assert_eq!(
        stopped(&stopping, &[], &[f64::NAN, f64::NAN, 1.0, 2.0]),
        None
    );
    assert_eq!(
        stopped(&stopping, &[], &[f64::NAN, f64::NAN, f64::NAN]),
        Some(3)
    );
    assert_eq!(fixed(&stopping, &[]), None);
}

#[test]
fn wilcoxon_stops_what_is_worse_than_the_best_by_more_than_chance() {
    let stopping = admitted("wilcoxon", &[]);
    let others: [&[f64]; 2] = [&[9.0; 6], &[1.0, 2.0, 3.0, 4.0, 5.0, 0.5]];
    // Four pairs of one sign have a probability of 1/16.
    assert_eq!(
        stopped(&stopping, &others, &[1.1, 2.2, 3.3, 4.4, 5.5]),
        Some(4)
    );
    assert_eq!(
        stopped(&stopping, &others, &[0.9, 2.2, 2.7, 4.4, 4.5]),
        None
    );
    assert_eq!(
        stopped(&stopping, &others, &[f64::NAN, 2.2, 3.3, 4.4]),
        None
    );
    assert_eq!(stopped(&stopping, &[], &[9.0; 6]), None);
    let strict = admitted("wilcoxon", &[("p_threshold", "0.01")]);
    assert_eq!(stopped(&strict, &others, &[1.1, 2.2, 3.3, 4.4, 5.5]), None);
}

fn value() -> impl Strategy<Value = f64> {
    let odd = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        0.0,
    ];
    prop_oneof![4 => -3.0..3.0, 1 => prop::sample::select(odd.to_vec()), 2 => prop::sample::select(vec![1.0, 2.0])]
}

fn any_curve() -> impl Strategy<Value = (usize, Vec<(Option<i64>, f64)>)> {
    let point = (prop::option::of(-2_i64..40), value());
    (
        0..TrialState::ALL.len(),
        prop::collection::vec(point, 0..30),
    )
}

proptest! {
    #[test]
    fn any_curves_are_judged(trials in prop::collection::vec(any_curve(), 0..12), maximize in any::<bool>()) {
        let kind = if maximize { ObjectiveType::Maximize } else { ObjectiveType::Minimize };
        let objective = objective(kind);
        for rule in STOPPING_RULES {
            let stopping = admitted(rule.name(), &[]);
            let mut curves = Curves::default();
            for (number, (state, points)) in (0..).zip(&trials) {
                curves.begin(number);
                for (step, value) in points {
                    curves.report(number, *step, *value);
                    let said = stopping.judge(&objective, &curves, number);
                    prop_assert_eq!(&said, &stopping.judge(&objective, &curves, number));
                    prop_assert!(said.is_none_or(|said| said.starts_with(rule.name()) && said.contains("loss")));
                }
                curves.settle(number, TrialState::ALL[*state]);
                for rule in stopping.rules(&objective, &curves) {
                    prop_assert!(rule.value.parse::<f64>().is_ok_and(f64::is_finite), "{rule:?}");
                }
            }
        }
    }
}
