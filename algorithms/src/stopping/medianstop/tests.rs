use super::*;
use crate::conformance::int;
use crate::stopping::rules;
use crate::study::{Report, StudySpec};
use diwan_core::resources::{Distribution, ParameterAssignment};

fn study(kind: ObjectiveType, curves: &[&[f64]]) -> Study {
    let mut spec = StudySpec::new(&[int("a", 1, 4, 1, Distribution::Uniform)], "random").unwrap();
    spec.objective.kind = kind;
    spec.objective.metric = "loss".into();
    let report = |curve: &&[f64]| {
        let assignment = ParameterAssignment {
            name: "a".into(),
            value: "1".into(),
        };
        let mut report = Report::new(vec![assignment], TrialState::Succeeded);
        report.intermediate = (1..).zip(curve.iter().copied()).collect();
        report
    };
    Study::of(spec, None, curves.iter().map(report))
}

fn rule_of(study: &Study, settings: &[(&str, &str)]) -> Vec<EarlyStoppingRule> {
    rules("medianstop", &settings.iter().copied().collect(), study).unwrap()
}

#[test]
fn the_threshold_is_a_median() {
    let curves: [&[f64]; 5] = [&[0.1; 4], &[0.1; 4], &[0.1; 4], &[0.1; 4], &[10.0; 4]];
    let rules = rule_of(&study(ObjectiveType::Minimize, &curves), &[]);
    let expected = EarlyStoppingRule {
        name: "loss".into(),
        value: "0.1".into(),
        comparison: Comparison::Greater,
        start_step: Some(4),
    };
    assert_eq!(rules, [expected]);
}

#[test]
fn only_the_first_values_count_and_only_finite_ones() {
    let curves: [&[f64]; 4] = [&[1.0, 3.0, 99.0], &[4.0], &[6.0, f64::NAN, 1.0], &[]];
    let study = study(ObjectiveType::Maximize, &curves);
    let rules = rule_of(&study, &[("start_step", "2"), ("min_trials_required", "2")]);
    assert_eq!(
        (rules[0].value.as_str(), rules[0].comparison),
        ("4.0", Comparison::Less)
    );
    assert_eq!(rules[0].start_step, Some(2));
}

#[test]
fn an_even_number_of_trials_has_its_median_between() {
    let curves: [&[f64]; 4] = [&[1.0], &[2.0], &[4.0], &[100.0]];
    assert_eq!(
        rule_of(&study(ObjectiveType::Minimize, &curves), &[])[0].value,
        "3.0"
    );
    let extreme: [&[f64]; 4] = [&[f64::MAX], &[f64::MAX, f64::MAX], &[f64::MIN], &[f64::MAX]];
    assert_eq!(
        rule_of(&study(ObjectiveType::Minimize, &extreme), &[])[0].value,
        "1.7976931348623157e308"
    );
}

#[test]
fn too_few_trials_give_no_rule() {
    let curves: [&[f64]; 3] = [&[1.0], &[2.0], &[]];
    assert_eq!(rule_of(&study(ObjectiveType::Minimize, &curves), &[]), []);
}

#[test]
fn wrong_settings_are_refused() {
    let study = study(ObjectiveType::Minimize, &[]);
    let refusal = |name, value| {
        rules("medianstop", &[(name, value)].into_iter().collect(), &study)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refusal("min_trials_required", "0"),
        r#"spec.earlyStopping.algorithmSettings[min_trials_required]: Invalid value: "0": must be a whole number, 1 or more"#
    );
    assert_eq!(
        refusal("startstep", "1"),
        "spec.earlyStopping.algorithmSettings[startstep]: Unsupported value: \"startstep\": supported values: \
         \"min_trials_required\", \"start_step\" (did you mean \"start_step\"?)"
    );
    let unknown = rules("median", &Settings::default(), &study)
        .unwrap_err()
        .to_string();
    assert_eq!(
        unknown,
        r#"unknown stopping rule "median"; known: medianstop"#
    );
}
