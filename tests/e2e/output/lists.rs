//! Lists and exports.

use std::process::Command;

use serde_json::{Value, json};

use super::{csv, fill, finished, lines, yaml};
use crate::harness::{Ran, experiment};

#[test]
fn trials_are_listed_in_every_format() {
    let (world, _) = finished();
    let list = world.json(["get", "trials", "-o", "json"]);
    assert_eq!(
        (&list["apiVersion"], &list["kind"]),
        (&json!("v1"), &json!("List"))
    );
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    assert_eq!(yaml(&world, &["get", "trials", "-o", "yaml"]), *items);
    let names = lines(&world, &["get", "trials", "-o", "name"]);
    let rows = csv(&world, &["get", "trials", "-o", "csv"]);
    let table = lines(&world, &["get", "trials"]);
    let wide = lines(&world, &["get", "trials", "-o", "wide"]);
    assert_eq!(
        table[0].split_whitespace().collect::<Vec<_>>(),
        ["NAME", "STATE", "SCORE", "X", "DURATION"]
    );
    assert!(
        wide[0].ends_with("NUMBER  ATTEMPT  EXPERIMENT  REASON"),
        "{}",
        wide[0]
    );
    for (index, item) in items.iter().enumerate() {
        assert_eq!(item["kind"], "Trial");
        assert!(
            item["spec"]["runSpec"]["spec"].is_object(),
            "its rendered job"
        );
        let x = item["spec"]["parameterAssignments"][0]["value"]
            .as_str()
            .unwrap();
        assert_eq!(
            (
                &rows[index]["name"],
                &rows[index]["x"],
                &rows[index]["score"]
            ),
            (&item["metadata"]["name"], &json!(x), &json!(x))
        );
        assert_eq!(names[index], item["metadata"]["name"]);
        assert_eq!(
            wide[index + 1]
                .split_whitespace()
                .skip(2)
                .take(2)
                .collect::<Vec<_>>(),
            [x, x],
            "in full"
        );
        let short = table[index + 1].split_whitespace().nth(3).unwrap();
        assert!(
            short.len() < 12
                && (short.parse::<f64>().unwrap() - x.parse::<f64>().unwrap()).abs() < 1e-5,
            "{short} of {x}"
        );
    }
    let one = world.json(["get", "trials", &names[1], "-o", "json"]);
    assert_eq!(one, items[1]);
    assert_eq!(
        world.json(["get", "trials", "--limit", "2", "-o", "json"])["items"],
        json!(items[1..]),
        "the newest"
    );
    assert_eq!(
        world.json(["get", "trials", "--state", "Failed", "-o", "json"])["items"],
        json!([])
    );
}

#[test]
fn experiments_and_suggestions_are_listed() {
    let (world, _) = finished();
    let other = world.file("other.yaml", &experiment("other", 1, 1, "echo score=2"));
    assert_eq!(world.run(["run", other.to_str().unwrap()]).code, 0);
    assert_eq!(
        lines(&world, &["get", "experiments", "-o", "name"]),
        ["case", "other"]
    );
    let rows = csv(&world, &["get", "experiments", "-o", "csv"]);
    assert_eq!(
        (&rows[0]["trials"], &rows[1]["best"], &rows[1]["reason"]),
        (
            &json!("3/3"),
            &json!("2"),
            &json!("ExperimentMaxTrialsReached")
        )
    );
    let titles = "NAME   STATE      TRIALS  SUCCEEDED  FAILED  RUNNING  BEST      AGE";
    assert_eq!(
        lines(&world, &["get", "experiments"])[0]
            .split_whitespace()
            .collect::<String>(),
        titles.replace(' ', "")
    );
    assert_eq!(
        lines(&world, &["get", "trials"])[0]
            .split_whitespace()
            .collect::<Vec<_>>(),
        ["NAME", "STATE", "EXPERIMENT", "OBJECTIVE", "DURATION"]
    );
    let suggestion = world.json(["get", "suggestions", "case", "-o", "json"]);
    assert_eq!(
        (&suggestion["kind"], &suggestion["spec"]["requests"]),
        (&json!("Suggestion"), &json!(3))
    );
    let trials = world.json(["get", "trials", "-e", "case", "-o", "json"]);
    let points: Vec<&Value> = trials["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trial| &trial["spec"]["parameterAssignments"])
        .collect();
    let suggested = suggestion["status"]["suggestions"].as_array().unwrap();
    assert_eq!(
        suggested
            .iter()
            .map(|one| &one["parameterAssignments"])
            .collect::<Vec<_>>(),
        points
    );
    let nothing = world.run(["get", "experiments", "-n", "empty"]);
    assert_eq!(
        (
            nothing.code,
            nothing.stdout.as_str(),
            nothing.stderr.as_str()
        ),
        (0, "", "no experiments in namespace empty\n")
    );
    let ran = world.run([
        "get", "trials", "-e", "case", "--state", "running", "--state", "Failed",
    ]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (
            0,
            "",
            "no trials of experiment case in state Running or Failed in namespace default\n"
        )
    );
}

#[test]
fn an_export_has_every_trial_of_a_large_experiment() {
    let (world, _) = finished();
    fill(&world.path("diwan.db"), 10_500);
    let rows = csv(&world, &["export", "case"]);
    assert_eq!(rows.len(), 10_503);
    assert!(
        rows.iter()
            .enumerate()
            .all(|(index, row)| row["number"] == json!(index.to_string())),
        "in order, each once"
    );
    assert_eq!(
        (&rows[10_502]["x"], &rows[10_502]["state"]),
        (&json!("10499"), &json!("Pending"))
    );
    let trials = lines(&world, &["export", "case", "-o", "json"]);
    assert_eq!(trials.len(), 10_503);
    let last: Value = serde_json::from_str(&trials[10_502]).unwrap();
    assert_eq!(
        (&last["kind"], &last["metadata"]["name"]),
        (&json!("Trial"), &rows[10_502]["name"])
    );

    let all = world.run(["get", "trials", "-o", "name"]);
    assert_eq!(all.stdout.lines().count(), 10_503);
    assert_eq!(all.stderr, "");
    assert_eq!(csv(&world, &["get", "trials", "-o", "csv"]).len(), 10_503);
    let few = world.run(["get", "trials", "-o", "name", "--limit", "3"]);
    assert_eq!(few.stdout.lines().count(), 3);
    let some = world.run(["get", "trials"]);
    assert_eq!(some.stdout.lines().count(), 501);
    assert_eq!(
        some.stderr,
        "the newest 500 of 10503 trials of case; --limit shows more, `diwan export case` all\n"
    );

    let head = "\"$0\" --db \"$1\" export case | head -1";
    let piped = Command::new("sh")
        .args(["-c", head, env!("CARGO_BIN_EXE_diwan")])
        .arg(world.path("diwan.db"))
        .output()
        .unwrap();
    let piped = Ran::of(piped);
    assert_eq!(
        (piped.stdout.as_str(), piped.stderr.as_str()),
        (
            "number,name,state,created,started,finished,score,x,labels\n",
            ""
        )
    );
}
