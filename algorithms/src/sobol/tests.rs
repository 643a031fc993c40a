use super::*;
use crate::conformance::{double, int};
use crate::registry::{suggest, validate};
use diwan_core::resources::{Distribution, ParameterSpec};

fn study(parameters: &[ParameterSpec], next: u64, seed: u64) -> Study {
    let mut spec = StudySpec::new(parameters, "sobol").unwrap();
    spec.seed = seed;
    Study::new(spec, next)
}

fn square() -> [ParameterSpec; 2] {
    [
        double("x", "0", "1", "", Distribution::Uniform),
        double("y", "0", "1", "", Distribution::Uniform),
    ]
}

fn numbers(study: &Study, count: usize) -> Vec<Vec<f64>> {
    let points = suggest(study, count).unwrap().points;
    points
        .iter()
        .map(|point| {
            point
                .assignments
                .iter()
                .map(|a| a.value.parse().unwrap())
                .collect()
        })
        .collect()
}

#[test]
fn every_cell_of_an_even_partition_gets_one_point() {
    for (next, seed) in [(0, 0), (16, 1), (65_536, 2)] {
        let points = numbers(&study(&square(), next, seed), 16);
        for (columns, rows) in [(16.0, 1.0), (1.0, 16.0), (4.0, 4.0), (2.0, 8.0), (8.0, 2.0)] {
            let mut cells: Vec<u32> = points
                .iter()
                .map(|p| ((p[0] * columns).floor() * rows + (p[1] * rows).floor()) as u32)
                .collect();
            cells.sort_unstable();
            assert_eq!(
                cells,
                (0..16).collect::<Vec<_>>(),
                "{next} {seed} {columns}×{rows}"
            );
        }
    }
}

#[test]
fn golden() {
    assert_eq!(numbers(&study(&square(), 0, 42), 3), GOLDEN);
    assert_eq!(numbers(&study(&square(), 2, 42), 1), GOLDEN[2..]);
}

const GOLDEN: [[f64; 2]; 3] = [
    [0.7330058433885803, 0.00938331488077732],
    [0.1808466573705259, 0.843544383872788],
    [0.8610196332467024, 0.5115617864560232],
];

#[test]
fn seeds_and_blocks_differ() {
    let first = numbers(&study(&square(), 0, 1), 1);
    assert_ne!(first, numbers(&study(&square(), 0, 2), 1));
    assert_ne!(first, numbers(&study(&square(), 65_536, 1), 1));
    assert_eq!(
        numbers(&study(&square(), 65_535, 1), 2)[1],
        numbers(&study(&square(), 65_536, 1), 1)[0]
    );
}

#[test]
fn follows_the_distribution() {
    let study = study(
        &[double("x", "1e-4", "1", "", Distribution::LogUniform)],
        0,
        3,
    );
    let below = numbers(&study, 64).iter().filter(|x| x[0] < 1e-2).count();
    assert_eq!(below, 32);
}

#[test]
fn more_than_its_dimensions_are_refused() {
    let parameters = |count| {
        (0..count)
            .map(|i| int(&format!("p{i}"), 0, 9, 1, Distribution::Uniform))
            .collect::<Vec<_>>()
    };
    assert!(suggest(&study(&parameters(256), 0, 0), 1).is_ok());
    let message = validate(&study(&parameters(257), 0, 0).spec)
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        message,
        "spec.parameters: Invalid value: 257: must be at most 256 for sobol; random has no such limit"
    );
}
