//! What is wanted of a running experiment, and how it ends.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use diwan_proto::katib::db_manager_client::DbManagerClient;
use diwan_proto::katib::{Metric, MetricLog, ObservationLog, ReportObservationLogRequest};
use serde_json::Value;

use crate::harness::{Ran, Running, World, eventually, experiment};

/// An experiment in a file of its own, whose trials run `script` with `$W` as the test's directory.
struct Case {
    world: World,
    file: String,
}

impl Case {
    fn new(max: u32, parallel: u32, script: &str) -> Self {
        Self::with(max, parallel, script, |text| text)
    }

    /// The same with a changed file.
    fn with(max: u32, parallel: u32, script: &str, change: impl Fn(String) -> String) -> Self {
        let world = World::new();
        let script = format!("W={}; {script}", world.path("").display());
        let text = change(experiment("case", max, parallel, &script));
        let file = world.file("case.yaml", &text).to_str().unwrap().to_owned();
        Self { world, file }
    }

    fn run(&self) -> Ran {
        self.world.run(["run", &self.file])
    }

    /// Starts it, and waits until so many trials run.
    fn start(&self, trials: usize) -> Running {
        let running = self.world.start(["run", &self.file]);
        eventually("the trials run", || self.lines("started").len() >= trials);
        running
    }

    /// Replaces text of the file.
    fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.file).unwrap();
        assert!(text.contains(from));
        std::fs::write(&self.file, text.replace(from, to)).unwrap();
    }

    /// What trials wrote into a file.
    fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.world.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn touch(&self, name: &str) {
        self.world.file(name, "");
    }

    /// Names of the trials in a state.
    fn trials(&self, state: &str) -> Vec<String> {
        let ran = self
            .world
            .run(["get", "trials", "--state", state, "-o", "name"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout.lines().map(str::to_owned).collect()
    }

    /// What people are told that it does.
    fn state(&self) -> String {
        let told = self.world.run(["get", "experiments"]).stdout;
        let row = told.lines().nth(1).unwrap();
        row.split_whitespace().nth(1).unwrap().to_owned()
    }

    fn ended_because(&self) -> String {
        let status = self.world.status("case");
        let last = status["conditions"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        assert_eq!(last["status"], "True");
        last["reason"].as_str().unwrap().to_owned()
    }
}

/// Waits for a file named `go`, then reports. Its process group dies of TERM.
// Kubernetes reads `$$` as an escaped `$`.
const WAITS: &str = "echo $$$$ >> $W/started; until [ -e $W/go ]; do sleep 0.02; done; echo score=$X; echo $KATIB_TRIAL_NAME >> $W/done";

fn insert(field: &str) -> impl Fn(String) -> String {
    move |text| text.replacen("\nspec:\n", &format!("\nspec:\n  {field}\n"), 1)
}

fn insert_in_template(field: &str) -> impl Fn(String) -> String {
    move |text| {
        text.replacen(
            "  trialTemplate:\n",
            &format!("  trialTemplate:\n    {field}\n"),
            1,
        )
    }
}

fn is_alive(pid: &str) -> bool {
    // A zombie that nobody has waited for yet is gone as well.
    let status =
        std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

fn exact_once(mut names: Vec<String>, count: usize) {
    assert_eq!(names.len(), count, "{names:?}");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "{names:?}");
}

#[test]
fn a_paused_experiment_starts_nothing_until_it_is_resumed() {
    let case = Case::new(6, 2, WAITS);
    let mut run = case.start(2);
    let paused = case.world.run(["pause", "case"]);
    assert_eq!((paused.code, paused.stdout.as_str()), (0, ""));
    assert!(
        paused.stderr.starts_with(concat!(
            "paused; go on with `",
            env!("CARGO_BIN_EXE_diwan"),
            " --db "
        )),
        "{}",
        paused.stderr
    );
    case.touch("go");
    eventually("the two running trials end", || {
        case.trials("Succeeded").len() == 2
    });
    assert_eq!(case.lines("started").len(), 2);
    assert_eq!(case.ended_because(), "ExperimentPaused");
    assert_eq!(case.state(), "Paused");
    assert!(!run.has_ended());
    let resumed = case.world.run(["resume", "case"]);
    assert_eq!(resumed.code, 0);
    assert!(
        resumed
            .stderr
            .contains(&format!("process {} on ", run.0.id())),
        "{}",
        resumed.stderr
    );
    assert_eq!(run.code(), 0);
    assert_eq!(case.world.status("case")["trialsSucceeded"], 6);
    exact_once(case.lines("done"), 6);
}

#[test]
fn a_run_of_a_paused_experiment_takes_edits_and_starts_nothing() {
    let case = Case::new(6, 2, WAITS);
    let mut run = case.start(2);
    assert_eq!(case.state(), "Running");
    run.signal("INT");
    assert_eq!(run.code(), 5);
    assert_eq!(case.state(), "Interrupted");
    assert_eq!(case.world.run(["pause", "case"]).code, 0);
    case.touch("go");

    let again = case.run();
    assert_eq!((again.code, again.stdout.as_str()), (5, ""));
    let told = "experiment case is paused\ntrials: 0 of 2 done; 2 pending\n";
    assert!(again.stderr.starts_with(told), "{}", again.stderr);
    assert!(again.stderr.ends_with(" resume case\n"), "{}", again.stderr);

    case.edit("maxTrialCount: 6", "maxTrialCount: 4");
    case.edit("parallelTrialCount: 2", "parallelTrialCount: 3");
    let edited = case.run();
    assert_eq!(edited.code, 5);
    let told = "edited spec.parallelTrialCount: 2 in the experiment, 3 in the file\n\
                edited spec.maxTrialCount: 6 in the experiment, 4 in the file\n";
    assert!(edited.stderr.starts_with(told), "{}", edited.stderr);
    assert_eq!(case.lines("done"), [""; 0]);
    assert_eq!(case.state(), "Paused");
    let page = case.world.run(["describe", "experiment", "case"]).stdout;
    assert!(page.contains("it is paused; go on with `"), "{page}");

    assert_eq!(case.world.run(["resume", "case"]).code, 0);
    exact_once(case.lines("done"), 4);
    let spec = case
        .world
        .json(["get", "experiments", "case", "-o", "json"])["spec"]
        .clone();
    assert_eq!(spec["parallelTrialCount"], 3);
    assert_eq!(case.state(), "Succeeded");
}

#[test]
fn stop_ends_the_experiment_and_resume_takes_it_back() {
    let case = Case::new(
        5,
        2,
        &format!("trap 'echo told >> $W/told; exit 0' TERM; {WAITS}"),
    );
    let mut run = case.start(2);
    let stopped = case.world.run(["stop", "case"]);
    assert_eq!(
        (stopped.code, stopped.stderr.as_str()),
        (0, "stopped experiment case\n")
    );
    assert_eq!(run.code(), 5);
    assert_eq!(case.lines("told").len(), 2);
    assert_eq!(case.trials("Killed").len(), 2);
    assert_eq!(case.ended_because(), "ExperimentStopped");
    let again = case.run();
    assert_eq!(again.code, 5, "it stays stopped: {}", again.stderr);
    case.touch("go");
    let resumed = case.world.run(["resume", "case"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(case.trials("Succeeded").len(), 3);
}

#[test]
fn stop_can_end_one_trial_only() {
    let case = Case::new(4, 2, WAITS);
    let mut run = case.start(2);
    let victim = case.trials("Running").remove(0);
    let stopped = case.world.run(["stop", "--trial", &victim]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    eventually("it is killed", || case.trials("Killed") == [victim.clone()]);
    case.touch("go");
    assert_eq!(run.code(), 0);
    assert_eq!(case.trials("Succeeded").len(), 3);
    let told = case.world.run(["explain", &victim]).stdout;
    assert!(
        told.contains("why: Trial was stopped: somebody stopped it"),
        "{told}"
    );
}

#[test]
fn an_interrupted_run_goes_on_where_it_was() {
    let case = Case::new(5, 2, WAITS);
    let mut run = case.start(2);
    run.signal("INT");
    assert_eq!(run.code(), 5);
    assert_eq!(case.trials("Pending").len(), 2);
    assert!(
        case.lines("started").iter().all(|pid| !is_alive(pid)),
        "nothing is left running"
    );
    case.touch("go");
    let again = case.run();
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(case.trials("Succeeded").len(), 5);
    exact_once(case.lines("done"), 5);
    assert_eq!(case.lines("started").len(), 7);
}

#[test]
fn a_trial_that_saves_and_leaves_goes_on_from_there() {
    let script = "[ -e saved ] && { echo score=$X; exit 0; }; trap 'echo half > saved; exit 0' TERM; \
                  echo $$$$ >> $W/started; while :; do sleep 0.02; done";
    let case = Case::new(1, 1, script);
    let mut run = case.start(1);
    run.signal("TERM");
    assert_eq!(run.code(), 5);
    let trial = case.trials("Pending").remove(0);
    let again = case.run();
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(case.trials("Succeeded"), [trial]);
    assert_eq!(
        case.lines("started").len(),
        1,
        "the second found what the first had saved"
    );
}

#[test]
fn the_second_interrupt_kills_trials_that_ignore_the_first() {
    let stubborn = "trap '' TERM; echo $$$$ >> $W/started; while :; do sleep 0.05; done";
    let case = Case::with(2, 1, stubborn, |text| {
        text.replace(
            "terminationGracePeriodSeconds: 2",
            "terminationGracePeriodSeconds: 9999",
        )
    });
    let mut run = case.start(1);
    run.signal("INT");
    let trial = case.trials("Running").remove(0);
    let is_told = || {
        case.world
            .run(["explain", &trial])
            .stdout
            .contains("why: it is being stopped")
    };
    eventually("the trial is told", is_told);
    assert!(is_alive(&case.lines("started")[0]) && !run.has_ended());
    run.signal("INT");
    assert_eq!(run.code(), 5);
    assert!(!is_alive(&case.lines("started")[0]));
    assert_eq!(case.trials("Pending"), [trial]);
}

#[test]
fn stop_finds_what_a_killed_run_left_behind() {
    let case = Case::new(4, 2, WAITS);
    let mut run = case.start(2);
    run.signal("KILL");
    run.code();
    let orphans = case.lines("started");
    assert!(orphans.iter().all(|pid| is_alive(pid)), "they go on");
    assert_eq!(case.state(), "Interrupted");
    let refused = case.world.run(["delete", "case"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.starts_with(concat!(
            "error: experiment case has trials that may still run\nhint: stop them first: ",
            env!("CARGO_BIN_EXE_diwan"),
            " --db "
        )),
        "{}",
        refused.stderr
    );
    let stopped = case.world.run(["stop", "case"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(orphans.iter().all(|pid| !is_alive(pid)), "they are gone");
    assert_eq!(case.trials("Killed").len(), 2);
}

#[test]
fn files_that_are_taken_away_are_missed_once() {
    let case = Case::new(1, 1, &format!("{WAITS}; sleep 1"));
    let log = case.world.path("stderr");
    let mut run = case.world.diwan(["run", &case.file]);
    run.stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap());
    let mut run = Running(run.spawn().unwrap());
    eventually("the trial runs", || case.lines("started").len() == 1);
    std::fs::remove_dir_all(case.world.path("trials/default/case")).unwrap();
    let warnings = || -> Vec<String> {
        let lines = case.lines("stderr").into_iter();
        let told = lines.filter_map(|line| Some(line.split_once(" WARN ")?.1.to_owned()));
        told.collect()
    };
    eventually("it is missed", || !warnings().is_empty());
    // It is looked for a few times more before the trial ends.
    case.touch("go");
    run.code();
    let mut told = warnings();
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count, "{:?}", warnings());
}

#[test]
fn delete_leaves_nothing() {
    let case = Case::new(2, 1, WAITS);
    let mut run = case.start(1);
    let refused = case.world.run(["delete", "case"]);
    assert_eq!(refused.code, 1);
    let holder = format!(
        "error: experiment default/case is being run by process {} on ",
        run.0.id()
    );
    assert!(refused.stderr.starts_with(&holder), "{}", refused.stderr);
    case.touch("go");
    assert_eq!(run.code(), 0);
    let trial = case.trials("Succeeded").remove(0);
    let directory = case.world.path("trials/default/case");
    assert!(directory.join(&trial).exists());
    let deleted = case.world.run(["delete", "case"]);
    assert_eq!(
        (deleted.code, deleted.stderr.as_str()),
        (0, "deleted case\n")
    );
    assert!(!directory.exists());
    for gone in [
        ["describe", "experiment", "case"],
        ["describe", "trial", &trial],
    ] {
        assert_eq!(case.world.run(gone).code, 3);
    }
    let again = case.run();
    assert_eq!(again.code, 0, "the name is free: {}", again.stderr);
}

#[test]
fn wait_waits_for_the_end_or_for_a_value_or_for_so_long() {
    let case = Case::new(2, 1, WAITS);
    let missing = case.world.run(["wait", "cases"]);
    assert_eq!(
        (missing.code, missing.stderr.as_str()),
        (
            3,
            "error: there is no experiment cases in namespace default\n"
        )
    );
    let mut run = case.start(1);
    let late = case.world.run(["wait", "case", "--timeout", "1"]);
    assert_eq!((late.code, late.stdout.as_str()), (4, ""));
    let mut waits = [
        (case.world.start(["wait", "case"]), 0),
        (case.world.start(["wait", "case", "--for", "best>-1"]), 0),
        (case.world.start(["wait", "case", "--for", "best>2"]), 1),
    ];
    case.touch("go");
    for (wait, code) in &mut waits {
        assert_eq!(wait.code(), *code);
    }
    assert_eq!(run.code(), 0);
    let best = case.world.run(["wait", "case", "--for", "best>0"]);
    let optimal =
        case.world.status("case")["currentOptimalTrial"]["observation"]["metrics"][0]["max"]
            .clone();
    assert_eq!(best.stdout.trim(), optimal);
    let near = case.world.run(["wait", "cas"]);
    assert!(
        near.stderr.ends_with("hint: did you mean case?\n"),
        "{}",
        near.stderr
    );
}

#[test]
fn a_goal_reached_stops_the_others() {
    let script = "if mkdir $W/first; then until [ -e $W/second ]; do sleep 0.02; done; echo score=1; exit; fi; touch $W/second; sleep 1000";
    let case = Case::with(9, 2, script, |text| {
        text.replace("type: maximize", "type: maximize\n    goal: 0.99")
    });
    let run = case.run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(case.ended_because(), "ExperimentGoalReached");
    assert_eq!(case.trials("Succeeded").len(), 1);
    assert!(!case.trials("Killed").is_empty());
    assert!(case.trials("Running").is_empty());
}

#[test]
fn too_many_failures_end_it() {
    let case = Case::with(
        9,
        1,
        "echo some words >&2; exit 3",
        insert("maxFailedTrialCount: 2"),
    );
    let run = case.run();
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(run.stderr.contains("experiment case: Experiment has failed because max failed count has reached\ntrials: 2 of 2 done: 2 failed"), "{}", run.stderr);
    assert_eq!(case.ended_because(), "ExperimentFailed");
    let told = case
        .world
        .run(["explain", &case.trials("Failed")[0]])
        .stdout;
    assert!(told.contains("why: Trial has failed. Job message: exit code 3; last lines of stderr:\n    some words\n"), "{told}");
}

#[test]
fn a_trial_has_only_so_much_time() {
    let case = Case::with(
        1,
        1,
        "echo score=0.5; sleep 1000",
        insert_in_template("activeDeadlineSeconds: 1"),
    );
    let run = case.run();
    assert_eq!(run.code, 1, "no trial succeeded: {}", run.stderr);
    let trial = &case.world.trials("case")[0];
    let last = trial["status"]["conditions"]
        .as_array()
        .unwrap()
        .last()
        .unwrap();
    assert_eq!(
        (&last["type"], &last["reason"]),
        (
            &Value::from("Failed"),
            &Value::from("TrialDeadlineExceeded")
        )
    );
    assert_eq!(
        trial["status"]["observation"]["metrics"][0]["latest"], "0.5",
        "what it reported is kept"
    );
}

#[test]
fn a_failed_trial_runs_again_as_often_as_allowed() {
    let script = "echo launch; mkdir $W/$KATIB_TRIAL_NAME && exit 1; echo score=$X";
    let case = Case::with(2, 2, script, insert_in_template("retryLimit: 1"));
    let run = case.run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    let trials = case.trials("Succeeded");
    assert_eq!(trials.len(), 2);
    let csv = case.world.run(["get", "trials", "-o", "csv"]).stdout;
    let attempts = csv
        .lines()
        .next()
        .unwrap()
        .split(',')
        .position(|title| title == "attempt")
        .unwrap();
    assert!(
        csv.lines()
            .skip(1)
            .all(|row| row.split(',').nth(attempts) == Some("2")),
        "{csv}"
    );
    let first = case.world.run(["logs", &trials[0], "--attempt", "1"]);
    assert_eq!((first.code, first.stdout.as_str()), (0, "launch\n"));
    let last = case.world.run(["logs", &trials[0]]);
    assert!(last.stdout.starts_with("launch\nscore="), "{}", last.stdout);
    assert_eq!(
        case.world.run(["logs", &trials[0], "--attempt", "3"]).code,
        3
    );
}

#[test]
fn an_experiment_has_only_so_much_time() {
    let case = Case::with(
        9,
        2,
        "echo score=0.5; sleep 1000",
        insert("activeDeadlineSeconds: 1"),
    );
    let run = case.run();
    assert_eq!(run.code, 5, "{}", run.stderr);
    assert_eq!(case.ended_because(), "ExperimentDeadlineReached");
    assert_eq!(case.trials("Killed").len(), 2);
}

#[test]
fn a_larger_budget_goes_on_and_nothing_else_is_edited() {
    let case = Case::new(2, 1, "echo ran >> $W/ran; echo score=$X");
    let first = case.run();
    assert_eq!(first.code, 0);
    let again = case.run();
    assert_eq!(
        (again.code, &again.stdout),
        (0, &first.stdout),
        "the result is shown again"
    );
    assert!(
        again.stderr.starts_with(
            "experiment case exists and has ended\nexperiment case: Experiment has succeeded"
        ),
        "{}",
        again.stderr
    );
    assert_eq!(case.lines("ran").len(), 2);

    case.edit("maxTrialCount: 2", "maxTrialCount: 4");
    let more = case.run();
    assert_eq!(more.code, 0, "{}", more.stderr);
    assert!(
        more.stderr
            .starts_with("edited spec.maxTrialCount: 2 in the experiment, 4 in the file\n"),
        "{}",
        more.stderr
    );
    assert_eq!(case.lines("ran").len(), 4);

    case.edit("maxTrialCount: 4", "maxTrialCount: 9");
    case.edit("max: \"1\"", "max: \"2\"");
    case.edit("value: \"7\"", "value: \"8\"");
    let refused = case.run();
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    let expected = format!(
        "error: experiment case exists and {} differs from it\n\
         cause: spec.parameters[0].feasibleSpace.max: \"1\" in the experiment, \"2\" in the file\n\
         cause: spec.algorithm.algorithmSettings[0].value: \"7\" in the experiment, \"8\" in the file\n\
         hint: only spec.parallelTrialCount, spec.maxTrialCount, spec.maxFailedTrialCount, spec.activeDeadlineSeconds can be edited\n\
         hint: give the file another metadata.name to run it beside the old one\n",
        case.file
    );
    assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
    assert_eq!(case.lines("ran").len(), 4);

    case.edit("max: \"2\"", "max: \"1\"");
    case.edit("value: \"8\"", "value: \"7\"");
    case.edit("maxTrialCount: 9", "maxTrialCount: 3");
    let refused = case.run();
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("cause: spec.maxTrialCount: Invalid value: 3: must be greater than status.trials count\nhint: 4 trials have been made\n"), "{}", refused.stderr);
}

#[test]
fn a_trial_worse_than_the_median_is_stopped_while_it_runs() {
    let script = "if mkdir $W/first; then for i in 1 2 3; do echo score=1; done; exit; fi; for i in 1 2 3; do echo score=0.2; done; sleep 1000";
    let rule = "earlyStopping: {algorithmName: medianstop, algorithmSettings: [{name: min_trials_required, value: '1'}, {name: start_step, value: '2'}]}";
    let case = Case::with(3, 1, script, insert(rule));
    let run = case.run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(case.world.status("case")["trialsEarlyStopped"], 2);
    let stopped = case.trials("EarlyStopped");
    assert_eq!(stopped.len(), 2);
    let told = case.world.run(["explain", &stopped[0]]).stdout;
    assert!(told.contains("why: Trial is early stopped: "), "{told}");
    let best = case.world.status("case")["currentOptimalTrial"]["bestTrialName"].clone();
    assert_eq!(case.trials("Succeeded"), [best.as_str().unwrap()]);
}

/// The address of a `diwan serve`, once it listens.
fn listening(server: &mut Running) -> String {
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    line.trim()
        .strip_prefix("listening on ")
        .unwrap()
        .to_owned()
}

/// What a trial's own process would send.
async fn push(address: &str, trial: &str, values: &[&str]) {
    let mut client = DbManagerClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    let log = |(second, value): (usize, &&str)| MetricLog {
        time_stamp: format!("2026-01-01T00:00:{second:02}Z"),
        metric: Some(Metric {
            name: "score".into(),
            value: (*value).to_owned(),
        }),
    };
    let metric_logs = values.iter().enumerate().map(log).collect();
    let observation_log = Some(ObservationLog { metric_logs });
    client
        .report_observation_log(ReportObservationLogRequest {
            trial_name: trial.into(),
            observation_log,
        })
        .await
        .unwrap();
}

#[test]
fn metrics_can_be_pushed_to_a_server_on_the_same_database() {
    let case = Case::with(
        2,
        2,
        WAITS,
        insert("metricsCollectorSpec: {collector: {kind: Push}}"),
    );
    let mut run = case.start(2);
    let serve = case
        .world
        .diwan(["serve", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut server = Running(serve);
    let address = listening(&mut server);
    let trials = case.trials("Running");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(push(&address, &trials[0], &["0.25", "0.75", "0.5"]));
    case.touch("go");
    assert_eq!(run.code(), 0);
    assert_eq!(case.trials("Succeeded"), trials[..1]);
    assert_eq!(case.trials("MetricsUnavailable"), trials[1..]);
    let metric =
        case.world.status("case")["currentOptimalTrial"]["observation"]["metrics"][0].clone();
    assert_eq!(
        (&metric["min"], &metric["max"], &metric["latest"]),
        (&"0.25".into(), &"0.75".into(), &"0.5".into())
    );
    let told = case.world.run(["explain", &trials[0]]).stdout;
    assert_eq!(told.matches("  pushed\n").count(), 3, "{told}");
}

/// A file is read anew by every attempt: what a failed one wrote is not the next one's.
#[test]
fn a_retry_does_not_report_what_the_attempt_before_it_wrote() {
    let world = World::new();
    let path = world.path("metrics.log");
    let script = format!(
        "if [ $DIWAN_ATTEMPT = 1 ]; then echo score=0.99 > {0}; exit 1; fi; echo score=0.5 > {0}",
        path.display()
    );
    let text = experiment("retried", 1, 1, &script)
        .replace("  trialTemplate:\n", "  trialTemplate:\n    retryLimit: 1\n")
        .replace(
            "  trialTemplate:\n",
            &format!(
                "  metricsCollectorSpec:\n    collector: {{kind: File}}\n    source:\n      fileSystemPath: {{path: {}, kind: File, format: TEXT}}\n  trialTemplate:\n",
                path.display()
            ),
        );
    let file = world.file("retried.yaml", &text);
    let ran = world.run(["run", file.to_str().unwrap(), "--quiet"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let best = &world.status("retried")["currentOptimalTrial"]["observation"]["metrics"][0];
    assert_eq!(best["max"], "0.5");
    assert!(!path.exists(), "the path is the trial's own");
}
