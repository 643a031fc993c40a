//! `diwan delete`.

use super::case::{Case, WAITS};

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
