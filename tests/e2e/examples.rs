//! Every file below `examples/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{World, top};

fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(yaml_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The last column of the table in `examples/katib/README.md`, by file.
fn promised() -> BTreeMap<PathBuf, String> {
    let text = std::fs::read_to_string(top().join("examples/katib/README.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let file = cells.first()?.split_once('(')?.1.split_once(')')?.0;
        Some((
            top().join("examples/katib").join(file),
            cells.last()?.trim_end_matches(" |").to_owned(),
        ))
    };
    text.lines()
        .filter(|line| line.starts_with("| ["))
        .filter_map(row)
        .collect()
}

/// Texts between backticks, up to the `…` that stands for the rest.
fn quoted(promise: &str) -> impl Iterator<Item = &str> {
    promise
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|text| text.trim_end_matches('…').trim_end_matches(": "))
}

#[test]
fn each_is_accepted_or_refused_as_promised() {
    let world = World::new();
    let promised = promised();
    let files = yaml_files(&top().join("examples"));
    assert!(files.len() > 35 && promised.len() > 33);
    for path in promised.keys() {
        assert!(
            files.contains(path),
            "{} is in the table only",
            path.display()
        );
    }
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        if !text.contains("kind: Experiment") {
            continue;
        }
        let of_katib = path.starts_with(top().join("examples/katib"));
        let promise = promised.get(&path).map_or("accepted", String::as_str);
        assert!(
            !of_katib || promised.contains_key(&path),
            "{} is not in the table",
            path.display()
        );
        let ran = world.run(["validate", path.to_str().unwrap()]);
        if promise.starts_with("accepted") {
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            let needs_a_service = ran
                .stderr
                .contains("is not built in; name a service that has it with --suggestion-service ");
            let is_for_a_cluster = ran.stderr.contains("this machine cannot run it:");
            assert_eq!(
                is_for_a_cluster,
                promise.contains("cannot run on this machine"),
                "{}",
                ran.stderr
            );
            assert!(
                ran.stderr.is_empty() || needs_a_service || is_for_a_cluster,
                "{}",
                ran.stderr
            );
            continue;
        }
        assert!(promise.starts_with("**refused**"), "{promise}");
        assert_eq!(ran.code, 2, "{}", path.display());
        for reason in quoted(promise) {
            let long = ran
                .stderr
                .lines()
                .any(|line| line.starts_with("cause: ") && line.contains(reason));
            assert!(
                long || reason == "optimizer" && ran.stderr.contains("parameter name: optimizer"),
                "{reason}: {}",
                ran.stderr
            );
        }
    }
}

/// Runs an example with fewer and shorter trials, and the files beside it; its status and its trials.
fn run(name: &str, edits: &[(&str, &str)]) -> (Value, Vec<Value>) {
    let world = World::new();
    let path = top().join("examples/katib").join(name);
    let mut text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    if text.contains("configMapName") {
        let templates = path.with_file_name("templates.yaml");
        std::fs::copy(templates, world.path("templates.yaml")).unwrap();
    }
    let file = world.file("example.yaml", &text);
    let experiment = world.json(["run", file.to_str().unwrap(), "-o", "json"]);
    assert_eq!(experiment["kind"], "Experiment");
    let name = experiment["metadata"]["name"].as_str().unwrap();
    let trials = world.json(["get", "trials", "-n", "kubeflow", "-e", name, "-o", "json"]);
    (
        experiment["status"].clone(),
        trials["items"].as_array().unwrap().clone(),
    )
}

fn last_condition(status: &Value) -> &Value {
    status["conditions"].as_array().unwrap().last().unwrap()
}

#[test]
fn metrics_of_files_are_collected() {
    for name in [
        "file-metrics-collector.yaml",
        "file-metrics-collector-with-json-format.yaml",
    ] {
        let (status, trials) = run(&format!("metrics-collector/{name}"), &[]);
        assert_eq!(last_condition(&status)["type"], "Succeeded", "{name}");
        let count = trials.len();
        assert_eq!(status["trialsSucceeded"], count, "{name}");
        let metric = &status["currentOptimalTrial"]["observation"]["metrics"][0];
        assert_eq!(metric["name"], "loss");
        // The losses of a trial fall, and the smallest counts.
        let number = |field: &str| metric[field].as_str().unwrap().parse::<f64>().unwrap();
        assert!(
            number("min") < number("max") && metric["latest"] == metric["min"],
            "{metric}"
        );
    }
}

#[test]
fn strategies_say_which_value_counts() {
    let edits = [
        ("algorithmName: tpe", "algorithmName: random"),
        ("    goal: 0.99\n", ""),
    ];
    let (status, trials) = run("metrics-collector/metrics-collection-strategy.yaml", &edits);
    assert_eq!(last_condition(&status)["type"], "Succeeded");
    let latest = |trial: &Value| {
        let metric = &trial["status"]["observation"]["metrics"][0];
        assert_eq!(metric["name"], "accuracy");
        metric["latest"].as_str().unwrap().parse::<f64>().unwrap()
    };
    let best = trials
        .iter()
        .max_by(|one, other| latest(one).total_cmp(&latest(other)))
        .unwrap();
    let optimal = &status["currentOptimalTrial"]["observation"]["metrics"];
    assert_eq!(optimal, &best["status"]["observation"]["metrics"]);
    assert_eq!(optimal[1]["name"], "loss");
}

#[test]
fn bad_trials_are_stopped_by_the_median() {
    let (status, trials) = run(
        "early-stopping/median-stop.yaml",
        &[
            ("sleep 1", "sleep 0.2"),
            // Points of which some are worse than the median.
            (
                "algorithmName: random",
                "algorithmName: random\n    algorithmSettings: [{name: random_state, value: \"7\"}]",
            ),
        ],
    );
    assert_eq!(last_condition(&status)["type"], "Succeeded");
    let stopped = status["trialsEarlyStopped"].as_u64().unwrap_or(0);
    assert!(stopped > 0, "{status}");
    let of_type = |kind: &str| {
        trials
            .iter()
            .filter(|trial| last_condition(&trial["status"])["type"] == kind)
            .count()
    };
    assert_eq!(of_type("EarlyStopped") as u64, stopped);
}

#[test]
fn a_template_knows_its_trial() {
    let shown = (
        "sh\n                  - -c\n                  - |-\n",
        "sh\n                  - -c\n                  - |-\n                    echo \"$TRIAL_NAME $TRIAL_NAMESPACE $JOB_KIND $JOB_API_VERSION $TEAM $DATASET\" >&2\n",
    );
    let (status, trials) = run("trial-template/trial-metadata-substitution.yaml", &[shown]);
    assert_eq!(last_condition(&status)["type"], "Succeeded");
    for trial in &trials {
        let env = trial["spec"]["runSpec"]["spec"]["template"]["spec"]["containers"][0]["env"]
            .as_array()
            .unwrap();
        let values: Vec<&str> = env
            .iter()
            .map(|variable| variable["value"].as_str().unwrap())
            .collect();
        let name = trial["metadata"]["name"].as_str().unwrap();
        assert_eq!(
            values,
            [name, "kubeflow", "Job", "batch/v1", "vision", "digits"]
        );
    }
}

#[test]
fn a_template_comes_from_a_config_map_beside_the_file() {
    let (status, trials) = run("trial-template/trial-configmap-valid.yaml", &[]);
    assert_eq!(last_condition(&status)["type"], "Succeeded");
    assert_eq!(status["trialsSucceeded"], trials.len());
}

#[test]
fn a_finished_search_goes_on_with_a_larger_budget() {
    for name in ["long-running-resume.yaml", "from-volume-resume.yaml"] {
        let world = World::new();
        let path = top().join("examples/katib/resume-experiment").join(name);
        // No goal: how soon it is reached is up to chance.
        let text = std::fs::read_to_string(path)
            .unwrap()
            .replace("    goal: 0.001\n", "");
        let file = world.file("resume.yaml", &text);
        let file = file.to_str().unwrap();
        let before = world.json(["run", file, "-o", "json"])["status"]["trialsSucceeded"]
            .as_u64()
            .unwrap();
        std::fs::write(
            file,
            text.replace(
                &format!("maxTrialCount: {before}"),
                &format!("maxTrialCount: {}", before + 2),
            ),
        )
        .unwrap();
        let after = world.json(["run", file, "-o", "json"])["status"].clone();
        assert_eq!(after["trialsSucceeded"], before + 2, "{name}");
        assert_eq!(
            last_condition(&after)["reason"],
            "ExperimentMaxTrialsReached"
        );
    }
}

#[test]
fn the_quickstart_reads_digits() {
    let world = World::new();
    let file = top().join("examples/quickstart.yaml");
    let experiment = world.json(["run", file.to_str().unwrap(), "-o", "json"]);
    let status = &experiment["status"];
    assert_eq!(
        (&status["trials"], &status["trialsSucceeded"]),
        (&Value::from(24), &Value::from(24))
    );
    let best = &status["currentOptimalTrial"]["observation"]["metrics"][0];
    assert_eq!(best["name"], "validation-accuracy");
    assert!(
        best["max"].as_str().unwrap().parse::<f64>().unwrap() > 0.95,
        "{best}"
    );
}
