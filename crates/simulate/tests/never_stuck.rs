//! Every algorithm of the registry carries an experiment to its end, whatever becomes of its trials.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use diwan_algorithms::algorithm::Algorithm;
use diwan_algorithms::registry::{self, ALGORITHMS};
use diwan_algorithms::settings::Settings;
use diwan_algorithms::space::Size;
use diwan_algorithms::stopping::{STOPPING_RULES, Stopping};
use diwan_algorithms::study::StudySpec;
use diwan_core::record::TrialState;
use diwan_simulate::play::{Caller, Ending, Faults, Played, PlayedTrial, Setup, play};
use diwan_simulate::problem::Problem;
use diwan_simulate::suite;

/// Real numbers, a finite space, what fails by itself, conditions, learning curves.
const PROBLEMS: [&str; 5] = [
    "bbob/f8/5d/i1",
    "mixed/plateaus/i0",
    "mixed/cliff/i0",
    "mixed/branches/i0",
    "curves/digits/i0",
];

/// 500 trials on the first problem that an algorithm accepts, fewer on the others.
const TRIALS: [u64; 5] = [500, 100, 100, 100, 50];

/// Plays an experiment of 8 workers, in which a fifth of the trials fails and one in twenty gives NaN; nothing if the algorithm
/// refuses the problem.
fn played(
    problem: &dyn Problem,
    algorithm: &str,
    settings: &[(&str, &str)],
    stopping: Option<Stopping>,
    budget: u64,
) -> Option<Played> {
    let mut study = StudySpec::new(problem.parameters(), algorithm).unwrap();
    study.settings = Settings::from_iter(settings.iter().copied());
    study.objective.kind = problem.objective();
    study.parallel = Some(8);
    study.max_trials = Some(budget);
    registry::validate(&study).ok()?;
    let setup = Setup {
        problem,
        study,
        settings: Vec::new(),
        stopping,
        budget,
        workers: 8,
        faults: Faults {
            failures: 0.2,
            nans: 0.05,
            preemptions: 0.1,
            resumes: true,
        },
        seed: 1,
    };
    let caller = Caller {
        meter: &|| Duration::ZERO,
        goes_on: &|| true,
    };
    Some(play(setup, &caller).unwrap())
}

fn carries_on(algorithm: &str) {
    let mut budgets = TRIALS.into_iter();
    for name in PROBLEMS {
        let problem = suite::find(name).unwrap();
        let context = format!("{algorithm} on {name}");
        let budget = budgets.clone().next().unwrap();
        let Some(played) = played(problem.as_ref(), algorithm, &[], None, budget) else {
            continue;
        };
        budgets.next();
        let study = StudySpec::new(problem.parameters(), algorithm).unwrap();
        let points: HashSet<_> = played
            .trials
            .iter()
            .map(|trial| study.space.point(&trial.assignments).unwrap())
            .collect();
        let spent = played.trials.last().unwrap().spent;
        let whole = spent.div_ceil(played.steps);
        match played.ending {
            Ending::Budget => assert_eq!(whole, budget, "{context}"),
            Ending::Exhausted => {
                let all = Size::Finite(points.len() as u128);
                assert_eq!(study.space.size(), all, "{context}");
            }
            ending => panic!("{context}: {ending:?} after {whole} trials"),
        }
        assert_eq!(
            points.len(),
            played.trials.len(),
            "{context}: a point came twice"
        );
    }
    assert!(
        budgets.len() < TRIALS.len(),
        "{algorithm} accepts no problem"
    );
}

#[test]
fn every_algorithm_carries_an_experiment_to_its_end() {
    thread::scope(|scope| {
        for algorithm in ALGORITHMS {
            scope.spawn(|| carries_on(algorithm.name()));
        }
    });
}

/// Brackets of successive halving repeat until the budget is spent, whatever becomes of their trials.
#[test]
fn trials_that_are_started_again_with_more_carry_an_experiment_to_its_end() {
    let problem = suite::find("curves/digits-epochs/i0").unwrap();
    let settings = [("resource_name", "epochs"), ("r_l", "81"), ("eta", "3")];
    let mut accepted = 0;
    for algorithm in ALGORITHMS {
        let name = algorithm.name();
        let Some(played) = played(problem.as_ref(), name, &settings, None, 100) else {
            continue;
        };
        accepted += 1;
        assert_eq!(played.ending, Ending::Budget, "{name}");
        assert!(played.trials.len() > 500, "{name}: most trials get little");
        let points: HashSet<_> = played.trials.iter().map(text).collect();
        assert_eq!(
            points.len(),
            played.trials.len(),
            "{name}: a point came twice"
        );
    }
    assert!(accepted > 0, "no algorithm takes resource_name any more");
}

/// So do those that stop trials by a rule of their own, while trials fail, give NaN and are taken away. Most are stopped, so
/// the budget is that of many more trials than 500, but no more than a debug build plays in some seconds.
#[test]
fn a_rule_of_its_own_carries_an_experiment_to_its_end() {
    let problem = suite::find("curves/digits/i0").unwrap();
    let halves = |algorithm: &dyn Algorithm| {
        let name = algorithm.name();
        let study = StudySpec::new(problem.parameters(), name).unwrap();
        let rule = algorithm.stopping(&study)?;
        let played = played(problem.as_ref(), name, &[], Some(rule), 200).unwrap();
        let stopped = |trial: &&PlayedTrial| trial.state == TrialState::EarlyStopped;
        let stopped = played.trials.iter().filter(stopped).count();
        let all = played.trials.len();
        assert_eq!(played.ending, Ending::Budget, "{name}");
        assert!(
            all > 500 && stopped > all / 2,
            "{name}: {stopped} of {all} stopped"
        );
        let points: HashSet<_> = played.trials.iter().map(text).collect();
        assert_eq!(points.len(), all, "{name}: a point came twice");
        Some(())
    };
    let with_rules = ALGORITHMS.iter().filter_map(|algorithm| halves(*algorithm));
    assert!(with_rules.count() > 0, "no algorithm has a rule any more");
}

fn text(trial: &PlayedTrial) -> String {
    format!("{:?}", trial.assignments)
}

#[test]
fn every_stopping_rule_lets_an_experiment_end() {
    let problem = suite::find("curves/digits/i0").unwrap();
    for rule in STOPPING_RULES {
        // One that takes nothing without a setting judges nothing without it either.
        let Ok(stopping) = Stopping::of(*rule, Settings::default()) else {
            continue;
        };
        let played = played(problem.as_ref(), "random", &[], Some(stopping), 40).unwrap();
        let spent = played.trials.last().unwrap().spent;
        assert_eq!(played.ending, Ending::Budget, "{}", rule.name());
        assert_eq!(spent.div_ceil(played.steps), 40, "{}", rule.name());
    }
}
