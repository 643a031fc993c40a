use super::*;
use crate::conformance::{int, words};
use diwan_core::record::TrialState;
use diwan_core::resources::{
    AlgorithmSetting, AlgorithmSpec, Distribution, ExperimentSpec, MetricStrategyType,
    ParameterAssignment,
};
use rand::RngExt;

fn spec() -> StudySpec {
    StudySpec::new(
        &[
            int("a", 1, 4, 1, Distribution::Uniform),
            words("b", &["x", "y"]),
        ],
        "random",
    )
    .unwrap()
}

fn report(name: &str, a: &str, state: TrialState, value: Option<f64>) -> Report {
    let assign = |name: &str, value: &str| ParameterAssignment {
        name: name.into(),
        value: value.into(),
    };
    let mut report = Report::new(vec![assign("a", a), assign("b", "y")], state);
    report.name = name.to_owned();
    report.value = value;
    report
}

#[test]
fn a_trial_is_replaced_by_its_name() {
    let mut study = Study::new(spec(), 2);
    for (name, a) in [("t0", "1"), ("t1", "1"), ("t0", "2"), ("", "4"), ("", "4")] {
        study
            .record(report(name, a, TrialState::Running, None))
            .unwrap();
    }
    let names: Vec<&str> = study
        .trials()
        .iter()
        .map(|trial| trial.name.as_str())
        .collect();
    assert_eq!(names, ["t0", "t1", "", ""]);
    assert_eq!(study.distinct(), 3);
    study
        .record(report("t1", "3", TrialState::Running, None))
        .unwrap();
    let first = study.space().point_at(1).unwrap();
    assert!(!study.has_tried(&first), "nobody has the point any more");
}

#[test]
fn what_has_become_of_a_trial_can_be_told_without_its_point() {
    let states = [
        (TrialState::Running, Some(1.0)),
        (TrialState::Running, Some(2.0)),
        (TrialState::Succeeded, Some(3.0)),
        (TrialState::Failed, None),
    ];
    let (mut recorded, mut updated) = (Study::new(spec(), 0), Study::new(spec(), 0));
    for study in [&mut recorded, &mut updated] {
        let begun = report("t", "1", TrialState::Running, None);
        study.record(begun).unwrap();
    }
    for (state, value) in states {
        recorded.record(report("t", "1", state, value)).unwrap();
        assert!(updated.update("t", state, value, Curve::default()));
        assert_eq!(format!("{updated:?}"), format!("{recorded:?}"));
    }
    assert!(!updated.update("u", TrialState::Failed, None, Curve::default()));
}

#[test]
fn trials_that_do_not_fit_are_counted_and_left_out() {
    let reports = ["1", "9", "x", "2.0"].map(|a| report("", a, TrialState::Succeeded, Some(1.0)));
    let study = Study::of(spec(), None, reports);
    assert_eq!((study.trials().len(), study.misfits, study.next), (2, 2, 2));
    assert!(study.is_whole());
}

#[test]
fn outcomes() {
    let outcome = |state, value| {
        let study = Study::of(spec(), None, [report("", "1", state, value)]);
        study.trials()[0].outcome()
    };
    assert_eq!(
        outcome(TrialState::Succeeded, Some(0.5)),
        Outcome::Observed(0.5)
    );
    assert_eq!(
        outcome(TrialState::EarlyStopped, Some(0.5)),
        Outcome::Observed(0.5)
    );
    assert_eq!(
        outcome(TrialState::Succeeded, Some(f64::NAN)),
        Outcome::Failed
    );
    assert_eq!(
        outcome(TrialState::Succeeded, Some(f64::INFINITY)),
        Outcome::Failed
    );
    assert_eq!(outcome(TrialState::EarlyStopped, None), Outcome::Failed);
    assert_eq!(outcome(TrialState::Failed, Some(0.5)), Outcome::Failed);
    assert_eq!(
        outcome(TrialState::MetricsUnavailable, None),
        Outcome::Failed
    );
    assert_eq!(outcome(TrialState::Killed, Some(0.5)), Outcome::Dropped);
    assert_eq!(outcome(TrialState::Pending, None), Outcome::Pending);
    assert_eq!(outcome(TrialState::Running, Some(0.5)), Outcome::Pending);
}

#[test]
fn the_setting_random_state_overrides_the_experiments_seed() {
    let setting = AlgorithmSetting {
        name: "random_state".into(),
        value: "5".into(),
    };
    let algorithm = AlgorithmSpec {
        algorithm_name: "random".into(),
        algorithm_settings: vec![setting],
    };
    let experiment = ExperimentSpec {
        parameters: vec![int("a", 1, 4, 1, Distribution::Uniform)],
        algorithm: Some(algorithm),
        parallel_trial_count: Some(2),
        max_trial_count: Some(24),
        ..ExperimentSpec::default()
    };
    let spec = StudySpec::of(&experiment, 77).unwrap();
    assert_eq!(
        (
            spec.seed,
            spec.effective_seed(),
            spec.parallel,
            spec.max_trials
        ),
        (77, 5, Some(2), Some(24))
    );
}

#[test]
fn every_suggestion_has_its_own_stream() {
    let spec = spec();
    let draw = |index| spec.rng(index).random::<u64>();
    assert_ne!(draw(0), draw(1));
    let mut rng = spec.rng(0);
    let _: [u64; 9] = rng.random();
    rng.set_stream(7);
    assert_eq!(rng.random::<u64>(), draw(7));
}

#[test]
fn a_stored_trial_is_reported_by_the_objectives_strategy() {
    let record = serde_json::json!({
        "number": 3, "name": "t-3", "state": "Succeeded", "attempt": 1, "created": 0, "conditions": [],
        "assignments": [{"name": "a", "value": "2"}, {"name": "b", "value": "x"}],
        "observation": {"metrics": [
            {"name": "loss", "min": "0.1", "max": "0.9", "latest": "unavailable"},
            {"name": "late", "min": "unavailable", "max": "", "latest": "0.5"},
        ]},
    });
    let record = serde_json::from_value(record).unwrap();
    let value = |metric: &str, strategy| {
        let objective = Objective {
            metric: metric.into(),
            strategy,
            ..spec().objective
        };
        let report = Report::of(&record, &objective);
        assert_eq!((report.number, report.name.as_str()), (Some(3), "t-3"));
        report.value
    };
    assert_eq!(value("loss", MetricStrategyType::Min), Some(0.1));
    assert_eq!(value("loss", MetricStrategyType::Max), Some(0.9));
    assert_eq!(value("loss", MetricStrategyType::Latest), None);
    assert_eq!(value("late", MetricStrategyType::Min), Some(0.5));
    assert_eq!(value("late", MetricStrategyType::Max), Some(0.5));
    assert_eq!(value("accuracy", MetricStrategyType::Max), None);
}
