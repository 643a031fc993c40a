//! Nothing is lost and nothing is done twice, whatever is killed.

use std::collections::{HashMap, HashSet};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Ran, World, eventually, experiment};

/// A trial writes down that it ran, then reports five values.
pub(crate) fn script(ledger: &str) -> String {
    format!(
        "echo \"$KATIB_TRIAL_NAME\" >> {ledger}; for i in 1 2 3 4 5; do echo \"epoch=$i score=$X\"; sleep 0.01; done"
    )
}

/// Pseudo-random numbers that are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Every trial is there, ran once, and has each of its five values once; the best is right.
pub(crate) fn check(world: &World, ledger: &std::path::Path, count: usize) {
    let trials = world.trials("killed");
    assert_eq!(trials.len(), count);
    let state = |trial: &Value| {
        trial["status"]["conditions"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()["type"]
            .clone()
    };
    assert!(
        trials.iter().all(|trial| state(trial) == "Succeeded"),
        "every trial completed"
    );
    let names: HashSet<&str> = trials
        .iter()
        .map(|trial| trial["metadata"]["name"].as_str().unwrap())
        .collect();
    let mut runs = HashMap::<String, usize>::new();
    for line in std::fs::read_to_string(ledger).unwrap().lines() {
        *runs.entry(line.to_owned()).or_default() += 1;
    }
    assert_eq!(runs.len(), count);
    assert!(
        runs.iter()
            .all(|(name, times)| names.contains(name.as_str()) && *times == 1),
        "every trial ran once: {runs:?}"
    );
    let mut best = f64::NEG_INFINITY;
    for trial in &trials {
        let name = trial["metadata"]["name"].as_str().unwrap();
        let x = trial["spec"]["parameterAssignments"][0]["value"]
            .as_str()
            .unwrap();
        best = best.max(x.parse().unwrap());
        let told = world.run(["explain", name]).stdout;
        assert_eq!(
            told.matches(&format!("score = {x}  from stdout")).count(),
            5,
            "{told}"
        );
    }
    let status = world.status("killed");
    let optimal = &status["currentOptimalTrial"]["observation"]["metrics"][0]["max"];
    assert!((optimal.as_str().unwrap().parse::<f64>().unwrap() - best).abs() < f64::EPSILON);
    assert_eq!(status["trialsSucceeded"], Value::from(count));
    assert!(status.get("trialsRunning").is_none());
}

#[test]
fn a_run_killed_at_twenty_random_moments_loses_and_doubles_nothing() {
    let world = World::new();
    let ledger = world.path("ledger");
    let text = experiment("killed", 200, 4, &script(ledger.to_str().unwrap()));
    let file = world.file("killed.yaml", &text);
    let file = file.to_str().unwrap();
    let launches = || std::fs::read_to_string(&ledger).map_or(0, |text| text.lines().count());
    let mut dice = Dice(42);
    for _ in 0..20 {
        let mut run = world.start(["run", file]);
        let moment = launches() + dice.below(8);
        eventually("the moment of the kill", || launches() >= moment);
        let ended = run.has_ended();
        assert!(!ended, "killed before it is done");
        run.signal("KILL");
        run.code();
    }
    let last = world.run(["run", file, "--quiet"]);
    assert_eq!(last.code, 0, "{}", last.stderr);
    check(&world, &ledger, 200);
}

/// The parent of a process, as the system shows it.
fn parent(pid: &str) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// What waits for trials is a process too. Trials that it leaves run on, and their ends are known all the same.
#[test]
fn a_supervisor_killed_at_twenty_random_moments_loses_and_doubles_nothing() {
    let world = World::new();
    let (ledger, supervisor) = (world.path("ledger"), world.path("supervisor"));
    let script = script(ledger.to_str().unwrap());
    let script = format!("echo $PPID >{}; {script}", supervisor.display());
    let file = world.file("killed.yaml", &experiment("killed", 200, 4, &script));
    let launches = || std::fs::read_to_string(&ledger).map_or(0, |text| text.lines().count());
    let (mut dice, mut kills) = (Dice(42), 0);
    let mut run = world.start(["run", file.to_str().unwrap()]);
    while kills < 20 {
        let moment = launches() + 1 + dice.below(8);
        eventually("the moment of the kill", || launches() >= moment);
        assert!(!run.has_ended(), "killed before it is done");
        let supervisor = std::fs::read_to_string(&supervisor).unwrap();
        // A trial that was being started as its supervisor died has the heir as its parent, a child of the run. With both killed,
        // ends are lost.
        if parent(supervisor.trim()) == Some(run.0.id()) {
            continue;
        }
        // Refused if no trial of the next one has begun yet.
        let mut kill = Command::new("kill");
        let killed = kill.args(["-KILL", supervisor.trim()]).output().unwrap();
        kills += u32::from(killed.status.success());
    }
    assert_eq!(run.code(), 0);
    check(&world, &ledger, 200);
}

#[test]
fn a_second_run_is_told_who_has_the_experiment() {
    let world = World::new();
    let ledger = world.path("ledger");
    let text = experiment("killed", 20, 2, &script(ledger.to_str().unwrap()));
    let file = world.file("killed.yaml", &text);
    let file = file.to_str().unwrap();
    let mut first = world.start(["run", file]);
    eventually("the first trial runs", || ledger.exists());
    let second = world.run(["run", file]);
    assert_eq!(second.code, 1);
    let holder = format!(
        "error: experiment default/killed is being run by process {} on ",
        first.0.id()
    );
    assert!(second.stderr.contains(&holder), "{}", second.stderr);
    assert_eq!(first.code(), 0);
    check(&world, &ledger, 20);
}

/// The lock and the running trials are where the experiment was made, whatever a later command says.
#[test]
fn another_work_directory_does_not_run_it_twice() {
    let world = World::new();
    let ledger = world.path("ledger");
    let text = experiment("killed", 10, 2, &script(ledger.to_str().unwrap()));
    let file = world.file("killed.yaml", &text);
    let file = file.to_str().unwrap();
    let mut first = world.start(["run", file]);
    eventually("the first trial runs", || ledger.exists());
    let other = world.path("other");
    let second = Command::new(env!("CARGO_BIN_EXE_diwan"))
        .arg("--db")
        .arg(world.path("diwan.db"))
        .arg("--work-dir")
        .arg(other)
        .args(["run", file])
        .output()
        .unwrap();
    let second = Ran::of(second);
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(
        second.stderr.contains("is being run by process"),
        "{}",
        second.stderr
    );
    assert_eq!(first.code(), 0);
    check(&world, &ledger, 10);
}
