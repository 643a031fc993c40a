//! Stopping rules.

use super::case::{Case, insert};

#[test]
fn a_trial_worse_than_the_median_is_stopped_while_it_runs() {
    let script = "if mkdir $W/first; then for i in 1 2 3; do echo score=1; done; exit; fi; for i in 1 2 3; do echo score=0.2; done; sleep 1000";
    let rule = "earlyStopping: {algorithmName: medianstop, algorithmSettings: [{name: min_trials_required, value: '1'}, {name: start_step, value: '2'}]}";
    let case = Case::with(3, 1, script, insert(rule));
    let run = case.run();
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(case.world.status("case")["trialsEarlyStopped"], 2);
    let stopped = case.trials("EarlyStopped");
    assert_eq!(stopped.len(), 2);
    let told = case.world.run(["explain", &stopped[0]]).stdout;
    assert!(told.contains("why: Trial is early stopped: "), "{told}");
    let best = case.world.status("case")["currentOptimalTrial"]["bestTrialName"].clone();
    assert_eq!(case.trials("Succeeded"), [best.as_str().unwrap()]);
}
