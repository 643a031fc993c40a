use super::*;
use crate::algorithm::More;
use crate::conformance::{double, int, words};
use crate::registry::{admit, suggest, validate};
use crate::settings::Settings;
use diwan_core::resources::{Distribution, ParameterSpec};

fn study(parameters: &[ParameterSpec], next: u64) -> Study {
    Study::new(StudySpec::new(parameters, "grid").unwrap(), next)
}

fn values(suggested: &Suggested) -> Vec<String> {
    let joined = |point: &crate::algorithm::SuggestedPoint| -> String {
        point
            .assignments
            .iter()
            .map(|assignment| assignment.value.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    suggested.points.iter().map(joined).collect()
}

fn small() -> [ParameterSpec; 2] {
    [
        double("x", "0.001", "0.005", "0.002", Distribution::LogUniform),
        words("w", &["b", "a"]),
    ]
}

#[test]
fn goes_in_order_and_ends() {
    let all = suggest(&study(&small(), 0), 9).unwrap();
    assert_eq!(
        values(&all),
        [
            "0.001 b", "0.001 a", "0.003 b", "0.003 a", "0.005 b", "0.005 a"
        ]
    );
    assert_eq!(all.more, More::Exhausted);
    assert_eq!(suggest(&study(&small(), 4), 1).unwrap().more, More::Yes);
    assert_eq!(
        suggest(&study(&small(), 5), 1).unwrap().more,
        More::Exhausted
    );
}

#[test]
fn golden_shuffled() {
    let mut study = study(&small(), 0);
    study.spec.settings = Settings::from_iter([("random_state", "7")]);
    assert_eq!(values(&suggest(&study, 9).unwrap()), GOLDEN);
}

const GOLDEN: [&str; 6] = [
    "0.003 b", "0.005 b", "0.003 a", "0.001 b", "0.001 a", "0.005 a",
];

#[test]
fn a_trillion_points_start_and_end_at_once() {
    let parameters: Vec<_> = (0..12)
        .map(|i| int(&format!("p{i}"), 0, 9, 1, Distribution::Uniform))
        .collect();
    let first = suggest(&study(&parameters, 0), 2).unwrap();
    assert_eq!(
        values(&first),
        ["0 0 0 0 0 0 0 0 0 0 0 0", "0 0 0 0 0 0 0 0 0 0 0 1"]
    );
    let last = suggest(&study(&parameters, 999_999_999_999), 2).unwrap();
    assert_eq!(values(&last), ["9 9 9 9 9 9 9 9 9 9 9 9"]);
    assert_eq!(last.more, More::Exhausted);
}

#[test]
fn a_double_without_step_is_refused() {
    let parameters = [
        int("n", 1, 2, 1, Distribution::Uniform),
        double("lr", "0", "1", "", Distribution::Uniform),
    ];
    let message = validate(&study(&parameters, 0).spec)
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        message,
        "spec.parameters[1].feasibleSpace.step: Required value: param lr step is nil; For discrete search space, all parameters must include \
         step (or list the values, with parameterType discrete)"
    );
}

#[test]
fn more_trials_than_points_are_refused_at_the_beginning_only() {
    let mut spec = study(&small(), 0).spec;
    let points = u64::try_from(spec.space.cardinality().unwrap()).unwrap();
    spec.max_trials = Some(points);
    assert!(admit(&spec).is_ok());
    spec.max_trials = Some(points + 1);
    let refused = admit(&spec).err().unwrap().to_string();
    let expected = format!(
        "spec.maxTrialCount: Invalid value: Max Trial Count: {} > all possible search combinations: {points}",
        points + 1
    );
    assert_eq!(refused, expected);
    assert!(validate(&spec).is_ok());
}
