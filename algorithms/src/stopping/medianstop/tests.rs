use diwan_core::resources::{Comparison, ObjectiveType};

use super::*;
use crate::stopping::Stopping;
use crate::stopping::tests::{admitted, objective, succeeded};

fn rule_of(
    kind: ObjectiveType,
    curves: &[&[f64]],
    settings: &[(&str, &str)],
) -> Vec<EarlyStoppingRule> {
    let curves = succeeded(curves.iter().copied());
    admitted("medianstop", settings).rules(&objective(kind), &curves)
}

#[test]
fn the_threshold_is_a_median() {
    let curves: [&[f64]; 5] = [&[0.1; 4], &[0.1; 4], &[0.1; 4], &[0.1; 4], &[10.0; 4]];
    let rules = rule_of(ObjectiveType::Minimize, &curves, &[]);
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
    let settings = [("start_step", "2"), ("min_trials_required", "2")];
    let rules = rule_of(ObjectiveType::Maximize, &curves, &settings);
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
        rule_of(ObjectiveType::Minimize, &curves, &[])[0].value,
        "3.0"
    );
    let extreme: [&[f64]; 4] = [&[f64::MAX], &[f64::MAX, f64::MAX], &[f64::MIN], &[f64::MAX]];
    assert_eq!(
        rule_of(ObjectiveType::Minimize, &extreme, &[])[0].value,
        "1.7976931348623157e308"
    );
}

#[test]
fn too_few_trials_give_no_rule() {
    let curves: [&[f64]; 3] = [&[1.0], &[2.0], &[]];
    assert_eq!(rule_of(ObjectiveType::Minimize, &curves, &[]), []);
}

#[test]
fn wrong_settings_are_refused() {
    let refusal = |name, value| {
        let settings = [(name, value)].into_iter().collect();
        Stopping::admit("medianstop", settings)
            .err()
            .expect("it is refused")
            .to_string()
    };
    assert_eq!(
        refusal("min_trials_required", "0"),
        r#"spec.earlyStopping.algorithmSettings[min_trials_required]: Invalid value: "0": must be a whole number, 1 or more"#
    );
    assert_eq!(
        refusal("startstep", "1"),
        "spec.earlyStopping.algorithmSettings[startstep]: Unsupported value: \"startstep\": supported values: \
         \"min_trials_required\", \"start_step\" (did you mean \"start_step\"? it takes a whole number from 1 to 2147483647)"
    );
}
