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
