//! What holds for every problem of every suite.

use diwan_algorithms::space::Space;
use diwan_core::resources::{ObjectiveType, ParameterAssignment, ParameterType};
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;

use super::*;
use crate::pattern::expand;
use crate::problem::{Run, Values};
use crate::stream::Stream;

/// Every family in two instances, those with dimensions in 3.
fn names() -> Vec<ProblemName> {
    let pattern = |suite: &&dyn Suite| match suite.dimensions() {
        Some(_) => format!("{}/*/3d/i{{1-2}}", suite.name()),
        None => format!("{}/*/i{{0-1}}", suite.name()),
    };
    let patterns = SUITES.iter().map(pattern);
    patterns
        .flat_map(|pattern| expand(&pattern).unwrap())
        .collect()
}

/// Runs a problem at random points; the results of those that do not fail.
fn results(problem: &dyn Problem, count: u64) -> Vec<f64> {
    let space = Space::new(problem.parameters()).unwrap();
    let mut results = Vec::new();
    for seed in 0..count {
        let point = space.random(&mut ChaCha8Rng::seed_from_u64(seed));
        let assignments = space.assignments(&point);
        let values = Values::new(&assignments);
        let (run, truth) = (
            problem.run(&values, seed).unwrap(),
            problem.truth(&values).unwrap(),
        );
        assert_eq!(run, problem.run(&values, seed).unwrap(), "the same again");
        assert!(run.seconds() > 0.0);
        match run {
            Run::Reports(steps) => {
                assert!((1..=problem.steps()).contains(&steps.len()));
                assert!(steps.iter().all(|step| step.value.is_finite()));
                results.push(truth.unwrap());
            }
            Run::Fails(_) => assert_eq!(truth, None),
        }
    }
    results
}

#[test]
fn random_points_have_values_that_the_optimum_bounds() {
    for name in names() {
        let problem = name.make();
        let results = results(problem.as_ref(), 200);
        assert!(
            results.len() > 20,
            "{name}: {} points do not fail",
            results.len()
        );
        let optimum = problem.optimum().unwrap();
        let bounded = |value: &f64| match problem.objective() {
            ObjectiveType::Maximize => *value <= optimum,
            _ => *value >= optimum,
        };
        assert!(results.iter().all(bounded), "{name}");
        let differs = results.iter().any(|value| *value != results[0]);
        assert!(differs, "{name}");
    }
}

#[test]
fn instances_differ() {
    let mut names = names();
    names.sort_by_key(ToString::to_string);
    for pair in names.chunks(2) {
        let [one, two] = pair else {
            panic!("instances come in pairs")
        };
        let values = |name: &ProblemName| results(name.make().as_ref(), 5);
        assert_ne!(values(one), values(two), "{one} and {two}");
    }
}

#[test]
fn names_read_back() {
    for name in names() {
        let text = name.to_string();
        assert_eq!(text.parse::<ProblemName>().unwrap().to_string(), text);
    }
}

#[test]
fn noise_is_drawn_by_its_seed_and_means_nothing() {
    let problem = find("noisy/f1/3d/i1").unwrap();
    let space = Space::new(problem.parameters()).unwrap();
    let assignments = space.assignments(&space.at([0.5, 0.5, 0.5]));
    let values = Values::new(&assignments);
    let drawn: Vec<f64> = (0..500)
        .map(|seed| match problem.run(&values, seed).unwrap() {
            Run::Reports(steps) => steps[0].value,
            Run::Fails(_) => panic!("nothing fails here"),
        })
        .collect();
    let truth = problem.truth(&values).unwrap().unwrap();
    let count = drawn.len() as f64;
    let mean = drawn.iter().sum::<f64>() / count;
    let variance = drawn.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / count;
    assert!(variance > 0.0);
    assert!((mean - truth).abs() < 4.0 * (variance / count).sqrt());
}

/// The optimum that is said is reached, or nearly, by one of some local searches, and never passed.
#[test]
fn the_optimum_of_mixed_problems_is_there() {
    for name in expand("mixed/*/i{0-3}").unwrap() {
        let problem = name.make();
        let space = Space::new(problem.parameters()).unwrap();
        let optimum = problem.optimum().unwrap();
        let loss = |unit: &[f64]| {
            let assignments = space.assignments(&space.at(unit.iter().copied()));
            let truth = problem.truth(&Values::new(&assignments)).unwrap();
            let loss = truth.map_or(f64::INFINITY, |value| value - optimum);
            assert!(loss >= 0.0, "{name}: {loss} below its optimum");
            loss
        };
        let mut searches = (0..60).map(|seed| descend(&space, seed, loss));
        assert!(searches.any(|found| found < 0.02), "{name}");
    }
}

/// A random search that moves one or two coordinates by steps of many sizes; every other one never moves words.
fn descend(space: &Space, seed: u64, loss: impl Fn(&[f64]) -> f64) -> f64 {
    let mut stream = Stream::new("tests: descend", seed, 0);
    let dimensions = space.dimensions();
    let mut place: Vec<f64> = dimensions.iter().map(|_| stream.unit()).collect();
    let mut best = loss(&place);
    for round in 0..2000 {
        let mut next = place.clone();
        for _ in 0..=stream.below(2) {
            let moved = stream.below(next.len());
            let is_word = dimensions[moved].kind() == ParameterType::Categorical;
            if is_word && seed.is_multiple_of(2) {
                continue;
            }
            let reach = 0.5_f64.powi(1 + round % 10);
            next[moved] = match stream.below(5) {
                0 => stream.unit(),
                _ => (next[moved] + reach * stream.normal()).clamp(0.0, 1.0),
            };
        }
        let found = loss(&next);
        if found <= best {
            (place, best) = (next, found);
        }
    }
    best
}

#[test]
fn branches_need_only_what_counts() {
    let problem = find("mixed/branches/i0").unwrap();
    let given = [("model", "linear"), ("l1", "0.1"), ("l2", "0.1")];
    let assignments = given.map(|(name, value)| ParameterAssignment {
        name: name.into(),
        value: value.into(),
    });
    assert!(problem.run(&Values::new(&assignments), 0).is_ok());
    let error = problem.run(&Values::new(&assignments[..2]), 0).unwrap_err();
    assert_eq!(error.to_string(), "parameter l2 has no value");
}

#[test]
fn values_that_are_none_are_refused() {
    let problem = find("mixed/choice/i0").unwrap();
    let assignment = |value: &str| ParameterAssignment {
        name: "model".into(),
        value: value.into(),
    };
    let told = |value: &str| {
        problem
            .run(&Values::new(&[assignment(value)]), 0)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        told("zeta"),
        r#"parameter model: "zeta" is not one of alpha, beta, gamma, delta, epsilon"#
    );
}

/// The first recorded network: its hyperparameters lead to its own curve where it is present.
#[test]
fn a_recorded_configuration_finds_its_own_curve() {
    let given = [
        ("learning_rate", "0.00606242928"),
        ("alpha", "0.00184521205"),
        ("beta_1", "0.780746920"),
        ("batch_size", "221"),
        ("hidden", "8"),
        ("layers", "3"),
    ];
    let assignments = given.map(|(name, value)| ParameterAssignment {
        name: name.into(),
        value: value.into(),
    });
    let curve = |instance| {
        let problem = find(&format!("curves/digits/i{instance}")).unwrap();
        match problem.run(&Values::new(&assignments), 0).unwrap() {
            Run::Reports(steps) => steps.iter().map(|step| step.value).collect::<Vec<_>>(),
            Run::Fails(_) => panic!("nothing fails here"),
        }
    };
    let own = |curve: &Vec<f64>| curve[..3] == [0.1, 0.095, 0.105] && curve[80] == 0.8825;
    let present = (0..400).map(curve).filter(own).count();
    assert!(
        (200..=280).contains(&present),
        "present in {present} of 400"
    );
}
