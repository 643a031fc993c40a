//! What is there beside experiments.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{finished, lines};
use crate::harness::{Ran, World, experiment};

/// What a command prints that reads `input`.
fn fed(command: &mut Command, input: &str) -> Ran {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = piped.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    Ran::of(process.wait_with_output().unwrap())
}

#[test]
fn a_sample_log_is_explained_from_a_file_and_from_standard_input() {
    let world = World::new();
    let text = experiment("case", 1, 1, "true");
    let file = world.file("case.yaml", &text);
    let file = file.to_str().unwrap();
    let sample = "score=0.5\nnothing\nscore=1e400\n";
    let told = "line 1: score=0.5  <- score=0.5\n\
                line 3: nothing (score: the number is larger than a 64-bit float can be; print inf if it is meant)  \
                <- score=1e400\nscore: 1 value\n";
    let log = world.file("sample.log", sample);
    let of_file = world.run(["validate", file, "--log", log.to_str().unwrap()]);
    let expected = format!("{file}: experiment case is valid\n{told}");
    assert_eq!((of_file.code, of_file.stdout.as_str()), (0, &*expected));
    let of_input = fed(&mut world.diwan(["validate", file, "--log", "-"]), sample);
    assert_eq!((of_input.code, of_input.stdout.as_str()), (0, &*expected));
    let log = log.to_str().unwrap();
    let of_experiment = fed(&mut world.diwan(["validate", "-", "--log", log]), &text);
    let expected = format!("-: experiment case is valid\n{told}");
    assert_eq!(
        (of_experiment.code, of_experiment.stdout.as_str()),
        (0, &*expected)
    );
    let both = fed(&mut world.diwan(["validate", "-", "--log", "-"]), &text);
    assert_eq!(both.code, 2);
    assert!(
        both.stderr
            .starts_with("error: standard input cannot be the experiment and the log\n"),
        "{}",
        both.stderr
    );
    let none = fed(&mut world.diwan(["validate", file, "--log", "-"]), "acc=1");
    assert_eq!(none.code, 1);
}

#[test]
fn times_and_lines_that_are_too_long_are_told() {
    let world = World::new();
    let script = "head -c 70000 /dev/zero | tr '\\0' x; echo; echo score=$X";
    let file = world.file("case.yaml", &experiment("case", 1, 1, script));
    let file = file.to_str().unwrap();
    let long = "x".repeat(70_000);
    let sample = format!(
        "2021-12-02T05:27:27.5Z score=1\n2021-12-02 05:27:27 score=2\n{long} score=3\nscore=4 {long}\n"
    );
    let ran = fed(&mut world.diwan(["validate", file, "--log", "-"]), &sample);
    let told: Vec<&str> = ran.stdout.lines().skip(1).collect();
    let [first, second, fourth, total, cut] = told[..] else {
        panic!("{}", ran.stdout)
    };
    assert_eq!(
        first,
        "line 1: score=1 (at 2021-12-02T05:27:27.5Z)  <- 2021-12-02T05:27:27.5Z score=1"
    );
    assert!(
        second.starts_with("line 2: score=2 (its time \"2021-12-02 05:27:27\" cannot be read; "),
        "{second}"
    );
    assert!(
        fourth.starts_with("line 4: score=4  <- score=4 xxx") && fourth.len() < 600,
        "{fourth}"
    );
    assert_eq!(total, "score: 3 values");
    let passed = "lines are longer than 64 KiB; the rest of each was passed over";
    assert_eq!(cut, format!("2 {passed}"));

    assert_eq!(world.run(["run", file]).code, 0);
    let name = lines(&world, &["get", "trials", "-o", "name"]).remove(0);
    let page = world.run(["explain", &name]).stdout;
    let told = "stdout: 1 line is longer than 64 KiB; the rest of it was passed over\n";
    assert!(page.ends_with(told), "{page}");
}

#[test]
fn completions_are_for_every_shell() {
    let world = World::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = lines(&world, &["completions", shell]).join("\n");
        assert!(
            script.contains("validate") && script.contains("suggestion-service"),
            "{shell}"
        );
        assert!(!script.contains("supervise"), "{shell}: nobody types that");
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
        with(&[("DIWAN_GET_OUTPUT", "name")], &["get", "experiments"]).stdout,
        "case\n"
    );
    assert_eq!(
        with(&[("DIWAN_EXPORT_OUTPUT", "json")], &["export", "case"])
            .stdout
            .lines()
            .count(),
        3
    );
    assert_eq!(
        with(&[("DIWAN_NAMESPACE", "none")], &["get", "experiments"]).stdout,
        ""
    );
    assert_eq!(
        with(
            &[("DIWAN_GET_LIMIT", "1")],
            &["get", "trials", "-o", "name"]
        )
        .stdout
        .lines()
        .count(),
        1
    );
    assert_eq!(
        with(
            &[("DIWAN_GET_STATE", "Failed,Killed")],
            &["get", "trials", "-o", "name"]
        )
        .stdout,
        ""
    );
    let trial = with(
        &[("DIWAN_GET_LIMIT", "1")],
        &["get", "trials", "-o", "name"],
    )
    .stdout;
    assert_eq!(
        with(&[("DIWAN_LOGS_TAIL", "1")], &["logs", trial.trim()])
            .stdout
            .lines()
            .count(),
        1
    );
    assert_eq!(
        with(
            &[("DIWAN_WAIT_FOR", "best>-1"), ("DIWAN_WAIT_TIMEOUT", "1m")],
            &["wait", "case"]
        )
        .stdout
        .lines()
        .count(),
        1
    );
}

#[test]
fn a_switch_is_set_by_the_usual_words() {
    let world = World::new();
    for (index, (word, is_quiet)) in [
        ("1", true),
        ("yes", true),
        ("true", true),
        ("0", false),
        ("no", false),
    ]
    .into_iter()
    .enumerate()
    {
        let text = experiment(&format!("case-{index}"), 1, 1, "sleep 0.3; echo score=$X");
        let file = world.file("case.yaml", &text);
        let mut command = world.diwan(["run", file.to_str().unwrap()]);
        let ran = Ran::of(command.env("DIWAN_RUN_QUIET", word).output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(
            ran.stderr.contains("0/1 trials"),
            !is_quiet,
            "{word}: {}",
            ran.stderr
        );
    }
    let mut command = world.diwan(["get", "trials"]);
    let ran = Ran::of(command.env("DIWAN_GET_WATCH", "maybe").output().unwrap());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let told = "error: invalid value 'maybe' for the environment variable DIWAN_GET_WATCH";
    assert!(ran.stderr.starts_with(told), "{}", ran.stderr);
    let mut command = world.diwan(["get", "trials"]);
    let ran = Ran::of(command.env("DIWAN_VERBOSE", "x").output().unwrap());
    assert!(
        ran.stderr.contains("variable DIWAN_VERBOSE"),
        "{}",
        ran.stderr
    );
}
