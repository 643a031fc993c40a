//! `diwan wait`.

use super::case::{Case, WAITS};

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
