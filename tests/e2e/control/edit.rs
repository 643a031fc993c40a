//! `diwan run` of a changed file.

use std::process::Stdio;

use super::case::{Case, WAITS, exact_once};
use crate::harness::{Ran, World, experiment};

#[test]
fn a_larger_budget_goes_on_and_nothing_else_is_edited() {
    let case = Case::new(2, 1, "echo ran >> $W/ran; echo score=$X");
    let first = case.run();
    assert_eq!(first.code, 0);
    let again = case.run();
    assert_eq!(
        (again.code, &again.stdout),
        (0, &first.stdout),
        "the result is shown again"
    );
    assert!(
        again.stderr.starts_with(
            "experiment case exists and has ended\nexperiment case: Experiment has succeeded"
        ),
        "{}",
        again.stderr
    );
    assert_eq!(case.lines("ran").len(), 2);

    case.edit("maxTrialCount: 2", "maxTrialCount: 4");
    let more = case.run();
    assert_eq!(more.code, 0, "{}", more.stderr);
    assert!(
        more.stderr
            .starts_with("edited spec.maxTrialCount: 2 in the experiment, 4 in the file\n"),
        "{}",
        more.stderr
    );
    assert_eq!(case.lines("ran").len(), 4);

    case.edit("maxTrialCount: 4", "maxTrialCount: 9");
    case.edit("max: \"1\"", "max: \"2\"");
    case.edit("value: \"7\"", "value: \"8\"");
    let refused = case.run();
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    let expected = format!(
        "error: experiment case exists and {} differs from it\n\
         cause: spec.parameters[0].feasibleSpace.max: \"1\" in the experiment, \"2\" in the file\n\
         cause: spec.algorithm.algorithmSettings[0].value: \"7\" in the experiment, \"8\" in the file\n\
         hint: only spec.parallelTrialCount, spec.maxTrialCount, spec.maxFailedTrialCount, spec.activeDeadlineSeconds can be edited\n\
         hint: give the file another metadata.name to run it beside the old one\n",
        case.file
    );
    assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);
    assert_eq!(case.lines("ran").len(), 4);

    case.edit("max: \"2\"", "max: \"1\"");
    case.edit("value: \"8\"", "value: \"7\"");
    case.edit("maxTrialCount: 9", "maxTrialCount: 3");
    let refused = case.run();
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("cause: spec.maxTrialCount: Invalid value: 3: must be greater than status.trials count\nhint: 4 trials have been made\n"), "{}", refused.stderr);
}

#[test]
fn of_two_files_with_one_name_at_the_same_moment_one_is_told_what_differs() {
    let world = World::new();
    for round in 0..8 {
        let text = experiment(&format!("case{round}"), 1, 1, "echo score=$X");
        let started = ["1", "2"].map(|max| {
            let text = text.replace("max: \"1\"", &format!("max: \"{max}\""));
            let file = world.file(&format!("{max}.yaml"), &text);
            let mut command = world.diwan(["run", file.to_str().unwrap()]);
            let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        });
        let mut ran = started.map(|child| Ran::of(child.wait_with_output().unwrap()));
        ran.sort_by_key(|ran| ran.code);
        let [won, lost] = ran;
        assert_eq!((won.code, lost.code), (0, 2), "{won:?} {lost:?}");
        let differs = "cause: spec.parameters[0].feasibleSpace.max: ";
        assert!(lost.stderr.contains(differs), "{}", lost.stderr);
    }
}

/// Moves the template of a file into a ConfigMap of the same file.
fn with_template_in_a_config_map(text: String) -> String {
    let (head, job) = text.split_once("    trialSpec:\n").unwrap();
    let job: String = job.lines().map(|line| format!("  {line}\n")).collect();
    format!(
        "{head}    successCondition: status.conditions.#(type==\"Complete\")#|#(status==\"True\")#
    failureCondition: status.conditions.#(type==\"Failed\")#|#(status==\"True\")#
    configMap: {{configMapNamespace: lab, configMapName: templates, templatePath: job.yaml}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{namespace: lab, name: templates}}
data:
  job.yaml: |-
{job}"
    )
}

#[test]
fn another_template_in_the_config_map_is_refused() {
    let script = "echo ran >> $W/ran; echo score=$X";
    let case = Case::with(2, 1, script, with_template_in_a_config_map);
    let first = case.run();
    assert_eq!(first.code, 0, "{}", first.stderr);

    case.edit("image: unused", "image: other");
    let refused = case.run();
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    let expected = format!(
        "error: experiment case exists and {} differs from it\n\
         cause: the template in the ConfigMap is another one than when the experiment was made\n\
         hint: give the file another metadata.name to run it beside the old one\n\
         hint: or forget the old one: ",
        case.file
    );
    assert!(refused.stderr.starts_with(&expected), "{}", refused.stderr);

    case.edit("image: other", "image: unused");
    case.edit("maxTrialCount: 2", "maxTrialCount: 3");
    let more = case.run();
    assert_eq!(more.code, 0, "{}", more.stderr);
    assert_eq!(case.lines("ran").len(), 3, "what was refused has not run");
}

#[test]
fn whoever_runs_an_experiment_takes_the_edits_of_another_run() {
    let case = Case::new(2, 1, WAITS);
    let mut run = case.start(1);
    case.edit("maxTrialCount: 2", "maxTrialCount: 3");
    let edited = case.run();
    assert_eq!(edited.code, 0, "{}", edited.stderr);
    let told = "edited spec.maxTrialCount: 2 in the experiment, 3 in the file\n";
    assert!(edited.stderr.starts_with(told), "{}", edited.stderr);
    assert!(
        edited
            .stderr
            .contains(&format!("process {} on ", run.0.id())),
        "{}",
        edited.stderr
    );
    case.touch("go");
    assert_eq!(run.code(), 0);
    exact_once(case.lines("done"), 3);
}
