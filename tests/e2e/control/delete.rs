//! `diwan delete`.

use std::process::Command;

use super::case::{Case, WAITS};
use crate::harness::Ran;

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
    let directory = case.directory();
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
fn databases_that_share_a_work_directory_do_not_share_files() {
    let case = Case::new(1, 1, "echo score=0.5");
    assert_eq!(case.run().code, 0);
    let trial = case.trials("Succeeded").remove(0);
    let elsewhere = |arguments: [&str; 2]| {
        let mut diwan = Command::new(env!("CARGO_BIN_EXE_diwan"));
        diwan.arg("--db").arg(case.world.path("other.db"));
        diwan.arg("--work-dir").arg(case.world.path("trials"));
        Ran::of(diwan.args(arguments).output().unwrap())
    };
    for arguments in [["run", &case.file], ["delete", "case"]] {
        let ran = elsewhere(arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let logs = case.world.run(["logs", &trial]);
    assert_eq!((logs.code, logs.stdout.as_str()), (0, "score=0.5\n"));
}
