//! What a run prints, and a suggestion.

use std::process::Command;

use serde_json::{Value, json};

use super::{finished, yaml};
use crate::harness::{World, experiment};

#[test]
fn a_run_prints_the_experiment_as_katib_shows_it() {
    let world = World::new();
    let file = world.file("case.yaml", &experiment("case", 3, 1, "echo score=$X"));
    let ran = world.run(["run", file.to_str().unwrap(), "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&document["apiVersion"], &document["kind"]),
        (&json!("kubeflow.org/v1beta1"), &json!("Experiment"))
    );
    let status = &document["status"];
    let conditions: Vec<(&str, &str, &str)> = status["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["type"].as_str().unwrap(),
                one["status"].as_str().unwrap(),
                one["reason"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("Created", "True", "ExperimentCreated"),
        ("Running", "False", "ExperimentRunning"),
        ("Succeeded", "True", "ExperimentMaxTrialsReached"),
    ];
    assert_eq!(conditions, expected);
    assert_eq!(
        (&status["trials"], &status["trialsSucceeded"]),
        (&json!(3), &json!(3))
    );
    assert!(
        status.get("trialsFailed").is_none() && status.get("runningTrialList").is_none(),
        "{status}"
    );
    assert!(status["startTime"].is_string() && status["completionTime"].is_string());
    let names = world.run(["get", "trials", "-o", "name"]).stdout;
    assert_eq!(
        status["succeededTrialList"],
        json!(names.lines().collect::<Vec<_>>())
    );
    let optimal = &status["currentOptimalTrial"];
    assert!(names.contains(optimal["bestTrialName"].as_str().unwrap()));
    let x = &optimal["parameterAssignments"][0];
    let metric = &optimal["observation"]["metrics"][0];
    assert_eq!(
        metric,
        &json!({"name": "score", "min": x["value"], "max": x["value"], "latest": x["value"]})
    );
    assert_eq!(
        yaml(&world, &["run", file.to_str().unwrap(), "-o", "yaml"]),
        std::slice::from_ref(&document)
    );
    assert_eq!(
        world.json(["get", "experiments", "case", "-o", "json"]),
        document
    );
    let best = world
        .run(["run", file.to_str().unwrap(), "-o", "name"])
        .stdout;
    assert_eq!(best.trim(), optimal["bestTrialName"]);
}

#[test]
fn a_run_ends_with_the_best_trial_and_what_to_type_next() {
    let (world, file) = finished();
    let ran = world.run(["run", &file]);
    let best = world.status("case")["currentOptimalTrial"].clone();
    let (name, x) = (
        best["bestTrialName"].as_str().unwrap(),
        best["parameterAssignments"][0]["value"].as_str().unwrap(),
    );
    assert_eq!(
        ran.stdout,
        format!("best trial  {name}\n  score  {x}\nparameters\n  x      {x}\n")
    );
    let next = ran.stderr.split_once("next:\n").unwrap().1;
    for line in next.lines() {
        let words = line
            .trim()
            .strip_prefix(concat!(env!("CARGO_BIN_EXE_diwan"), " "))
            .unwrap()
            .split(' ')
            .take_while(|word| *word != ">");
        let typed = Command::new(env!("CARGO_BIN_EXE_diwan"))
            .args(words)
            .output()
            .unwrap();
        assert!(typed.status.success() && !typed.stdout.is_empty(), "{line}");
    }
    assert_eq!(next.lines().count(), 4);
}

#[test]
fn what_to_type_next_is_quoted_where_a_shell_needs_it() {
    let world = World::new();
    let directory = world.path("my $HOME; it's data");
    std::fs::create_dir(&directory).unwrap();
    let world = world.with_database(&directory.join("diwan.db"));
    let file = world.file("case.yaml", &experiment("case", 1, 1, "echo score=$X"));
    let ran = world.run(["run", file.to_str().unwrap()]);
    let next = ran.stderr.split_once("next:\n").unwrap().1;
    for line in next.lines() {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(world.path(""));
        let typed = shell.output().unwrap();
        assert!(typed.status.success(), "{line}: {typed:?}");
    }
    assert_eq!(next.lines().count(), 4);
    let exported = std::fs::read_to_string(world.path("case.csv")).unwrap();
    assert_eq!(exported.lines().count(), 2);
}

/// What `run` says of an experiment without a single success, from the line that says so on.
fn said_of_failures(world: &World, script: &str, change: impl Fn(String) -> String) -> Vec<String> {
    let file = world.file("case.yaml", &change(experiment("case", 2, 1, script)));
    let ran = world.run(["run", file.to_str().unwrap()]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
    let mut said = ran
        .stderr
        .lines()
        .skip_while(|line| !line.starts_with("experiment case "));
    assert_eq!(
        said.next(),
        Some("experiment case has ended without a result")
    );
    let quiet = world.run(["run", file.to_str().unwrap(), "-o", "name"]);
    assert_eq!((quiet.code, quiet.stdout.as_str()), (1, ""));
    assert!(
        quiet.stderr.contains("error: no trial succeeded\n"),
        "{}",
        quiet.stderr
    );
    said.skip(1).take(4).map(str::to_owned).collect()
}

#[test]
fn a_run_without_success_says_which_trial_failed_first_and_of_what() {
    let world = World::new();
    let said = said_of_failures(
        &world,
        "echo x >&2; echo NoModule: $X >&2; exit 3",
        |text| text,
    );
    let first = &world.trials("case")[0];
    let name = first["metadata"]["name"].as_str().unwrap();
    let x = first["spec"]["parameterAssignments"][0]["value"]
        .as_str()
        .unwrap();
    assert_eq!(
        said[..2],
        [
            "error: no trial succeeded".to_owned(),
            format!(
                "cause: trial {name}: Trial has failed. Job message: exit code 3; last lines of stderr: … NoModule: {x}"
            ),
        ]
    );
    let typed = said[2].split('`').nth(1).unwrap();
    let ran = Command::new("sh").args(["-c", typed]).output().unwrap();
    assert!(ran.status.success(), "{typed}");
    assert!(String::from_utf8(ran.stdout).unwrap().contains("NoModule"));
    assert!(said[3].starts_with("next:"), "{said:?}");
}

#[test]
fn a_run_whose_metrics_are_missing_says_how_to_look_for_them() {
    let world = World::new();
    let said = said_of_failures(&world, "echo scoer=$X", |text| text);
    assert!(said[1].ends_with(" but never reported score"), "{said:?}");
    let log = said[2]
        .split(['`', ' '])
        .find(|word| word.ends_with(".stdout.log"));
    let sample = log.unwrap_or_else(|| panic!("{said:?}"));
    let file = world.path("case.yaml");
    let told = world
        .run(["validate", file.to_str().unwrap(), "--log", sample])
        .stdout;
    assert!(told.contains("the sample has scoer"), "{told}");

    let world = World::new();
    let collector = "metricsCollectorSpec: {collector: {kind: Push}}";
    let pushes = |text: String| text.replacen("\nspec:\n", &format!("\nspec:\n  {collector}\n"), 1);
    let said = said_of_failures(&world, "true", pushes);
    assert!(
        said[2].starts_with("hint: trials report by gRPC"),
        "{said:?}"
    );
    assert!(said[2].contains(" serve`, which must run"), "{said:?}");
}

#[test]
fn talk_is_not_data() {
    let world = World::new();
    let file = world.file("case.yaml", &experiment("case", 3, 1, "echo score=$X"));
    let ran = world.run(["run", file.to_str().unwrap()]);
    assert!(
        ran.stdout.starts_with("best trial  case-"),
        "{}",
        ran.stdout
    );
    assert!(ran.stderr.contains("experiment case: Experiment has succeeded because max trial count has reached\ntrials: 3 of 3 done: 3 succeeded in "), "{}", ran.stderr);
    let quiet = world.run(["run", file.to_str().unwrap(), "--quiet", "-o", "csv"]);
    assert_eq!(quiet.stdout.lines().next(), Some("kind,name,value"));
    assert_eq!(quiet.stderr, "experiment case exists and has ended\n");
}

#[test]
fn one_suggestion_is_what_a_run_would_try_next() {
    let (world, file) = finished();
    let history = world.file(
        "history.json",
        &world.run(["get", "trials", "-o", "json"]).stdout,
    );
    let lines_of = world.file(
        "history.jsonl",
        &world.run(["export", "case", "-o", "json"]).stdout,
    );
    let table = world.file("history.csv", &world.run(["export", "case"]).stdout);
    let points = |document: Value| -> Vec<Value> {
        let list = document["suggestions"].as_array().unwrap();
        list.iter()
            .map(|one| one["parameterAssignments"].clone())
            .collect()
    };
    let tried: Vec<Value> = world
        .trials("case")
        .iter()
        .map(|trial| trial["spec"]["parameterAssignments"].clone())
        .collect();
    assert_eq!(
        points(world.json(["suggest", &file, "--count", "3"])),
        tried
    );

    let edited = std::fs::read_to_string(&file)
        .unwrap()
        .replace("maxTrialCount: 3", "maxTrialCount: 5");
    let next = points(world.json([
        "suggest",
        &file,
        "--count",
        "2",
        "--history",
        history.to_str().unwrap(),
    ]));
    for other in [lines_of, table] {
        let other = other.to_str().unwrap();
        let found = world.json(["suggest", &file, "--count", "2", "--history", other]);
        assert_eq!(points(found), next, "{other}");
    }
    let mut piped = world.diwan(["suggest", &file, "--count", "2", "--history", "-"]);
    piped.stdin(std::fs::File::open(world.path("history.csv")).unwrap());
    let piped = piped.output().unwrap().stdout;
    assert_eq!(points(serde_json::from_slice(&piped).unwrap()), next);
    let both = world.run(["suggest", "-", "--history", "-"]);
    let refusal = "error: standard input cannot be the experiment and the history\n";
    assert!(
        both.code == 2 && both.stderr.starts_with(refusal),
        "{both:?}"
    );
    std::fs::write(&file, edited).unwrap();
    assert_eq!(world.run(["run", &file]).code, 0);
    let tried: Vec<Value> = world
        .trials("case")
        .iter()
        .skip(3)
        .map(|trial| trial["spec"]["parameterAssignments"].clone())
        .collect();
    assert_eq!(next, tried);
}

#[test]
fn a_table_keeps_what_an_evolution_strategy_goes_by() {
    let world = World::new();
    let text = experiment("case", 12, 3, "echo score=$X")
        .replace("algorithmName: random", "algorithmName: cmaes");
    let file = world.file("case.yaml", &text);
    let file = file.to_str().unwrap();
    assert_eq!(world.run(["run", file, "--quiet"]).code, 0);
    let next = |history: &str, text: &str| {
        let history = world.file(history, text);
        let ran = world.run(["suggest", file, "--history", history.to_str().unwrap()]);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        (document["suggestions"].clone(), ran.stderr)
    };
    let json = world.run(["export", "case", "-o", "json"]).stdout;
    let expected = next("history.json", &json);
    let label = expected.0[0]["labels"]["cmaes"].as_str().unwrap();
    assert!(
        !label.starts_with("0."),
        "not the first generation: {label}"
    );
    assert_eq!(expected.1, "");
    let table = world.run(["export", "case"]).stdout;
    assert_eq!(next("export.csv", &table), expected);
    let listed = world.run(["get", "trials", "-o", "csv"]).stdout;
    assert_eq!(next("trials.csv", &listed), expected);

    // The labels are the last column, and the only one with quotes.
    let cut = |line: &str| line.split(",\"").next().unwrap().to_owned();
    let lines: Vec<String> = table.replacen(",labels", "", 1).lines().map(cut).collect();
    let (points, warning) = next("cut.csv", &lines.join("\n"));
    assert_eq!(points.as_array().unwrap().len(), 1);
    assert_eq!(
        warning,
        "warning: the history has no column labels, so cmaes does not know which of its trials were its own suggestions; \
         write the labels of each suggestion there as JSON, as `diwan export` and `diwan suggest -o csv` do\n"
    );
    let suggested = world.run(["suggest", file, "-o", "csv"]).stdout;
    let (titles, point) = suggested.split_once('\n').unwrap();
    assert_eq!(titles, "x,labels");
    assert!(point.contains("\"\"cmaes\"\":\"\"0.0\"\""), "{point}");
}

#[test]
fn a_grid_is_exhausted() {
    let world = World::new();
    let text = experiment("case", 9, 2, "echo score=$X")
        .replace("algorithmName: random", "algorithmName: grid")
        .replace(
            "    algorithmSettings:\n      - name: random_state\n        value: \"7\"\n",
            "",
        )
        .replace("max: \"1\"", "max: \"1\"\n        step: \"0.5\"");
    let file = world.file("grid.yaml", &text);
    for verb in ["validate", "run"] {
        let ran = world.run([verb, file.to_str().unwrap()]);
        let refusal = ":13:18: spec.maxTrialCount: Invalid value: Max Trial Count: 9 > all possible search combinations: 3\n";
        assert!(ran.code == 2 && ran.stderr.ends_with(refusal), "{ran:?}");
    }
    let text = text.replace("  maxTrialCount: 9\n", "");
    let file = world.file("grid.yaml", &text);
    let file = file.to_str().unwrap();
    let ran = world.run(["suggest", file, "--count", "9"]);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (
            document["suggestions"].as_array().unwrap().len(),
            &document["state"]
        ),
        (3, &json!("exhausted"))
    );
    assert_eq!(
        ran.stderr,
        "the search is exhausted: there are no more points\n"
    );
    let status = world.json(["run", file, "-o", "json"])["status"].clone();
    assert_eq!(status["trialsSucceeded"], 3);
    assert_eq!(
        status["conditions"].as_array().unwrap().last().unwrap()["reason"],
        "ExperimentSuggestionEndReached"
    );
    let history = world.file(
        "history.json",
        &world.run(["get", "trials", "-o", "json"]).stdout,
    );
    let after = world.json(["suggest", file, "--history", history.to_str().unwrap()]);
    assert_eq!(
        (&after["suggestions"], &after["state"]),
        (&json!([]), &json!("exhausted"))
    );
}
