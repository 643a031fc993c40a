//! Interrupts of `run`.

use super::case::{Case, WAITS, exact_once, is_alive};
use crate::harness::eventually;

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
