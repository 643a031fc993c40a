//! Reading: places, several problems at once, several documents.

use super::*;

#[test]
fn a_good_file_is_read_with_its_defaults() {
    let experiments = check(GOOD, &context()).unwrap();
    assert_eq!(experiments.len(), 1);
    assert_eq!(experiments[0].metadata.name, "random");
    assert!(experiments[0].spec.metrics_collector_spec.is_some());
    let written = read_experiments(GOOD).unwrap();
    assert_eq!(written[0].experiment.spec.metrics_collector_spec, None);
    assert_eq!(written[0].check(&context()).unwrap(), experiments[0]);
}

#[test]
fn json_is_read_too() {
    let value = manifest::documents(GOOD).unwrap()[0].value();
    let text = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(
        check(&text, &context()).unwrap(),
        check(GOOD, &context()).unwrap()
    );
    let said = said(&text.replace("\"random\"\n", "\"rendom\"\n"));
    assert!(
        said[0].starts_with("18:24: spec.algorithm.algorithmName: Invalid value"),
        "{said:?}"
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let text = with(&[
        ("name: random\n", "name: Random_\n"),
        ("type: minimize", "type: min"),
        ("algorithmName: random", "algorithmName: rendom"),
        ("  maxTrialCount: 12", "  maxTrialCount: many"),
        ("parallelTrialCount", "paralelTrialCount"),
        ("max: \"0.05\"", "max: 0.001"),
        ("list: [sgd, adam]", "list: [sgd, sgd]"),
        ("restartPolicy: Never", "restartpolicy: Never"),
    ]);
    let said = said(&text);
    let starts = [
        "4:9: metadata.name: Invalid value: \"Random_\": name must consist of lower case",
        "8:11: spec.objective.type: Invalid value: \"min\": must be minimize or maximize",
        "13:20: spec.algorithm.algorithmName: Invalid value: \"rendom\": unable to get Suggestion config data",
        "14:3: spec.paralelTrialCount: Unknown field: \"paralelTrialCount\"",
        "15:18: spec.maxTrialCount: Invalid value: \"many\": must be a whole number",
        "22:14: spec.parameters[0].feasibleSpace.max: Invalid value: \"0.001\": must not be less than min (0.01)",
        "26:21: spec.parameters[1].feasibleSpace.list[1]: Duplicate value: \"sgd\"",
        "49:28: spec.trialTemplate.trialSpec.spec.template.spec.restartpolicy: Invalid value: \"\": invalid spec.trialTemplate",
    ];
    assert_eq!(said.len(), starts.len(), "{said:#?}");
    for (said, start) in said.iter().zip(starts) {
        assert!(said.starts_with(start), "{said}\n{start}");
    }
}

#[test]
fn misspelt_fields_name_the_nearest() {
    let problems = check(
        &with(&[("maxFailedTrialCount", "maxFailTrialCount")]),
        &context(),
    )
    .unwrap_err();
    assert_eq!(
        problems.to_string(),
        "16:3: spec.maxFailTrialCount: Unknown field: \"maxFailTrialCount\" (did you mean \"maxFailedTrialCount\"?)"
    );
}

#[test]
fn a_misspelt_field_is_read_as_meant() {
    // Otherwise `spec.parameters or spec.nasConfig must be specified` and more would follow.
    let said = broken("  parameters:\n", "  paramters:\n");
    assert_eq!(said, ["17:3: spec.paramters: Unknown field: \"paramters\""]);
}

#[test]
fn wrong_types() {
    for (old, new, line) in [
        (
            "goal: 0.001",
            "goal: low",
            "9:11: spec.objective.goal: Invalid value: \"low\": must be a finite number",
        ),
        (
            "goal: 0.001",
            "goal: .nan",
            "9:11: spec.objective.goal: Invalid value: \"nan\": must be a finite number",
        ),
        (
            "  maxTrialCount: 12",
            "  maxTrialCount: 1.5",
            "15:18: spec.maxTrialCount: Invalid value: 1.5: must be a whole number",
        ),
        (
            "  maxTrialCount: 12",
            "  maxTrialCount: 3000000000",
            "15:18: spec.maxTrialCount: Invalid value: 3000000000: must be a whole number from -2147483648 to 2147483647",
        ),
        (
            "- name: lr",
            "- name: 7",
            "18:13: spec.parameters[0].name: Invalid value: 7: must be a string",
        ),
        (
            "list: [sgd, adam]",
            "list: sgd",
            "26:15: spec.parameters[1].feasibleSpace.list: Invalid value: \"sgd\": must be a list",
        ),
        (
            "[sgd, adam]",
            "[sgd, ~]",
            "26:21: spec.parameters[1].feasibleSpace.list[1]: Invalid value: null: must not be empty",
        ),
        (
            "[sgd, adam]",
            "[sgd, [x]]",
            "26:21: spec.parameters[1].feasibleSpace.list[1]: Invalid value: [\"x\"]: must be a string or a number",
        ),
        (
            "    primaryContainerName: training",
            "    retain: yes\n    primaryContainerName: training",
            "28:13: spec.trialTemplate.retain: Invalid value: \"yes\": must be true or false",
        ),
    ] {
        let said = broken(old, new);
        assert!(said.contains(&line.to_owned()), "{said:#?}\n{line}");
    }
    let text = with(&[("goal: 0.001", "goal: '0.001'")]);
    let problem = &check(&text, &context()).unwrap_err().0[0];
    assert_eq!(problem.hint.as_deref(), Some("write it without quotes"));
    let said = broken(
        "  algorithm:\n    algorithmName: random\n",
        "  algorithm: random\n",
    );
    assert_eq!(
        said,
        ["12:14: spec.algorithm: Invalid value: \"random\": must be an object"]
    );
}

#[test]
fn numbers_keep_their_text_where_text_is_wanted() {
    let text = with(&[
        ("min: \"0.01\"", "min: 0.0001000"),
        ("[sgd, adam]", "[0.10, True, 1e-3]"),
    ]);
    let spec = &check(&text, &context()).unwrap()[0].spec;
    assert_eq!(spec.parameters[0].feasible_space.min, "0.0001000");
    assert_eq!(
        spec.parameters[1].feasible_space.list,
        ["0.10", "True", "1e-3"]
    );
}

#[test]
fn null_is_as_good_as_absent() {
    let text = with(&[
        ("goal: 0.001", "goal: null"),
        ("  parallelTrialCount: 3\n", "  parallelTrialCount:\n"),
    ]);
    let spec = &check(&text, &context()).unwrap()[0].spec;
    assert_eq!(spec.objective.as_ref().unwrap().goal, None);
    assert_eq!(spec.parallel_trial_count, Some(3));
}

#[test]
fn unknown_metadata_is_kept_and_known_is_checked() {
    let text = with(&[(
        "  namespace: kubeflow\n",
        "  managedFields: [{a: 1}]\n  labels: {a.b/c: x}\n",
    )]);
    let experiment = &check(&text, &context()).unwrap()[0];
    assert!(experiment.metadata.other.contains_key("managedFields"));
    let said = broken(
        "  namespace: kubeflow\n",
        "  labels: {a.b/c: 1}\n  creationTimestamp: today\n",
    );
    let wanted = [
        "5:19: metadata.labels[a.b/c]: Invalid value: 1: must be a string",
        "6:22: metadata.creationTimestamp: Invalid value: \"today\": \"today\" is not an RFC 3339 time such as \
         2026-11-21T10:00:00Z",
    ];
    assert_eq!(said, wanted);
}

#[test]
fn kind_and_version() {
    let said_of = |old: &str, new: &str| broken(old, new).join("\n");
    assert_eq!(
        said_of("kubeflow.org/v1beta1", "kubeflow.org/v1alpha3"),
        "1:13: apiVersion: Unsupported value: \"kubeflow.org/v1alpha3\": supported values: \"kubeflow.org/v1beta1\""
    );
    assert_eq!(
        said_of("kind: Experiment", "kind: experiments"),
        "2:7: kind: Unsupported value: \"experiments\": supported values: \"Experiment\""
    );
    assert_eq!(
        said_of("kind: Experiment\n", ""),
        "1:1: kind: Required value: must be Experiment"
    );
    assert_eq!(
        said("kind: Job\n"),
        ["Required value: there is no Experiment in the file; it has Job"]
    );
    assert_eq!(said("# nothing\n"), ["Required value: the file is empty"]);
}

#[test]
fn several_experiments_and_other_objects() {
    let other = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: x}\n";
    let text = format!(
        "{other}---\n{GOOD}---\n{}",
        with(&[("name: random\n", "name: second\n")])
    );
    let names: Vec<String> = check(&text, &context())
        .unwrap()
        .into_iter()
        .map(|e| e.metadata.name)
        .collect();
    assert_eq!(names, ["random", "second"]);
}

#[test]
fn a_name_stands_for_one_experiment() {
    let lines = GOOD.lines().count();
    let twice = format!("{GOOD}---\n{GOOD}");
    let place = format!("{}:9", lines + 1 + 4);
    let told =
        "metadata.name: Duplicate value: \"random\": the experiment at 4:9 has this name, too";
    assert_eq!(said(&twice), [format!("{place}: {told}")]);
    let elsewhere = with(&[("namespace: kubeflow", "namespace: other")]);
    assert_eq!(said(&format!("{GOOD}---\n{elsewhere}")), [""; 0]);
    let default = with(&[("namespace: kubeflow", "namespace: default")]);
    let silent = with(&[("  namespace: kubeflow\n", "")]);
    assert_eq!(said(&format!("{default}---\n{silent}")).len(), 1);
    let generated = with(&[("  name: random\n", "  generateName: random-\n")]);
    assert_eq!(said(&format!("{generated}---\n{generated}")), [""; 0]);
}

#[test]
fn syntax_errors_do_not_hide_the_documents_before() {
    let text = format!("{}---\nkind: [\n", with(&[("type: minimize", "type: min")]));
    let said = said(&text);
    assert!(said[0].starts_with("8:11: spec.objective.type"), "{said:?}");
    assert!(said[1].contains("Syntax error"), "{said:?}");
}

#[test]
fn duplicate_keys_are_refused() {
    let said = broken(
        "  maxTrialCount: 12\n",
        "  maxTrialCount: 12\n  maxTrialCount: 13\n",
    );
    assert_eq!(
        said,
        ["16:3: spec.maxTrialCount: Duplicate value: \"maxTrialCount\""]
    );
}

#[test]
fn the_list_of_the_sdk_is_read_from_the_distribution() {
    let text = with(&[("list: [sgd, adam]", "distribution: [sgd, adam]")]);
    let spec = &check(&text, &context()).unwrap()[0].spec;
    assert_eq!(spec.parameters[1].feasible_space.list, ["sgd", "adam"]);
}

#[test]
fn what_the_sdk_and_kubectl_send_is_read() {
    // Empty strings and nulls where Go writes its zero values; a status.
    let zeros = "  parallelTrialCount: 3\n  resumePolicy: ''\n  earlyStopping: null\n";
    let text = with(&[("  parallelTrialCount: 3\n", zeros)]);
    let status = "status:\n  startTime: 2024-03-04T17:55:08Z\n  completionTime: null\n  trials: 3\n  \
                  currentOptimalTrial: {observation: {metrics: null}}\n";
    assert_eq!(said(&format!("{text}{status}")), [""; 0]);
}
