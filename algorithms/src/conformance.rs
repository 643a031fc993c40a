//! What every algorithm must do, as a suite that any implementation can be put through.

use std::collections::HashSet;

use diwan_core::record::TrialState;
use diwan_core::resources::{
    Distribution, FeasibleSpace, ParameterAssignment, ParameterSpec, ParameterType,
};

use crate::algorithm::{Algorithm, History, More, Suggested};
use crate::space::Point;
use crate::study::{Report, Study, StudySpec};

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
    if algorithm.ignores_batching() {
        batches_equal_single_requests(algorithm, spec, &context);
    }
}

/// Spaces of every kind and of extreme sizes, each with a name.
#[must_use]
pub fn spaces() -> Vec<(&'static str, Vec<ParameterSpec>)> {
    use Distribution::{LogNormal, LogUniform, Normal, Uniform};
    let limits = (&*i64::MIN.to_string(), &*i64::MAX.to_string());
    vec![
        ("one value", vec![words("only", &["it"])]),
        (
            "twelve points",
            vec![int("a", 1, 4, 1, Uniform), words("b", &["x", "y", "z"])],
        ),
        (
            "weighted points",
            vec![
                int("a", 1, 9, 2, LogUniform),
                double("b", "0.1", "0.5", "0.1", Normal),
            ],
        ),
        (
            "numbers from a list",
            vec![
                numbers("a", &["64", "16.0", "3e1"]),
                int("b", 0, 3, 1, Normal),
            ],
        ),
        ("a line", vec![double("x", "-1", "1", "", Uniform)]),
        (
            "a training job",
            vec![
                double("lr", "1e-5", "1", "", LogUniform),
                double("dropout", "0", "0.5", "0.1", Uniform),
                int("layers", 1, 8, 1, LogNormal),
                numbers("batch", &["16", "32", "64"]),
                words("optimizer", &["sgd", "adam"]),
            ],
        ),
        (
            "extreme doubles",
            vec![
                double("wide", "1e-300", "1e300", "", LogUniform),
                double("huge", "-1.7e308", "1.7e308", "", Normal),
                double("fine", "0", "1e300", "1e-300", Uniform),
            ],
        ),
        (
            "all whole numbers",
            vec![
                whole("a", limits, "1", Uniform),
                whole("b", limits, "3", Uniform),
            ],
        ),
        (
            "more points than u128 counts",
            (0..20)
                .map(|i| whole(&format!("p{i}"), limits, "1", Uniform))
                .collect(),
        ),
        (
            "a trillion points",
            (0..12)
                .map(|i| int(&format!("p{i}"), 0, 9, 1, Uniform))
                .collect(),
        ),
    ]
}

/// A double parameter.
#[must_use]
pub fn double(
    name: &str,
    min: &str,
    max: &str,
    step: &str,
    distribution: Distribution,
) -> ParameterSpec {
    range(ParameterType::Double, name, (min, max), step, distribution)
}

/// An int parameter.
#[must_use]
pub fn int(name: &str, min: i64, max: i64, step: i64, distribution: Distribution) -> ParameterSpec {
    whole(
        name,
        (&min.to_string(), &max.to_string()),
        &step.to_string(),
        distribution,
    )
}

/// A categorical parameter.
#[must_use]
pub fn words(name: &str, list: &[&str]) -> ParameterSpec {
    listed(ParameterType::Categorical, name, list)
}

/// A discrete parameter.
#[must_use]
pub fn numbers(name: &str, list: &[&str]) -> ParameterSpec {
    listed(ParameterType::Discrete, name, list)
}

fn whole(name: &str, ends: (&str, &str), step: &str, distribution: Distribution) -> ParameterSpec {
    range(ParameterType::Int, name, ends, step, distribution)
}

fn range(
    kind: ParameterType,
    name: &str,
    ends: (&str, &str),
    step: &str,
    distribution: Distribution,
) -> ParameterSpec {
    let feasible_space = FeasibleSpace {
        min: ends.0.to_owned(),
        max: ends.1.to_owned(),
        step: step.to_owned(),
        distribution: Some(distribution),
        ..FeasibleSpace::default()
    };
    ParameterSpec {
        name: name.to_owned(),
        parameter_type: kind,
        feasible_space,
    }
}

fn listed(kind: ParameterType, name: &str, list: &[&str]) -> ParameterSpec {
    let list = list.iter().map(|&text| text.to_owned()).collect();
    let feasible_space = FeasibleSpace {
        list,
        ..FeasibleSpace::default()
    };
    ParameterSpec {
        name: name.to_owned(),
        parameter_type: kind,
        feasible_space,
    }
}

/// An experiment without jobs: the results follow from the trial's number, and a good part of them are bad.
struct Experiment<'a> {
    algorithm: &'a dyn Algorithm,
    context: &'a str,
    study: Study,
    reports: Vec<Report>,
    points: HashSet<Point>,
}

// === impl Experiment ===

impl<'a> Experiment<'a> {
    fn new(algorithm: &'a dyn Algorithm, spec: &StudySpec, context: &'a str) -> Self {
        let study = Study::new(spec.clone(), 0);
        Self {
            algorithm,
            context,
            study,
            reports: Vec::new(),
            points: HashSet::new(),
        }
    }

    /// Asks for points and starts a trial for each.
    fn ask(&mut self, count: usize) -> Suggested {
        let suggested = answer(self.algorithm, &self.study, count);
        assert_eq!(
            suggested,
            answer(self.algorithm, &self.study, count),
            "{}: not a function",
            self.context
        );
        assert_eq!(
            suggested,
            answer(self.algorithm, &self.restarted(), count),
            "{}: not restart-safe",
            self.context
        );
        assert!(
            suggested.points.len() <= count,
            "{}: more points than wanted",
            self.context
        );
        let complete = suggested.points.len() == count || suggested.more != More::Yes;
        assert!(
            complete,
            "{}: too few points, and more are said to come",
            self.context
        );
        for point in &suggested.points {
            let mut report = Report::new(point.assignments.clone(), TrialState::Pending);
            report.number = Some(self.study.next);
            report.name = point
                .name
                .clone()
                .unwrap_or_else(|| format!("trial-{}", self.study.next));
            report.labels = point.labels.clone();
            self.check_point(&report.assignments);
            self.study.next += 1;
            self.record(report);
        }
        suggested
    }

    /// The same study, made anew of the trials in another order.
    fn restarted(&self) -> Study {
        Study::of(
            self.study.spec.clone(),
            Some(self.study.next),
            self.reports.iter().rev().cloned(),
        )
    }

    fn check_point(&mut self, assignments: &[ParameterAssignment]) {
        let space = self.study.space();
        let point = space
            .point(assignments)
            .unwrap_or_else(|misfit| panic!("{}: {misfit}", self.context));
        assert_eq!(
            space.assignments(&point),
            assignments,
            "{}: the text does not read back",
            self.context
        );
        let fresh = self.points.insert(point);
        assert!(
            fresh || space.cardinality().is_none(),
            "{}: a point came twice: {assignments:?}",
            self.context
        );
    }

    fn record(&mut self, report: Report) {
        self.study
            .record(report.clone())
            .expect("the point was checked");
        self.reports.push(report);
    }

    /// Ends a trial as its number wants it: well, badly, or with a useless value.
    fn finish(&mut self, index: usize) {
        let report = &mut self.reports[index];
        (report.state, report.value) = match index % 8 {
            1 => (TrialState::Failed, None),
            2 => (TrialState::Succeeded, Some(f64::NAN)),
            3 => (TrialState::EarlyStopped, Some(1e300)),
            4 => (TrialState::MetricsUnavailable, None),
            5 => (TrialState::Killed, Some(f64::NEG_INFINITY)),
            _ => (TrialState::Succeeded, Some((index % 5) as f64)),
        };
        self.study
            .record(report.clone())
            .expect("the point was checked");
    }

    fn finish_all(&mut self) {
        for index in 0..self.reports.len() {
            if self.reports[index].state.is_active() {
                self.finish(index);
            }
        }
    }

    /// Asserts that a finite space ended when all its points had come, and no other space did.
    fn check_end(&self, suggested: &Suggested) {
        let all = self.study.space().cardinality() == Some(self.points.len() as u128);
        let exhausted = suggested.more == More::Exhausted;
        if self.algorithm.ignores_batching() {
            assert_eq!(
                exhausted,
                all,
                "{}: exhausted after {} points",
                self.context,
                self.points.len()
            );
        }
        assert!(
            !exhausted || self.study.space().cardinality().is_some(),
            "{}: exhausted",
            self.context
        );
    }
}

fn answer(algorithm: &dyn Algorithm, study: &Study, count: usize) -> Suggested {
    algorithm
        .suggest(study, count, &mut study.rng())
        .unwrap_or_else(|error| {
            panic!("{}: refused a study it accepted: {error}", algorithm.name())
        })
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
        for index in (before.saturating_sub(3)..before).rev() {
            experiment.finish(index);
        }
        if suggested.points.is_empty() {
            let waiting = experiment
                .reports
                .iter()
                .any(|report| report.state.is_active());
            assert!(
                waiting,
                "{context}: waits for nothing: {:?}",
                suggested.more
            );
            experiment.finish_all();
        }
    }
}

/// Trials that the algorithm never suggested, some of which do not even fit, are known before the first request.
fn among_foreign_trials(algorithm: &dyn Algorithm, spec: &StudySpec, context: &str) {
    let mut experiment = Experiment::new(algorithm, spec, context);
    for index in 0..5 {
        let point = spec.space.random(&mut spec.rng(1000 + index));
        let report = Report::new(spec.space.assignments(&point), TrialState::Pending);
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
