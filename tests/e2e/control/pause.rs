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
