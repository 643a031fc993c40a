//! What is there beside experiments.

use std::process::Command;

use super::{finished, lines};
use crate::harness::{Ran, World};

#[test]
fn completions_are_for_every_shell() {
    let world = World::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = lines(&world, &["completions", shell]).join("\n");
        assert!(
            script.contains("validate") && script.contains("suggestion-service"),
            "{shell}"
        );
    }
    let script = world.file("diwan.bash", &world.run(["completions", "bash"]).stdout);
    let sound = Command::new("bash").arg("-n").arg(script).output().unwrap();
    assert!(
        sound.status.success() && sound.stderr.is_empty(),
        "bash can read it"
    );
}

#[test]
fn algorithms_are_listed_and_described() {
    let world = World::new();
    let names = lines(&world, &["algorithms", "-o", "name"]);
    assert!(
        ["random", "grid", "sobol", "medianstop"]
            .iter()
            .all(|name| names.iter().any(|known| known == name)),
        "{names:?}"
    );
    let table = lines(&world, &["algorithms"]);
    assert_eq!(table.len(), names.len() + 1);
    let documents = world.json(["algorithms", "-o", "json"]);
    for (name, document) in names.iter().zip(documents.as_array().unwrap()) {
        assert_eq!(document["name"], name.as_str());
        let page = lines(&world, &["algorithms", name]).join("\n");
        assert!(page.contains(document["summary"].as_str().unwrap()));
        for setting in document["settings"].as_array().unwrap() {
            assert!(
                page.contains(&format!("  {}: ", setting["name"].as_str().unwrap())),
                "{page}"
            );
        }
    }
}

#[test]
fn flags_have_variables() {
    let (world, _) = finished();
    let with = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diwan"));
        command
            .env("DIWAN_DB", world.path("diwan.db"))
            .env("DIWAN_WORK_DIR", world.path("trials"));
        command.envs(variables.iter().copied()).args(arguments);
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    assert_eq!(
        with(&[("DIWAN_OUTPUT", "name")], &["get", "experiments"]).stdout,
        "case\n"
    );
    assert_eq!(
        with(&[("DIWAN_OUTPUT", "name")], &["export", "case"])
            .stdout
            .lines()
            .count(),
        4,
        "an export has forms of its own"
    );
    assert_eq!(
        with(&[("DIWAN_NAMESPACE", "none")], &["get", "experiments"]).stdout,
        ""
    );
    assert_eq!(
        with(&[("DIWAN_LIMIT", "1")], &["get", "trials", "-o", "name"])
            .stdout
            .lines()
            .count(),
        1
    );
    assert_eq!(
        with(
            &[("DIWAN_STATE", "Failed,Killed")],
            &["get", "trials", "-o", "name"]
        )
        .stdout,
        ""
    );
    let trial = with(&[("DIWAN_LIMIT", "1")], &["get", "trials", "-o", "name"]).stdout;
    assert_eq!(
        with(&[("DIWAN_TAIL", "1")], &["logs", trial.trim()])
            .stdout
            .lines()
            .count(),
        1
    );
    assert_eq!(
        with(
            &[("DIWAN_FOR", "best>-1"), ("DIWAN_TIMEOUT", "1m")],
            &["wait", "case"]
        )
        .stdout
        .lines()
        .count(),
        1
    );
}
