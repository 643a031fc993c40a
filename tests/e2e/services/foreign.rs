//! An optimizer that is somebody else's: a Python program that speaks `api.v1.beta1` and searches by golden section.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::listening::Listening;
use crate::harness::{Ran, Running, World, eventually, experiment, python, top};

/// The best `x` is 0.3.
const SCRIPT: &str = r#"awk -v x="$X" 'BEGIN { print "score=" 1 - (x - 0.3) ^ 2 }'"#;

/// The service and the file that it writes its calls to.
struct Golden {
    server: Listening,
    log: PathBuf,
}

impl Golden {
    fn start(world: &World) -> Self {
        Self::start_on(world, "0")
    }

    fn start_on(world: &World, port: &str) -> Self {
        let log = world.path("calls.jsonl");
        let script = top().join("tests/e2e/python/foreign_suggestion.py");
        let server = Listening::start(Command::new(python()).arg(script).arg(&log).arg(port));
        Self { server, log }
    }

    fn port(&self) -> &str {
        &self.server.line
    }

    /// What names it for `golden` on a command line.
    fn flag(&self) -> String {
        format!(
            "--suggestion-service=golden=http://127.0.0.1:{}",
            self.port()
        )
    }

    /// The calls of a kind, oldest first.
    fn calls(&self, kind: &str) -> Vec<Value> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let calls = log.lines().map(|line| serde_json::from_str(line).unwrap());
        calls.filter(|call: &Value| call["call"] == kind).collect()
    }

    fn run(&self, world: &World, file: &Path) -> Ran {
        world.run([self.flag().as_str(), "run", file.to_str().unwrap()])
    }
}

/// An experiment that names the algorithm `golden`, with a setting.
fn golden(world: &World, max: u32, setting: (&str, &str)) -> PathBuf {
    let (name, value) = setting;
    let text = experiment("foreign", max, 1, SCRIPT)
        .replace("algorithmName: random", "algorithmName: golden")
        .replace("random_state", name)
        .replace("\"7\"", &format!("\"{value}\""));
    world.file("foreign.yaml", &text)
}

fn best(world: &World) -> f64 {
    let status = world.status("foreign");
    let x = &status["currentOptimalTrial"]["parameterAssignments"][0]["value"];
    x.as_str().unwrap().parse().unwrap()
}

#[test]
fn it_leads_an_experiment_to_its_end() {
    let world = World::new();
    let service = Golden::start(&world);
    let ran = service.run(&world, &golden(&world, 12, ("tolerance", "0.01")));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!((best(&world) - 0.3).abs() < 0.01, "{}", best(&world));

    let trials = world.trials("foreign");
    for (number, trial) in trials.iter().enumerate() {
        assert_eq!(
            trial["metadata"]["name"],
            format!("foreign-golden-{number}")
        );
        assert_eq!(
            trial["metadata"]["labels"]["golden.example/probe"],
            number.to_string()
        );
    }
    assert_eq!(service.calls("validate").len(), 1);
    let calls = service.calls("suggest");
    assert_eq!(calls.len(), 12);
    check_last_call(&calls[11]["request"], &trials);
}

/// The last request has the whole history, and the settings of the reply before it.
fn check_last_call(request: &Value, trials: &[Value]) {
    assert_eq!(request["current_request_number"], 1);
    assert_eq!(request["total_request_number"], 12);
    let spec = &request["experiment"]["spec"];
    assert_eq!(request["experiment"]["name"], "foreign");
    assert_eq!(
        spec["objective"],
        json!({"type": "MAXIMIZE", "objective_metric_name": "score"})
    );
    assert_eq!(
        (&spec["max_trial_count"], &spec["parallel_trial_count"]),
        (&json!(12), &json!(1))
    );
    let x = &spec["parameter_specs"]["parameters"][0];
    assert_eq!(
        (&x["name"], &x["parameter_type"]),
        (&json!("x"), &json!("DOUBLE"))
    );
    assert_eq!(
        (&x["feasible_space"]["min"], &x["feasible_space"]["max"]),
        (&json!("0"), &json!("1"))
    );

    let settings = spec["algorithm"]["algorithm_settings"].as_array().unwrap();
    let names: Vec<&str> = settings
        .iter()
        .map(|setting| setting["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["tolerance", "low", "high", "left", "right"]);
    let history = request["trials"].as_array().unwrap();
    assert_eq!(history.len(), 11);
    for (told, trial) in history.iter().zip(trials) {
        assert_eq!(told["name"], trial["metadata"]["name"]);
        assert_eq!(
            told["spec"]["labels"]["golden.example/probe"],
            trial["metadata"]["labels"]["golden.example/probe"]
        );
        assert_eq!(
            told["spec"]["parameter_assignments"]["assignments"],
            trial["spec"]["parameterAssignments"]
        );
        assert_eq!(told["status"]["condition"], "SUCCEEDED");
        let metric = &trial["status"]["observation"]["metrics"][0];
        assert_eq!(
            told["status"]["observation"]["metrics"],
            json!([{"name": "score", "value": metric["max"]}])
        );
        assert_eq!(
            told["status"]["completion_time"],
            trial["status"]["completionTime"]
        );
    }
}

#[test]
fn it_answers_one_suggestion() {
    let world = World::new();
    let service = Golden::start(&world);
    let file = golden(&world, 12, ("tolerance", "0.01"));
    assert_eq!(service.run(&world, &file).code, 0);
    let trials = world.trials("foreign");
    let history = world.file("history.json", &Value::from(&trials[..3]).to_string());
    let (flag, file) = (service.flag(), file.to_str().unwrap());
    let history = history.to_str().unwrap();
    let first = world.json([&flag, "suggest", file]);
    let point = &first["suggestions"][0];
    assert_eq!(point["name"], trials[0]["metadata"]["name"]);
    let assignments = |trial: &Value| trial["spec"]["parameterAssignments"].clone();
    assert_eq!(point["parameterAssignments"], assignments(&trials[0]));
    let settings = first["algorithmSettings"].as_array().unwrap();
    assert!(settings.iter().any(|one| one["name"] == "low"), "{first}");

    // It lives from its settings, so the point is the first one again; what it was told is the history.
    world.json([&flag, "suggest", file, "--history", history]);
    let told = service.calls("suggest").pop().unwrap()["request"].clone();
    assert_eq!(told["total_request_number"], 4);
    let ran = service.calls("suggest")[3]["request"].clone();
    assert_eq!(told["trials"], ran["trials"], "as a run tells it");
    let ran = world.run(["suggest", file]);
    assert_eq!(ran.code, 2, "it is asked only where it is named: {ran:?}");
}

#[test]
fn what_it_refuses_is_told_in_its_words_and_nothing_is_made() {
    let world = World::new();
    let service = Golden::start(&world);
    let ran = service.run(&world, &golden(&world, 3, ("tolerance", "-1")));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("\nerror: the optimizer refuses the experiment\ncause: "),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("tolerance must be above 0, not -1"),
        "{}",
        ran.stderr
    );
    assert_eq!(world.run(["get", "experiments", "foreign"]).code, 3);
}

#[test]
fn failures_are_waited_for_with_a_growing_pause() {
    let world = World::new();
    let service = Golden::start(&world);
    let ran = service.run(
        &world,
        &golden(&world, 2, ("mishaps", "unavailable,unavailable")),
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("the model is being loaded"),
        "{}",
        ran.stderr
    );
    assert!(
        !ran.stderr.contains('\u{1b}'),
        "no colours in a file: {}",
        ran.stderr
    );
    let times: Vec<f64> = service
        .calls("suggest")
        .iter()
        .map(|call| call["at"].as_f64().unwrap())
        .collect();
    assert_eq!(times.len(), 4);
    assert!(times[1] - times[0] > 0.9, "a second at first: {times:?}");
    assert!(times[2] - times[1] > 1.9, "then two: {times:?}");
    assert_eq!(world.trials("foreign").len(), 2);
}

#[test]
fn exceptions_and_wrong_numbers_of_points_are_failures_too() {
    let world = World::new();
    let service = Golden::start(&world);
    let ran = service.run(&world, &golden(&world, 3, ("mishaps", "raise,,more,,none")));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for told in [
        "the optimizer is broken",
        "gave 2 points where 1 were asked for",
        "gave 0 points where 1 were asked for",
    ] {
        assert!(ran.stderr.contains(told), "{told} in {}", ran.stderr);
    }
    assert_eq!(world.trials("foreign").len(), 3);
}

#[test]
fn points_that_no_trial_can_be_made_of_are_failures_too() {
    let world = World::new();
    let service = Golden::start(&world);
    let mishaps = ("mishaps", "outside,,repeated,,misnamed");
    let ran = service.run(&world, &golden(&world, 3, mishaps));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for told in [
        "trial \"foreign-golden-0\": parameter x: 7 is not within 0.0 to 1.0",
        "trial \"foreign-golden-0\": experiment default/foreign has a trial of this name already",
        "trial \"../Golden\": its name must be a DNS label",
    ] {
        let (port, answer) = (service.port(), "point 1 of its answer");
        let told = format!("suggestion service http://127.0.0.1:{port}: {answer}, {told}");
        assert!(ran.stderr.contains(&told), "{told} in {}", ran.stderr);
    }
    assert_eq!(world.trials("foreign").len(), 3);
}

#[test]
fn it_can_have_nothing_left() {
    let world = World::new();
    let service = Golden::start(&world);
    let ran = service.run(&world, &golden(&world, 9, ("mishaps", ",,exhausted")));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(world.trials("foreign").len(), 2);
}

/// Its settings and labels are all that it needs to go on, so it may go and come back.
#[test]
fn it_may_be_gone_for_a_while() {
    let world = World::new();
    let service = Golden::start(&world);
    // It fails for three seconds after three points: time enough to end it while it is needed.
    let file = golden(&world, 8, ("mishaps", ",,,unavailable,unavailable"));
    let log = world.path("stderr");
    let mut run = world.diwan([service.flag().as_str(), "run", file.to_str().unwrap()]);
    run.stdout(Stdio::null())
        .stderr(File::create(&log).unwrap());
    let mut run = Running(run.spawn().unwrap());
    eventually("it is asked", || service.calls("suggest").len() > 3);
    let port = service.port().to_owned();
    drop(service);
    let told = || fs::read_to_string(&log).unwrap();
    let name = format!("suggestion service http://127.0.0.1:{port}: ");
    let is_missed = |line: &str| line.contains(&name) && !line.contains("being loaded");
    eventually("its absence is told", || told().lines().any(is_missed));
    assert!(!run.has_ended(), "it waits: {}", told());

    let service = Golden::start_on(&world, &port);
    assert_eq!(run.code(), 0, "{}", told());
    let last = service.calls("suggest").pop().unwrap();
    check_names(&last["request"], &world.trials("foreign"));
}

fn check_names(request: &Value, trials: &[Value]) {
    assert_eq!(trials.len(), 8);
    let history = request["trials"].as_array().unwrap();
    let names = |trials: &[Value], at: &str| {
        trials
            .iter()
            .map(|trial| trial.pointer(at).cloned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(history, "/name"),
        names(&trials[..7], "/metadata/name")
    );
}

#[test]
fn it_must_be_there_when_an_experiment_is_made() {
    let world = World::new();
    let gone = Golden::start(&world);
    let flag = gone.flag();
    drop(gone);
    let file = golden(&world, 2, ("tolerance", "0.01"));
    let ran = world.run([flag.as_str(), "run", file.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stderr
            .contains("\nerror: the optimizer cannot be asked\ncause: suggestion service http://"),
        "{}",
        ran.stderr
    );
    assert_eq!(world.run(["get", "experiments", "foreign"]).code, 3);
}

#[test]
fn it_is_told_what_an_experiment_begins_with_and_asked_when_the_points_are_given_out() {
    let world = World::new();
    let service = Golden::start(&world);
    let point = |x: &str| format!("    - parameterAssignments: [{{name: x, value: {x}}}]\n");
    let score =
        "      observation: {metrics: [{name: score, latest: 0.5}, {name: other, latest: 1}]}\n";
    let initial = [
        point("0.9"),
        point("0.2") + score,
        point("0.1") + "      failed: true\n",
        point("0.8"),
        point("0.7") + score,
    ];
    let text = std::fs::read_to_string(golden(&world, 4, ("tolerance", "0.01"))).unwrap();
    let list = format!("  initialTrials:\n{}  trialTemplate:\n", initial.concat());
    let file = world.file("begun.yaml", &text.replace("  trialTemplate:\n", &list));
    let first = world.json([
        &service.flag(),
        "suggest",
        file.to_str().unwrap(),
        "-c",
        "9",
    ]);
    assert_eq!(first["suggestions"].as_array().unwrap().len(), 2, "{first}");
    assert_eq!(first["state"], "ready");
    assert!(service.calls("suggest").is_empty());

    let ran = service.run(&world, &file);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let trials = world.trials("foreign");
    assert_eq!(trials.len(), 4);
    for (trial, x) in trials.iter().zip(["0.9", "0.8"]) {
        assert_eq!(trial["spec"]["parameterAssignments"][0]["value"], x);
    }
    let calls = service.calls("suggest");
    assert_eq!(calls.len(), 2, "only when all points are given out");
    let request = &calls[0]["request"];
    assert_eq!(request["total_request_number"], 3);
    let told = request["trials"].as_array().unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|trial| {
            let x = &trial["spec"]["parameter_assignments"]["assignments"][0]["value"];
            let (name, status) = (trial["name"].as_str().unwrap(), &trial["status"]);
            let value = &status["observation"]["metrics"][0]["value"];
            (
                name.starts_with("initialTrials["),
                x.clone(),
                status["condition"].clone(),
                value.clone(),
            )
        })
        .collect();
    assert_eq!(
        told[..3],
        [
            (true, json!("0.2"), json!("SUCCEEDED"), json!("0.5")),
            (true, json!("0.1"), json!("FAILED"), Value::Null),
            (true, json!("0.7"), json!("SUCCEEDED"), json!("0.5")),
        ]
    );
    let ran: Vec<_> = told[3..]
        .iter()
        .map(|(given, x, ..)| (*given, x.clone()))
        .collect();
    assert_eq!(ran, [(false, json!("0.9")), (false, json!("0.8"))]);
}
