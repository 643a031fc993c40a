//! Interrupts of `run`.

use std::process::Stdio;

use super::case::{Case, WAITS, exact_once, is_alive};
use crate::harness::{Running, eventually};

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
    assert!(
        again.stderr.contains("5 of 5 done: 5 succeeded\n"),
        "no time is told, for much of it nothing ran: {}",
        again.stderr
    );
    assert_eq!(case.trials("Succeeded").len(), 5);
    exact_once(case.lines("done"), 5);
    assert_eq!(case.lines("started").len(), 7);
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
fn files_that_are_taken_away_are_missed_once() {
    let case = Case::new(1, 1, &format!("echo score=0.1; {WAITS}; sleep 1"));
    let log = case.world.path("stderr");
    let mut run = case.world.diwan(["run", &case.file]);
    run.stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap());
    let mut run = Running(run.spawn().unwrap());
    eventually("the trial runs", || case.lines("started").len() == 1);
    let trial = case.trials("Running").remove(0);
    let told = || case.world.run(["explain", &trial]).stdout;
    eventually("its output is read", || told().contains("score=0.1"));
    std::fs::remove_dir_all(case.directory()).unwrap();
    let warnings = || -> Vec<String> {
        let lines = case.lines("stderr").into_iter();
        let told = lines.filter_map(|line| Some(line.split_once(" WARN ")?.1.to_owned()));
        told.collect()
    };
    eventually("it is missed", || !warnings().is_empty());
    // It is looked for a few times more before the trial ends.
    case.touch("go");
    run.code();
    let failed = case.world.run(["describe", "trial", &trial]).stdout;
    assert!(failed.contains("was removed while it ran"), "{failed}");
    let mut told = warnings();
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), count, "{:?}", warnings());
}
