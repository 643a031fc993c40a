//! `diwan wait`.

use super::case::{Case, WAITS};

#[test]
fn wait_waits_for_the_end_or_for_a_value_or_for_so_long() {
    let case = Case::new(2, 1, WAITS);
    let mut run = case.start(1);
    let missing = case.world.run(["wait", "nothing"]);
    let told = "error: there is no experiment nothing in namespace default\n\
                hint: `diwan get experiments` lists them\n";
    assert_eq!((missing.code, missing.stderr.as_str()), (3, told));
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
fn wait_says_once_that_nothing_happens() {
    let case = Case::new(2, 1, WAITS);
    let mut run = case.start(1);
    run.signal("KILL");
    run.code();
    let stalled = |arguments: &[&str]| {
        let ran = case.world.run(
            ["wait", "case", "--timeout", "3"]
                .iter()
                .chain(arguments)
                .copied(),
        );
        assert_eq!((ran.code, ran.stdout.as_str()), (4, ""));
        let lines: Vec<String> = ran.stderr.lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].ends_with(" resume case`"), "{lines:?}");
        lines[0].clone()
    };
    let interrupted = "waiting for the end of experiment case, but nobody runs it; go on with `";
    assert!(stalled(&[]).starts_with(interrupted));
    assert_eq!(case.world.run(["pause", "case"]).code, 0);
    let paused = "waiting for best>0.5 of experiment case, but it is paused; go on with `";
    assert!(stalled(&["--for", "best>0.5"]).starts_with(paused));
    case.touch("go");
}
