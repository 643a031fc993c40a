//! Pause and resume.

use super::case::{Case, WAITS, exact_once};
use crate::harness::eventually;

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
    let page = case.world.run(["describe", "experiment", "case"]).stdout;
    assert!(page.contains(" 2 of 6 done: 2 succeeded"), "{page}");
    case.edit("maxTrialCount: 6", "maxTrialCount: 5");
    let edited = case.run();
    assert_eq!(edited.code, 5);
    let told = "edited spec.maxTrialCount: 6 in the experiment, 5 in the file\n\
                experiment case is paused\ntrials: 2 of 5 done: 2 succeeded";
    assert!(edited.stderr.starts_with(told), "{}", edited.stderr);
    assert!(
        edited.stderr.ends_with(" resume case\n"),
        "{}",
        edited.stderr
    );
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
    assert_eq!(case.world.status("case")["trialsSucceeded"], 5);
    exact_once(case.lines("done"), 5);
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
    let told = "experiment case is paused\ntrials: 0 of 6 done; 2 pending\n";
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
fn what_has_ended_cannot_be_paused() {
    let case = Case::new(1, 1, "echo score=$X");
    assert_eq!(case.run().code, 0);
    let refused = case.world.run(["pause", "case"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .stderr
            .starts_with("error: experiment case cannot be paused: it has ended\ncause: "),
        "{}",
        refused.stderr
    );
    assert_eq!(
        case.world.status("case")["conditions"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()["type"],
        "Succeeded"
    );
}
