use std::collections::HashSet;

use diwan_core::resources::{MetricStrategyType, ParameterSpec};

use super::*;
use crate::parameters::int;
use crate::problem::Run;
use crate::suite;

const NEVER: Faults = Faults {
    failures: 0.0,
    nans: 0.0,
    preemptions: 0.0,
    resumes: false,
};

/// A random search of `problem`.
fn setup<'a>(problem: &'a dyn Problem, budget: u64, workers: usize, faults: Faults) -> Setup<'a> {
    let mut study = StudySpec::new(problem.parameters(), "random").unwrap();
    study.objective.kind = problem.objective();
    study.objective.metric = problem.metric().to_owned();
    study.objective.strategy = MetricStrategyType::Latest;
    Setup {
        problem,
        study,
        settings: Vec::new(),
        stopping: None,
        budget,
        workers,
        faults,
        seed: 7,
    }
}

fn played(setup: Setup<'_>) -> Played {
    let caller = Caller {
        meter: &|| Duration::ZERO,
        goes_on: &|| true,
    };
    play(setup, &caller).unwrap()
}

/// How many trials run at once, at most.
fn most_at_once(trials: &[PlayedTrial]) -> usize {
    let at = |moment: f64| {
        let runs = |trial: &&PlayedTrial| trial.began <= moment && moment < trial.ended;
        trials.iter().filter(runs).count()
    };
    trials.iter().map(|trial| at(trial.began)).max().unwrap()
}

#[test]
fn workers_run_beside_one_another_and_the_budget_is_spent() {
    let problem = suite::find("bbob/f1/3d/i1").unwrap();
    for workers in [1, 4] {
        let played = played(setup(problem.as_ref(), 50, workers, NEVER));
        assert_eq!((played.trials.len(), &played.ending), (50, &Ending::Budget));
        assert_eq!(played.trials.last().unwrap().spent, 50);
        assert_eq!(most_at_once(&played.trials), workers);
        assert!(played.trials.is_sorted_by(|a, b| a.ended <= b.ended));
        let numbers: HashSet<u64> = played.trials.iter().map(|trial| trial.number).collect();
        assert_eq!(numbers, (0..50).collect());
    }
}

#[test]
fn the_same_seed_gives_the_same_and_another_does_not() {
    let problem = suite::find("noisy/f8/3d/i1").unwrap();
    let faults = Faults {
        failures: 0.2,
        nans: 0.1,
        preemptions: 0.3,
        resumes: true,
    };
    let with = |seed| {
        let mut setup = setup(problem.as_ref(), 60, 5, faults);
        setup.seed = seed;
        let trials = played(setup).trials.into_iter();
        // NaN is never equal to itself.
        trials.map(|trial| format!("{trial:?}")).collect::<Vec<_>>()
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn faults_come_as_often_as_they_should() {
    let problem = suite::find("bbob/f1/3d/i1").unwrap();
    let faults = Faults {
        failures: 0.2,
        nans: 0.1,
        ..NEVER
    };
    let trials = played(setup(problem.as_ref(), 1000, 8, faults)).trials;
    let count =
        |wanted: &dyn Fn(&PlayedTrial) -> bool| trials.iter().filter(|trial| wanted(trial)).count();
    assert!((150..250).contains(&count(&|trial| trial.state == TrialState::Failed)));
    assert!((50..120).contains(&count(&|trial| trial.value.is_some_and(f64::is_nan))));
    assert_eq!(count(&|trial| trial.truth.is_none()), 0);
}

/// Virtual time that all trials of an experiment take together.
fn work(problem: &dyn Problem, faults: Faults) -> f64 {
    let trials = played(setup(problem, 20, 1, faults)).trials;
    trials.last().unwrap().ended
}

#[test]
fn a_preemption_costs_time_and_more_without_checkpoints() {
    let problem = suite::find("curves/digits/i0").unwrap();
    let preempted = |resumes| Faults {
        preemptions: 1.0,
        resumes,
        ..NEVER
    };
    let [never, resumed, restarted] =
        [NEVER, preempted(true), preempted(false)].map(|faults| work(problem.as_ref(), faults));
    assert!(
        never < resumed && resumed < restarted,
        "{never} {resumed} {restarted}"
    );
    assert!(restarted < 4.0 * never);
}

#[test]
fn what_fails_by_itself_is_told_from_bad_luck() {
    let problem = suite::find("mixed/cliff/i0").unwrap();
    let trials = played(setup(problem.as_ref(), 100, 2, NEVER)).trials;
    let failed = trials
        .iter()
        .filter(|trial| trial.state == TrialState::Failed);
    assert!(failed.clone().count() > 10);
    assert!(
        failed
            .clone()
            .all(|trial| trial.truth.is_none() && trial.value.is_none())
    );
}

#[test]
fn stopping_early_leaves_the_budget_to_more_trials() {
    let problem = suite::find("curves/digits/i0").unwrap();
    let whole = played(setup(problem.as_ref(), 20, 3, NEVER));
    assert_eq!(whole.trials.len(), 20);
    let mut with_rule = setup(problem.as_ref(), 20, 3, NEVER);
    let settings = Settings::from_iter([("start_step", "10")]);
    with_rule.stopping = Some(Stopping::admit("medianstop", settings).unwrap());
    let stopped = played(with_rule);
    let early = stopped
        .trials
        .iter()
        .filter(|trial| trial.state == TrialState::EarlyStopped);
    assert!(early.count() > 3);
    assert!(stopped.trials.len() > 22, "{}", stopped.trials.len());
    let spent = stopped.trials.last().unwrap().spent;
    assert!((19 * 81..=20 * 81).contains(&spent), "{spent}");
}

/// Six points, which are all the same.
struct Few(Vec<ParameterSpec>);

impl Problem for Few {
    fn parameters(&self) -> &[ParameterSpec] {
        &self.0
    }

    fn optimum(&self) -> Option<f64> {
        None
    }

    fn run(&self, values: &Values<'_>, seed: u64) -> Result<Run, BadValue> {
        Ok(Run::once(0.0 * values.number("x")?, seed))
    }

    fn truth(&self, values: &Values<'_>) -> Result<Option<f64>, BadValue> {
        Ok(Some(0.0 * values.number("x")?))
    }
}

#[test]
fn a_finite_space_ends_when_all_its_points_have_come() {
    let problem = Few(vec![int("x", 1, 6)]);
    for workers in [1, 4, 9] {
        let played = played(setup(&problem, 20, workers, NEVER));
        assert_eq!((played.trials.len(), played.ending), (6, Ending::Exhausted));
    }
}

#[test]
fn a_caller_may_stop_it() {
    let problem = suite::find("bbob/f1/3d/i1").unwrap();
    let left = std::cell::Cell::new(5_u32);
    let goes_on = || left.replace(left.get().saturating_sub(1)) > 0;
    let caller = Caller {
        meter: &|| Duration::ZERO,
        goes_on: &goes_on,
    };
    let played = play(setup(problem.as_ref(), 50, 1, NEVER), &caller).unwrap();
    assert_eq!((played.trials.len(), played.ending), (5, Ending::Cancelled));
}
