use super::*;
use crate::algorithm::More;
use crate::conformance::{double, int, numbers, words};
use crate::registry::suggest;
use diwan_core::resources::{Distribution, ParameterSpec};

fn texts(parameters: &[ParameterSpec], next: u64, count: usize) -> Vec<String> {
    let mut spec = StudySpec::new(parameters, "random").unwrap();
    spec.seed = 42;
    let points = suggest(&Study::new(spec, next), count).unwrap().points;
    let text = |values: Vec<diwan_core::resources::ParameterAssignment>| {
        values
            .into_iter()
            .map(|assignment| assignment.value)
            .collect::<Vec<_>>()
            .join(" ")
    };
    points
        .into_iter()
        .map(|point| text(point.assignments))
        .collect()
}

fn mixed() -> Vec<ParameterSpec> {
    vec![
        double("momentum", "0", "1", "", Distribution::Uniform),
        int("layers", 1, 4, 1, Distribution::Uniform),
        numbers("batch", &["16", "32"]),
        words("optimizer", &["sgd", "adam"]),
    ]
}

/// These are promises to running experiments: the same seed gives the same trials in every version. Uniform only: the
/// last bit of a logarithm is the platform's.
#[test]
fn golden() {
    assert_eq!(texts(&mixed(), 0, 3), GOLDEN_MIXED);
    assert_eq!(texts(&mixed(), 2, 1), GOLDEN_MIXED[2..]);
    assert_eq!(texts(&mixed()[1..], 0, 4), GOLDEN_FINITE);
}

const GOLDEN_MIXED: [&str; 3] = [
    "0.6818961923066714 4 16 adam",
    "0.7167916525047883 1 16 adam",
    "0.1836103536378716 2 32 sgd",
];
const GOLDEN_FINITE: [&str; 4] = ["2 16 sgd", "3 32 adam", "4 16 adam", "2 32 sgd"];

#[test]
fn a_million_trials_of_a_finite_space_need_no_history() {
    let parameters = [
        int("a", 1, 1000, 1, Distribution::Uniform),
        int("b", 1, 1001, 1, Distribution::Uniform),
    ];
    let spec = StudySpec::new(&parameters, "random").unwrap();
    assert_eq!(Random.history(&spec), History::None);
    let study = Study::new(spec, 1_000_999);
    let last = suggest(&study, 2).unwrap();
    assert_eq!((last.points.len(), last.more), (1, More::Exhausted));
}

#[test]
fn weighted_finite_spaces_need_all_history() {
    let weighted = [int("a", 1, 9, 1, Distribution::LogUniform)];
    assert_eq!(
        Random.history(&StudySpec::new(&weighted, "random").unwrap()),
        History::All
    );
}

#[test]
fn finite_spaces_are_drawn_without_preference() {
    let parameters = [int("a", 0, 4, 1, Distribution::Uniform)];
    let mut counts = [0.0_f64; 5];
    for seed in 0..5000 {
        let mut spec = StudySpec::new(&parameters, "random").unwrap();
        spec.seed = seed;
        let first = suggest(&Study::new(spec, 0), 1).unwrap();
        counts[first.points[0].assignments[0]
            .value
            .parse::<usize>()
            .unwrap()] += 1.0;
    }
    let chi: f64 = counts
        .iter()
        .map(|count| (count - 1000.0).powi(2) / 1000.0)
        .sum();
    assert!(chi < 18.5, "{counts:?}"); // 4 degrees of freedom: p < 0.001
}
