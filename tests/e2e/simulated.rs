//! Experiments whose trials are played.

use std::collections::HashMap;

use serde_json::Value;

use crate::harness::{World, eventually, top};

/// The example with some of its text changed.
fn example(world: &World, changes: &[(&str, &str)]) -> String {
    let mut text = std::fs::read_to_string(top().join("examples/simulated.yaml")).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let file = world.file("simulated.yaml", &text);
    file.to_str().unwrap().to_owned()
}

/// How often a trial reported each step.
fn steps(world: &World, trial: &Value) -> HashMap<String, usize> {
    let name = trial["metadata"]["name"].as_str().unwrap();
    let told = world.run(["logs", name]).stdout;
    let mut steps = HashMap::new();
    for line in told.lines() {
        let step = line.split(' ').next().unwrap();
        *steps.entry(step.to_owned()).or_default() += 1;
    }
    steps
}

#[test]
fn the_example_runs_killed_or_not() {
    let world = World::new();
    let file = example(&world, &[("speedUp: 2", "speedUp: 6")]);
    let ended = || {
        world.status("simulated")["trialsSucceeded"]
            .as_u64()
            .unwrap_or(0)
    };
    for moment in [2, 9, 20] {
        let mut run = world.start(["run", &file]);
        let is_there = || world.run(["get", "experiments", "simulated"]).code == 0;
        eventually("the experiment is made", is_there);
        eventually("the moment of the kill", || ended() >= moment);
        run.signal("KILL");
        run.code();
    }
    let last = world.run(["run", &file, "-o", "json"]);
    assert_eq!(last.code, 0, "{}", last.stderr);
    let trials = world.trials("simulated");
    assert_eq!(trials.len(), 40);
    for trial in trials.iter().take(16) {
        let name = trial["metadata"]["name"].as_str().unwrap();
        let conditions = trial["status"]["conditions"].as_array().unwrap();
        let state = conditions.last().unwrap()["type"].as_str().unwrap();
        if state == "Succeeded" {
            let steps = steps(&world, trial);
            assert!(
                steps.len() == 81 && steps.values().all(|count| *count == 1),
                "{name}: {steps:?}"
            );
        }
    }
    let status = world.status("simulated");
    let best = &status["currentOptimalTrial"]["observation"]["metrics"][0]["max"];
    assert!(
        best.as_str().unwrap().parse::<f64>().unwrap() > 0.9,
        "{status}"
    );
}

#[test]
fn what_cannot_be_played_has_its_place() {
    let world = World::new();
    for (from, to, told) in [
        (
            "curves/digits/i0",
            "curves/digit/i0",
            r#"curves has no "digit"; did you mean "digits"?"#,
        ),
        (
            "          layers:",
            "          layer:",
            "the problem needs a value for layers",
        ),
        (
            "objectiveMetricName: accuracy",
            "objectiveMetricName: loss",
            "the simulated problem reports accuracy and nothing else",
        ),
    ] {
        let file = example(&world, &[(from, to)]);
        let ran = world.run(["run", &file]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(told), "{}", ran.stderr);
    }
}

/// However fast: what is judged waits for its verdict.
#[test]
fn a_fast_simulation_does_not_outrun_its_rule() {
    let stopped = |speed_up: &str| {
        let world = World::new();
        let file = example(
            &world,
            &[
                (
                    "algorithmName: sobol",
                    "algorithmName: random\n  earlyStopping:\n    algorithmName: asha",
                ),
                ("speedUp: 2", speed_up),
                ("failures: 0.1", "failures: 0"),
            ],
        );
        let ran = world.run(["run", &file]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        world.status("simulated")["trialsEarlyStopped"]
            .as_u64()
            .unwrap_or(0)
    };
    let fast = stopped("speedUp: 1000");
    assert!(fast >= 20, "{fast} of 40");
}

#[test]
fn an_algorithm_brings_its_own_rule() {
    let world = World::new();
    let file = example(
        &world,
        &[
            ("algorithmName: sobol", "algorithmName: bohb"),
            ("speedUp: 2", "speedUp: 1"),
            ("failures: 0.1", "failures: 0"),
        ],
    );
    let ran = world.run(["run", &file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let status = world.status("simulated");
    let count = |name: &str| status[name].as_u64().unwrap_or(0);
    assert_eq!(count("trialsSucceeded") + count("trialsEarlyStopped"), 40);
    assert!(count("trialsEarlyStopped") >= 10, "{status}");
    let guided = |trial: &Value| trial["metadata"]["labels"]["by"] == "model";
    assert!(world.trials("simulated").iter().any(guided));
}

#[test]
fn configurations_are_tried_again_with_more_of_the_resource() {
    let world = World::new();
    let file = example(
        &world,
        &[
            (
                "algorithmName: sobol",
                "algorithmName: hyperband\n    algorithmSettings:\n      - {name: resource_name, value: epochs}\n      - {name: r_l, value: \"9\"}",
            ),
            ("maxTrialCount: 40", "maxTrialCount: 22"),
            (
                "    - name: layers\n",
                "    - name: epochs\n      parameterType: int\n      feasibleSpace: {min: \"1\", max: \"81\"}\n    - name: layers\n",
            ),
            (
                "      - {name: layers, reference: layers}\n",
                "      - {name: layers, reference: layers}\n      - {name: epochs, reference: epochs}\n",
            ),
            (
                "          layers:",
                "          epochs: ${trialParameters.epochs}\n          layers:",
            ),
            ("curves/digits/i0", "curves/digits-epochs/i0"),
            ("speedUp: 2", "speedUp: 20"),
        ],
    );
    let ran = world.run(["run", &file]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut epochs = HashMap::new();
    for trial in world.trials("simulated") {
        let label = |name: &str| {
            trial["metadata"]["labels"][name]
                .as_str()
                .unwrap()
                .to_owned()
        };
        *epochs.entry((label("bracket"), label("rung"))).or_insert(0) += 1;
    }
    let place = |bracket: &str, rung: &str| epochs[&(bracket.to_owned(), rung.to_owned())];
    assert_eq!(
        (place("0", "0"), place("0", "1"), place("0", "2")),
        (9, 3, 1)
    );
    assert_eq!(
        (place("1", "0"), place("1", "1"), place("2", "0")),
        (5, 1, 3)
    );
}
