use super::super::patch::tests::patched;
use super::*;
use crate::templates;

fn experiment() -> Value {
    json!({
        "apiVersion": "kubeflow.org/v1beta1",
        "kind": "Experiment",
        "metadata": {"name": "random", "namespace": "team", "managedFields": [{"manager": "kubectl"}]},
        "spec": {
            "objective": {"type": "minimize", "objectiveMetricName": "loss", "goal": 0.001},
            "algorithm": {"algorithmName": "random"},
            "maxTrialCount": 12,
            "parameters": [{"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.01", "max": 0.05}}],
            "trialTemplate": {
                "primaryContainerName": "training",
                "trialParameters": [{"name": "lr", "reference": "lr"}],
                "trialSpec": {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": {
                    "containers": [{"name": "training", "image": "i", "command": ["t", "--lr=${trialParameters.lr}"]}],
                    "restartPolicy": "Never",
                }}}},
            },
        },
    })
}

fn request(object: Value) -> Request {
    Request {
        operation: "CREATE".to_owned(),
        namespace: "team".to_owned(),
        object,
        ..Request::default()
    }
}

fn context() -> Context<'static> {
    Context {
        algorithms: &["random", "grid"],
        early_stopping: &["medianstop"],
        config_map: None,
    }
}

fn agreed(_: &Experiment) -> Vec<Problem> {
    Vec::new()
}

fn mutate(request: &Request) -> Verdict {
    Judge::default().mutate(request, &context(), &agreed)
}

fn validate(request: &Request) -> Verdict {
    Judge::default().validate(request, &context(), &agreed)
}

fn messages(verdict: &Verdict) -> Vec<String> {
    verdict.problems.iter().map(text).collect()
}

#[test]
fn defaults_are_added_and_nothing_else_changes() {
    let object = experiment();
    let verdict = mutate(&request(object.clone()));
    let new = patched(&object, verdict.patch);
    let mut wanted = object;
    let spec = &mut wanted["spec"];
    spec["parallelTrialCount"] = json!(3);
    spec["resumePolicy"] = json!("Never");
    spec["metricsCollectorSpec"] = json!({"collector": {"kind": "StdOut"}});
    spec["objective"]["metricStrategies"] = json!([{"name": "loss", "value": "min"}]);
    spec["parameters"][0]["feasibleSpace"]["distribution"] = json!("uniform");
    let condition =
        |kind: &str| format!(r#"status.conditions.#(type=="{kind}")#|#(status=="True")#"#);
    spec["trialTemplate"]["successCondition"] = json!(condition("Complete"));
    spec["trialTemplate"]["failureCondition"] = json!(condition("Failed"));
    assert_eq!(new, wanted);
    assert_eq!(
        mutate(&request(new.clone())),
        Verdict::default(),
        "defaulting twice changes something"
    );
    assert_eq!(validate(&request(new)), Verdict::default());
}

#[test]
fn a_list_that_the_sdk_writes_as_distribution_becomes_one() {
    let mut object = experiment();
    let space = json!({"name": "o", "parameterType": "categorical", "feasibleSpace": {"distribution": ["sgd", "adam"]}});
    object["spec"]["parameters"][0] = space;
    object["spec"]["trialTemplate"]["trialParameters"][0]["reference"] = json!("o");
    let new = patched(&object, mutate(&request(object.clone())).patch);
    let space = &new["spec"]["parameters"][0]["feasibleSpace"];
    assert_eq!(
        *space,
        json!({"list": ["sgd", "adam"], "distribution": "uniform"})
    );
    assert_eq!(validate(&request(new)), Verdict::default());
}

#[test]
fn all_errors_come_at_once_from_both_hooks() {
    let mut object = experiment();
    object["spec"]["objective"]["type"] = json!("best");
    object["spec"]["maxTrialCount"] = json!("12");
    object["spec"]["parallelTrialCount"] = json!(-1);
    object["spec"]["algorithm"]["algorithmName"] = json!("rondom");
    object["spec"]["resumePolicy"] = json!("Sometimes");
    let verdict = validate(&request(object.clone()));
    assert_eq!(mutate(&request(object)), verdict);
    let found = messages(&verdict);
    for part in [
        "spec.objective.type: Invalid value: \"best\": must be minimize or maximize",
        "spec.maxTrialCount: Invalid value: \"12\": must be a whole number (write it without quotes)",
        "spec.resumePolicy: Invalid value: \"Sometimes\": invalid ResumePolicyType",
        "spec.parallelTrialCount: Invalid value: -1: should not be less than 0",
        "spec.algorithm.algorithmName: ",
    ] {
        assert!(
            found.iter().any(|text| text.starts_with(part)),
            "{part} not in {found:#?}"
        );
    }
}

#[test]
fn slips_are_refused_and_strange_fields_are_warned_of() {
    let mut object = experiment();
    object["spec"]["somethingElse"] = json!(1);
    let verdict = validate(&request(object.clone()));
    assert_eq!(verdict.problems, []);
    assert_eq!(
        verdict.warnings,
        ["spec.somethingElse: Unknown field: \"somethingElse\""]
    );
    let patch = mutate(&request(object.clone())).patch;
    let new = patched(&object, patch);
    assert_eq!(new["spec"]["somethingElse"], 1);
    assert_eq!(new["spec"]["parallelTrialCount"], 3);
    object["spec"]["maxTrialCuont"] = json!(1);
    let found = messages(&validate(&request(object)));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].contains("did you mean \"maxTrialCount\"?"),
        "{found:?}"
    );
}

fn update(old: Value, new: Value) -> Request {
    Request {
        operation: "UPDATE".to_owned(),
        old_object: old,
        ..request(new)
    }
}

#[test]
fn budgets_can_be_edited_and_nothing_else() {
    let old = experiment();
    let mut new = old.clone();
    new["spec"]["maxTrialCount"] = json!(20);
    assert_eq!(
        messages(&validate(&update(old.clone(), new.clone()))),
        [""; 0]
    );
    new["spec"]["algorithm"]["algorithmName"] = json!("grid");
    let found = messages(&validate(&update(old, new)));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("spec: Forbidden: only spec.parallelTrialCount, "),
        "{found:?}"
    );
}

#[test]
fn what_was_wrong_already_is_not_held_against_a_change() {
    let mut old = experiment();
    old["spec"]["algorithm"]["algorithmName"] = json!("gone");
    let mut new = old.clone();
    new["spec"]["maxTrialCount"] = json!(20);
    assert_eq!(
        messages(&validate(&update(old.clone(), new.clone()))),
        [""; 0]
    );
    new["spec"]["maxTrialCount"] = json!(0);
    assert_eq!(
        messages(&validate(&update(old, new))),
        ["spec.maxTrialCount: Invalid value: 0: must be greater than 0"]
    );
}

#[test]
fn an_optimizer_has_the_last_word() {
    let no = |_: &Experiment| {
        vec![Problem::required(
            "spec.algorithm.algorithmSettings",
            "must have n_startup",
        )]
    };
    let verdict = Judge::default().validate(&request(experiment()), &context(), &no);
    assert_eq!(
        messages(&verdict),
        ["spec.algorithm.algorithmSettings: Required value: must have n_startup"]
    );
}

#[test]
fn templates_in_config_maps_are_read() {
    let mut object = experiment();
    let template = object["spec"]["trialTemplate"].as_object_mut().unwrap();
    let job = template.remove("trialSpec").unwrap().to_string();
    let source = json!({"configMapName": "c", "configMapNamespace": "n", "templatePath": "p"});
    template.insert("configMap".to_owned(), source);
    for condition in ["successCondition", "failureCondition"] {
        template.insert(condition.to_owned(), json!("status.done"));
    }
    let place = ["n", "c", "p"].map(str::to_owned);
    assert_eq!(templates::place(&object), Some(place));
    assert_eq!(templates::place(&experiment()), None);
    let read = |namespace: &str, name: &str, path: &str| match (namespace, name, path) {
        ("n", "c", "p") => Ok(job.clone()),
        _ => Err("not there".to_owned()),
    };
    let context = Context {
        config_map: Some(&read),
        ..context()
    };
    let judge = Judge::default();
    assert_eq!(
        judge.validate(&request(object.clone()), &context, &agreed),
        Verdict::default()
    );
    object["spec"]["trialTemplate"]["configMap"]["configMapName"] = json!("d");
    let verdict = judge.validate(&request(object), &context, &agreed);
    assert!(messages(&verdict)[0].contains("not there"));
}
