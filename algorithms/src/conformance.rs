//! What every algorithm must do, as a suite that any implementation can be put through.

mod experiment;
mod extremes;
mod spaces;
mod turmoil;

use diwan_core::record::TrialState;
use diwan_core::resources::ParameterAssignment;

use crate::algorithm::{Algorithm, History, More};
use crate::study::{Report, Study, StudySpec};

use experiment::{Experiment, answer};
use extremes::extremes;
pub use spaces::{double, int, numbers, spaces, when, words};
use turmoil::turmoil;

/// Trials of a simulated experiment.
const TRIALS: u64 = 40;

/// Puts an algorithm through the suite, on every one of [`spaces`] that it accepts.
///
/// # Panics
///
/// When the algorithm breaks a rule; the message says which, and on what space.
pub fn conforms(algorithm: &dyn Algorithm) {
    let mut accepted = 0;
    for (name, parameters) in spaces() {
        let spec =
            StudySpec::new(&parameters, algorithm.name()).expect("the suite's spaces are valid");
        if algorithm.validate(&spec).is_ok() {
            accepted += 1;
            conforms_on(algorithm, name, &spec);
            extremes(algorithm, &spec, &format!("{} on {name}", algorithm.name()));
        }
    }
    assert!(accepted > 0, "{} accepts no space at all", algorithm.name());
}

/// Puts an algorithm through the suite on one study, which it must accept.
///
/// # Panics
///
/// When the algorithm breaks a rule; the message says which.
pub fn conforms_on(algorithm: &dyn Algorithm, name: &str, spec: &StudySpec) {
    let context = format!("{} on {name}", algorithm.name());
    sequential(algorithm, spec, &context);
    parallel(algorithm, spec, &context);
    among_foreign_trials(algorithm, spec, &context);
    turmoil(algorithm, spec, &context);
    if algorithm.ignores_batching() {
        batches_equal_single_requests(algorithm, spec, &context);
    }
}

/// One trial after the other; each answer also from a process that was just started.
fn sequential(algorithm: &dyn Algorithm, spec: &StudySpec, context: &str) {
    let mut experiment = Experiment::new(algorithm, spec, context);
    for _ in 0..TRIALS {
        let suggested = experiment.ask(1);
        experiment.check_end(&suggested);
        experiment.finish_all();
        needs_no_more_history_than_it_says(algorithm, &experiment);
        if suggested.more == More::Exhausted {
            assert!(
                experiment.ask(3).points.is_empty(),
                "{context}: points after the end"
            );
            return;
        }
    }
}

/// Batches, with the trials of one still running when the next is asked for.
fn parallel(algorithm: &dyn Algorithm, spec: &StudySpec, context: &str) {
    let mut experiment = Experiment::new(algorithm, spec, context);
    while experiment.study.next < TRIALS {
        let before = experiment.reports.len();
        let suggested = experiment.ask(7);
        if suggested.more == More::Exhausted {
            experiment.check_end(&suggested);
            return;
        }
        if suggested.points.is_empty() {
            let waits = !experiment.active().is_empty();
            assert!(waits, "{context}: waits for nothing: {:?}", suggested.more);
            experiment.finish_all();
        }
        for index in (before.saturating_sub(3)..before).rev() {
            experiment.finish(index);
        }
    }
}

/// Trials that the algorithm never suggested, some of which do not even fit, are known before the first request.
fn among_foreign_trials(algorithm: &dyn Algorithm, spec: &StudySpec, context: &str) {
    let mut experiment = Experiment::new(algorithm, spec, context);
    for index in 0..5 {
        let point = spec.space.random(&mut spec.rng(1000 + index));
        let mut report = Report::new(spec.space.assignments(&point), TrialState::Pending);
        report.name = format!("foreign-{index}");
        experiment.points.insert(point);
        experiment.record(report);
        experiment.finish(index as usize);
    }
    let strange = ParameterAssignment {
        name: "strange".into(),
        value: "1".into(),
    };
    assert!(
        experiment
            .study
            .record(Report::new(vec![strange], TrialState::Succeeded))
            .is_err()
    );
    for _ in 0..TRIALS {
        if experiment.study.space().cardinality() == Some(experiment.points.len() as u128) {
            let suggested = answer(algorithm, &experiment.study, 1);
            assert_eq!(
                (suggested.points.len(), suggested.more),
                (0, More::Exhausted),
                "{context}: nothing is left"
            );
            return;
        }
        let suggested = experiment.ask(1);
        experiment.finish_all();
        experiment.check_end(&suggested);
    }
}

fn batches_equal_single_requests(algorithm: &dyn Algorithm, spec: &StudySpec, context: &str) {
    let mut singles = Experiment::new(algorithm, spec, context);
    let single: Vec<_> = (0..10).flat_map(|_| singles.ask(1).points).collect();
    let mut batches = Experiment::new(algorithm, spec, context);
    let batched: Vec<_> = [3, 0, 5, 2]
        .into_iter()
        .flat_map(|count| batches.ask(count).points)
        .collect();
    assert_eq!(
        single, batched,
        "{context}: a batch differs from single requests"
    );
}

/// An algorithm that says it needs no history answers the same without.
fn needs_no_more_history_than_it_says(algorithm: &dyn Algorithm, experiment: &Experiment<'_>) {
    if algorithm.history(&experiment.study.spec) != History::None {
        return;
    }
    let active = experiment
        .reports
        .iter()
        .filter(|report| report.state.is_active())
        .cloned();
    let without = Study::of(
        experiment.study.spec.clone(),
        Some(experiment.study.next),
        active,
    );
    let (with, without) = (
        answer(algorithm, &experiment.study, 2),
        answer(algorithm, &without, 2),
    );
    assert_eq!(
        with, without,
        "{}: needs more history than it says",
        experiment.context
    );
}

#[cfg(test)]
mod tests;
