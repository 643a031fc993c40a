//! `diwan stop`, and `resume` after it.

use super::case::{Case, WAITS, is_alive};
use crate::harness::eventually;

#[test]
fn stop_ends_the_experiment_and_resume_takes_it_back() {
    let case = Case::new(
        5,
        2,
        &format!("trap 'echo told >> $W/told; exit 0' TERM; {WAITS}"),
    );
    let mut run = case.start(2);
    let stopped = case.world.run(["stop", "case"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    let told = stopped.stderr.as_str();
    assert!(
        told.starts_with("stopped experiment case; go on with `")
            && told.ends_with(" resume case`\n"),
        "{told}"
    );
    assert_eq!(run.code(), 5);
    assert_eq!(case.state(), "Stopped");
    assert_eq!(case.lines("told").len(), 2);
    assert_eq!(case.trials("Killed").len(), 2);
    assert_eq!(case.ended_because(), "ExperimentStopped");
    let page = case.world.run(["describe", "experiment", "case"]).stdout;
    assert!(page.contains(" 2 of 5 done: 2 killed\n"), "{page}");
    assert!(
        page.contains("Next:              nothing until `") && page.contains(" resume case`\n"),
        "{page}"
    );
    let again = case.run();
    assert_eq!(again.code, 5, "it stays stopped: {}", again.stderr);
    assert!(again.stderr.ends_with(" resume case\n"), "{}", again.stderr);
    case.touch("go");
    let resumed = case.world.run(["resume", "case"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(case.trials("Succeeded").len(), 3);
}

#[test]
fn a_stop_that_spends_the_budget_says_how_to_go_on_all_the_same() {
    let case = Case::new(2, 2, WAITS);
    let mut run = case.start(2);
    let stopped = case.world.run(["stop", "case"]);
    assert_eq!(run.code(), 5);
    let told = "its budget is spent: raise it in the file, run that, and then go on with `";
    assert!(stopped.stderr.contains(told), "{}", stopped.stderr);
    case.touch("go");
    case.edit("maxTrialCount: 2", "maxTrialCount: 3");
    assert_eq!(case.run().code, 5);
    assert_eq!(case.world.run(["resume", "case"]).code, 0);
    assert_eq!(case.trials("Succeeded").len(), 1);
    assert_eq!(case.state(), "Succeeded");
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
fn stop_finds_what_a_killed_run_left_behind() {
    let case = Case::new(4, 2, WAITS);
    let mut run = case.start(2);
    run.signal("KILL");
    run.code();
    let orphans = case.lines("started");
    assert!(orphans.iter().all(|pid| is_alive(pid)), "they go on");
    assert_eq!(case.state(), "Interrupted");
    let told = case
        .world
        .run(["explain", &case.trials("Running")[0]])
        .stdout;
    let why =
        "why: nobody runs its experiment now; what became of it is found out when somebody does: `";
    assert!(
        told.contains(why) && told.contains(" resume case`\n"),
        "{told}"
    );
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
fn a_trial_that_is_left_behind_has_the_grace_of_its_template() {
    let stubborn =
        "trap 'touch $W/term' TERM; echo $$$$ >> $W/started; while :; do sleep 0.05; done";
    let case = Case::new(1, 1, stubborn);
    let mut run = case.start(1);
    run.signal("KILL");
    run.code();
    let trial = case.trials("Running").remove(0);
    let stopped = case.world.run(["stop", "--trial", &trial]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    let told = format!(
        "stopped trial {trial}; nobody runs its experiment now, so it is shown as Running until `"
    );
    assert!(stopped.stderr.starts_with(&told), "{}", stopped.stderr);
    assert_eq!(case.trials("Running"), std::slice::from_ref(&trial));
    assert!(!is_alive(&case.lines("started")[0]));
    case.touch("stopped");
    let at = |name| {
        let file = std::fs::metadata(case.world.path(name)).unwrap();
        file.modified().unwrap()
    };
    let grace = at("stopped").duration_since(at("term")).unwrap();
    assert!(grace.as_secs() < 20, "{grace:?}: the template says 2 s");
    case.world.run(["resume", "case"]);
    assert_eq!(case.trials("Killed"), [trial]);
}
