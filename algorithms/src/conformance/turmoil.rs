//! An experiment in which everything happens, in any order.

use std::collections::BTreeMap;

use diwan_core::record::TrialState;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};

use super::experiment::Experiment;
use crate::algorithm::{Algorithm, More};
use crate::stopping::Curve;
use crate::study::{Report, StudySpec};

/// Things that happen.
const EVENTS: usize = 80;
/// Trials under way when no more begin, and how many begin at once, at most.
const WORKERS: usize = 12;
const BATCH: usize = 3;
/// What the order of events is drawn with, beside the study's seed: its streams are the algorithm's.
const SEED: u64 = 0x7475_726d_6f69_6c21;

const STATES: [TrialState; 7] = [
    TrialState::Pending,
    TrialState::Running,
    TrialState::Succeeded,
    TrialState::EarlyStopped,
    TrialState::Failed,
    TrialState::MetricsUnavailable,
    TrialState::Killed,
];

/// Trials begin and end in any order and in any way; others that the algorithm never suggested come in between, some of them
/// at points that were tried, and some outside of the space.
pub(super) fn turmoil(algorithm: &dyn Algorithm, spec: &StudySpec, context: &str) {
    let mut rng = ChaCha8Rng::seed_from_u64(spec.effective_seed() ^ SEED);
    let mut experiment = Experiment::new(algorithm, spec, context);
    for _ in 0..EVENTS {
        let active = experiment.active();
        match rng.random_range(0..8) {
            0..3 if active.len() < WORKERS => {
                let count = rng.random_range(1..=BATCH);
                let suggested = experiment.ask(count);
                experiment.check_end(&suggested);
                if suggested.more == More::Exhausted && suggested.points.is_empty() {
                    return;
                }
                let waits = suggested.points.is_empty() && active.is_empty();
                assert!(!waits, "{context}: waits for nothing: {:?}", suggested.more);
            }
            6 => foreign(&mut experiment, &mut rng),
            7 => misfit(&mut experiment),
            _ if active.is_empty() => {}
            _ => {
                let index = active[rng.random_range(0..active.len())];
                let state = STATES[rng.random_range(1..STATES.len())];
                experiment.report(index, |report| tell(report, state, &mut rng));
            }
        }
    }
}

/// What a trial tells in a state, which may be of any size and make no sense.
fn tell(report: &mut Report, state: TrialState, rng: &mut ChaCha8Rng) {
    let mut number = || match rng.random_range(0..12) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => f64::NEG_INFINITY,
        3 => -1e300,
        4 => f64::MAX,
        5..8 => 1.0,
        _ => rng.random_range(-10.0..10.0),
    };
    report.state = state;
    report.value = (state != TrialState::Failed && state != TrialState::Pending).then(&mut number);
    report.curve = (0..3).map(|_| number()).collect::<Curve>();
}

/// Labels as trials of another experiment have them, or none: those of a trial here, with other numbers.
fn labels(experiment: &Experiment<'_>, rng: &mut ChaCha8Rng) -> BTreeMap<String, String> {
    let mut labels = match experiment.reports.len() {
        0 => BTreeMap::new(),
        count => experiment.reports[rng.random_range(0..count)]
            .labels
            .clone(),
    };
    for value in labels.values_mut() {
        let number = match rng.random_range(0..6) {
            0 => 0,
            1 => 7,
            2 => u64::MAX,
            _ => continue,
        };
        *value = number.to_string();
    }
    labels
}

/// A trial that the algorithm did not suggest: at a point of its own, or at one that was tried.
fn foreign(experiment: &mut Experiment<'_>, rng: &mut ChaCha8Rng) {
    let space = experiment.study.space();
    let again = rng.random::<bool>() && !experiment.reports.is_empty();
    let assignments = if again {
        let index = rng.random_range(0..experiment.reports.len());
        experiment.reports[index].assignments.clone()
    } else {
        space.assignments(&space.random(rng))
    };
    let point = space.point(&assignments).expect("it is one of the space");
    experiment.points.insert(point);
    let mut report = Report::new(assignments, TrialState::Pending);
    report.name = format!("foreign-{}", experiment.reports.len());
    report.labels = labels(experiment, rng);
    tell(&mut report, STATES[rng.random_range(0..STATES.len())], rng);
    experiment.record(report);
}

/// A trial that is outside of the space: it is refused, and nothing has changed.
fn misfit(experiment: &mut Experiment<'_>) {
    let mut assignments = Vec::new();
    for dimension in experiment.study.space().dimensions() {
        assignments.push(diwan_core::resources::ParameterAssignment {
            name: dimension.name().to_owned(),
            value: "-1.7976931348623157e308e".to_owned(),
        });
    }
    let report = Report::new(assignments, TrialState::Succeeded);
    let refused = experiment.study.record(report);
    assert!(refused.is_err(), "{}: not a number", experiment.context);
}
