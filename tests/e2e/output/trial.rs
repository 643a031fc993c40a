//! What is told of one trial.

use std::io::Read as _;
use std::process::Stdio;

use super::{fill, finished};
use crate::harness::{Running, World, eventually, experiment};

#[test]
fn a_trial_is_explained() {
    let world = World::new();
    let script = "echo epoch=1 score=$X; echo oh no >&2; exit 7";
    let file = world.file("case.yaml", &experiment("case", 2, 1, script));
    assert_eq!(world.run(["run", file.to_str().unwrap()]).code, 1);
    let trial = world.trials("case").remove(0);
    let (name, x) = (
        trial["metadata"]["name"].as_str().unwrap(),
        trial["spec"]["parameterAssignments"][0]["value"]
            .as_str()
            .unwrap(),
    );
    let told = world.run(["explain", name]).stdout;
    for part in [
        format!(
            "trial {name} of experiment case: Failed\nwhy: Trial has failed. Job message: exit code 7; last lines of stderr:\n    oh no\nhistory:\n"
        ),
        format!(
            "point: suggestion number 0 of algorithm random\n  x = {x}\nmetrics: 1 value\n  score = {x}  from stdout, byte 0: epoch=1 score={x}\n"
        ),
    ] {
        assert!(told.contains(&part), "{told}");
    }
    let described = world.run(["describe", "trial", name]).stdout;
    assert!(
        described.contains("State:             Failed\n")
            && described.contains(&format!("Parameters:\n  x  {x}\n")),
        "{described}"
    );
    let described = world.run(["describe", "experiment", "case"]).stdout;
    for part in [
        "Objective:         maximize score\n",
        "Budget:            2 trials, 1 at a time",
        "Trials:            2 of 2 done: 2 failed\n",
        "Next:              nothing; it has ended\n",
    ] {
        assert!(described.contains(part), "{described}");
    }
}

#[test]
fn a_trial_that_waits_is_explained() {
    let (world, _) = finished();
    fill(&world.path("diwan.db"), 2);
    let waiting = world
        .run(["get", "trials", "--state", "Pending", "-o", "name"])
        .stdout;
    let waiting = waiting.lines().next().unwrap();
    let told = world.run(["explain", waiting]).stdout;
    assert!(
        told.contains("why: nobody runs its experiment now; it can start when somebody does: `")
            && told.contains(" resume case`\n"),
        "{told}"
    );
    assert!(told.ends_with("metrics: none before it runs\n"), "{told}");
    assert_eq!(world.run(["pause", "case"]).code, 0);
    let told = world.run(["explain", waiting]).stdout;
    assert!(told.contains("why: the experiment is paused\n"), "{told}");
    let logs = world.run(["logs", waiting]);
    assert_eq!(logs.code, 3);
    assert!(
        logs.stderr
            .ends_with("hint: it may not have started yet, or have run on another machine\n"),
        "{}",
        logs.stderr
    );
}

#[test]
fn logs_are_printed_and_followed() {
    let world = World::new();
    let go = world.path("go");
    let script = format!(
        "echo one; echo warned >&2; until [ -e {} ]; do sleep 0.02; done; echo two; echo score=$X",
        go.display()
    );
    let file = world.file("case.yaml", &experiment("case", 1, 1, &script));
    let mut run = world.start(["run", file.to_str().unwrap()]);
    let running = || {
        world
            .run(["get", "trials", "--state", "Running", "-o", "name"])
            .stdout
            .trim()
            .to_owned()
    };
    eventually("the trial runs", || !running().is_empty());
    let trial = running();
    eventually("it has written", || {
        world.run(["logs", &trial]).stdout == "one\n"
    });
    let mut follow = Running(
        world
            .diwan(["logs", &trial, "--follow"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    std::fs::write(go, "").unwrap();
    assert_eq!((run.code(), follow.code()), (0, 0));
    let mut followed = String::new();
    follow
        .0
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut followed)
        .unwrap();
    assert!(
        followed.starts_with("one\ntwo\nscore=") && followed.lines().count() == 3,
        "{followed}"
    );
    let whole = world.run(["logs", &trial]);
    assert_eq!(
        (whole.stdout, whole.stderr.as_str()),
        (followed.clone(), "warned\n")
    );
    let tail = world.run(["logs", &trial, "--tail", "2"]).stdout;
    assert_eq!(tail, followed.strip_prefix("one\n").unwrap());
    assert_eq!(world.run(["logs", &trial, "--tail", "0"]).stdout, "");
}
