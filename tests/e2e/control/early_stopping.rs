//! Stopping rules.

use super::case::{Case, insert};
use crate::harness::eventually;

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

fn rule(name: &str, settings: &[(&str, &str)]) -> String {
    let settings = settings
        .iter()
        .map(|(name, value)| format!("{{name: {name}, value: '{value}'}}"));
    let settings = settings.collect::<Vec<_>>().join(", ");
    format!("earlyStopping: {{algorithmName: {name}, algorithmSettings: [{settings}]}}")
}

/// Why the only trial that was stopped early was.
fn why(case: &Case) -> String {
    let stopped = case.trials("EarlyStopped");
    assert_eq!(stopped.len(), 1, "{stopped:?}");
    case.world.run(["explain", &stopped[0]]).stdout
}

/// Waits until a trial's value is stored.
fn until_stored(case: &Case, value: &str) {
    let is_told = |name: &str| {
        let told = case.world.run(["explain", name]).stdout;
        told.contains(&format!("score = {value}  "))
    };
    eventually("the value is stored", || {
        case.trials("Running").iter().any(|name| is_told(name))
    });
}

#[test]
fn a_trial_is_judged_by_what_others_report_while_it_runs() {
    // Both run at once, so no rule that is fixed when a trial starts knows anything.
    let script = "if mkdir $W/first; then echo epoch=1 score=1; until [ -e $W/told ]; do sleep 0.02; done; echo epoch=2 score=2; exit; fi; \
                  echo >> $W/started; until [ -e $W/go ]; do sleep 0.02; done; trap 'touch $W/told; exit' TERM; echo epoch=1 score=0.5; \
                  for i in $(seq 1000); do sleep 0.1; done";
    let case = Case::with(2, 2, script, insert(&rule("asha", &[("eta", "2")])));
    let mut run = case.start(1);
    until_stored(&case, "1");
    case.touch("go");
    assert_eq!(run.code(), 0);
    let told = why(&case);
    let reason = "Trial is early stopped: asha: score 0.5 is not among the best 1 of 2 at the rung of step 1";
    assert!(told.contains(reason), "{told}");
    assert_eq!(case.trials("Succeeded").len(), 1);
}

#[test]
fn a_trial_that_does_not_improve_is_stopped_by_a_later_run_too() {
    let script = "echo >> $W/started; echo score=1; echo score=0.9; until [ -e $W/go ]; do sleep 0.02; done; echo score=0.8; sleep 1000";
    let case = Case::with(1, 1, script, insert(&rule("plateau", &[("patience", "2")])));
    let mut first = case.start(1);
    until_stored(&case, "0.9");
    first.signal("KILL");
    first.code();
    case.touch("go");
    let second = case.run();
    assert_eq!(second.code, 0, "{}", second.stderr);
    let told = why(&case);
    let reason = "plateau: score has not improved on 1.0 of step 1 or before in 2 reports";
    assert!(told.contains(reason), "{told}");
}
