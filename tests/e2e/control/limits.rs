//! What ends an experiment or a trial by itself: goals, failures, time.

use serde_json::Value;

use super::case::{Case, insert, insert_in_template};

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

    case.edit("maxTrialCount: 9", "maxTrialCount: 10");
    let more = case.run();
    assert_eq!(more.code, 2);
    let why = "differs from it\ncause: its goal is reached, so a larger budget changes nothing; what ended otherwise goes \
               on under any resumePolicy\nhint: ";
    assert!(more.stderr.contains(why), "{}", more.stderr);
}

#[test]
fn trials_that_take_their_grace_period_at_the_end_are_told() {
    let script = "if mkdir $W/first; then until [ -e $W/second ]; do sleep 0.02; done; echo score=1; exit; fi; \
                  trap '' TERM; touch $W/second; while :; do sleep 0.05; done";
    let case = Case::with(2, 2, script, |text| {
        text.replace("type: maximize", "type: maximize\n    goal: 0.99")
    });
    let run = case.run();
    let told = "the experiment has ended; stopping 1 trial, with KILL after the grace period (";
    assert!(run.stderr.contains(told), "{}", run.stderr);
    let (_, took) = run.stderr.split_once("1 killed in ").unwrap();
    let seconds: u32 = took.split_once('s').unwrap().0.parse().unwrap();
    assert!(seconds >= 2, "the grace period counts: {}", run.stderr);
    let rows = case.world.run(["get", "experiments", "-o", "csv"]).stdout;
    let (titles, row) = rows.split_once('\n').unwrap();
    let killed = titles
        .split(',')
        .zip(row.split(','))
        .find(|(title, _)| *title == "killed");
    assert_eq!(killed, Some(("killed", "1")));
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
    let waited = case.world.run(["wait", "case"]);
    assert_eq!(
        (waited.code, waited.stdout.as_str()),
        (1, ""),
        "no best value"
    );
    assert!(run.stderr.contains("experiment case: Experiment has failed because max failed count has reached; the last was case-"), "{}", run.stderr);
    assert!(run.stderr.contains(": Trial has failed. Job message: exit code 3; last lines of stderr: some words\ntrials: 2 of 9 done: 2 failed"), "{}", run.stderr);
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
        insert_in_template("activeDeadlineSeconds: 1\n    retryLimit: 2"),
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
    let name = trial["metadata"]["name"].as_str().unwrap();
    let told = case.world.run(["explain", name]).stdout;
    let why = "why: Trial has failed: it ran longer than activeDeadlineSeconds\n";
    assert!(told.contains(why), "{told}");
    let page = case.world.run(["describe", "trial", name]).stdout;
    let is_attempt = |line: &str| line.split_whitespace().eq(["Attempt:", "1"]);
    assert!(page.lines().any(is_attempt), "it is not run again: {page}");
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
    let why = "experiment case: Experiment has ended because activeDeadlineSeconds has passed\n";
    assert!(run.stderr.contains(why), "{}", run.stderr);
    assert_eq!(case.ended_because(), "ExperimentDeadlineReached");
    assert_eq!(case.trials("Killed").len(), 2);
}
