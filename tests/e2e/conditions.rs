//! Parameters that have an effect only under a condition.

use serde_json::{Value, json};

use crate::harness::{World, experiment};

/// A grid over `kind`, and over `x` if that is `net`.
fn conditional() -> String {
    let text = experiment("case", 9, 1, "echo score=$X");
    let text = text.replace("algorithmName: random", "algorithmName: grid");
    let settings = &text
        [text.find("    algorithmSettings:").unwrap()..text.find("  parallelTrialCount").unwrap()];
    let (range, kind) = (
        "parameterType: double\n      feasibleSpace:\n        min: \"0\"\n        max: \"1\"\n",
        "    - name: kind\n      parameterType: categorical\n      feasibleSpace: {list: [line, net]}\n",
    );
    let whole = "parameterType: int\n      feasibleSpace: {min: 2, max: 4}\n      condition: {parent: kind, values: [net]}\n";
    assert!(text.contains(range));
    text.replace(settings, "")
        .replace("maxTrialCount: 9", "maxTrialCount: 4")
        .replace(range, &format!("{whole}{kind}"))
        .replace(
            "      - name: x\n",
            "      - {name: kind, reference: kind}\n      - name: x\n",
        )
        .replace(
            "                env:\n",
            "                args: [\"${trialParameters.kind}\"]\n                env:\n",
        )
}

#[test]
fn a_trial_without_the_parameter_gets_its_lowest_value_and_is_suggested_once() {
    let world = World::new();
    let file = world.file("case.yaml", &conditional());
    let ran = world.run(["run", file.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let seen = |trial: &Value| {
        let assignments = trial["spec"]["parameterAssignments"].as_array().unwrap();
        let values = assignments.iter().map(|one| one["value"].as_str().unwrap());
        let score = trial["status"]["observation"]["metrics"][0]["latest"].clone();
        (values.collect::<Vec<_>>().join(" "), score)
    };
    let trials = world.trials("case");
    let mut seen: Vec<_> = trials.iter().map(seen).collect();
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [
        ("2 net", "2"),
        ("3 net", "3"),
        ("4 net", "4"),
        ("line", "2"),
    ];
    assert_eq!(
        seen,
        expected.map(|(values, score)| (values.to_owned(), json!(score)))
    );
    let described = world.run(["describe", "experiment", "case"]).stdout;
    assert!(
        described.contains("x     int          2 to 4"),
        "{described}"
    );
    assert!(described.contains("if kind is net"), "{described}");
}

#[test]
fn more_trials_than_configurations_are_refused() {
    let world = World::new();
    let text = conditional().replace("maxTrialCount: 4", "maxTrialCount: 5");
    let file = world.file("case.yaml", &text);
    let ran = world.run(["validate", file.to_str().unwrap()]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.stderr
            .contains("5 > all possible search combinations: 4"),
        "{}",
        ran.stderr
    );
}
