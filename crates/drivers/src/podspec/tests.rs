use serde_json::json;

use super::*;

fn find(manifest: Value, primary: &str) -> Result<PodCommand, TemplateError> {
    let env = [("DIWAN_TRIAL_NAME".to_owned(), "t-1".to_owned())];
    let scope = Scope {
        trial: "t-1",
        namespace: "ns",
        env: &env,
    };
    PodCommand::find(manifest.as_object().unwrap(), primary, &scope)
}

fn argv(manifest: Value, primary: &str) -> Vec<String> {
    find(manifest, primary).unwrap().argv
}

fn error(manifest: Value, primary: &str) -> String {
    find(manifest, primary).unwrap_err().to_string()
}

fn pod(name: &str, command: &str) -> Value {
    json!({"metadata": {"labels": {"app": command}}, "spec": {"containers": [
        {"name": "sidecar", "command": ["no"]},
        {"name": name, "image": "i", "command": [command], "args": ["--lr=0.1"]},
    ]}})
}

fn job(container: Value) -> Value {
    json!({"kind": "Job", "spec": {"template": {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}}})
}

#[test]
fn containers_are_found_in_any_kind() {
    let kinds = [
        json!({"kind": "Job", "spec": {"template": pod("main", "yes")}}),
        json!({"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": pod("main", "yes")}}}}),
        json!({"kind": "PyTorchJob", "spec": {"pytorchReplicaSpecs": {
            "Worker": {"template": pod("main", "no")}, "Master": {"template": pod("main", "yes")}}}}),
        json!({"kind": "MPIJob", "spec": {"mpiReplicaSpecs": {
            "Launcher": {"template": pod("main", "yes")}, "Worker": {"template": pod("other", "no")}}}}),
        json!({"kind": "TFJob", "spec": {"tfReplicaSpecs": {"Worker": {"template": pod("main", "yes")}}}}),
        json!({"kind": "JobSet", "spec": {"replicatedJobs": [
            {"name": "n", "template": {"spec": {"template": pod("main", "yes")}}}]}}),
        json!({"kind": "Workflow", "spec": {"templates": [{"name": "train", "container": {"command": ["yes"], "args": ["--lr=0.1"]}}]}}),
        {
            let mut pod = pod("main", "yes");
            pod["kind"] = json!("Pod");
            pod
        },
    ];
    for manifest in kinds {
        assert_eq!(
            argv(manifest.clone(), "main"),
            ["yes", "--lr=0.1"],
            "{manifest}"
        );
    }
}

#[test]
fn jobs_without_containers() {
    let trainer = json!({"kind": "TrainJob", "spec": {"trainer": {
        "command": ["python", "$(SCRIPT)"], "env": [{"name": "SCRIPT", "value": "t.py"}]}}});
    assert_eq!(argv(trainer, "node"), ["python", "t.py"]);
    let ray = json!({"kind": "RayJob", "spec": {"entrypoint": "python t.py", "rayClusterSpec": {"headGroupSpec": {
        "template": {"spec": {"containers": [{"name": "ray-head"}]}}}}}});
    assert_eq!(argv(ray, "ray-head"), ["/bin/sh", "-c", "python t.py"]);
}

#[test]
fn a_missing_container_is_told_with_what_there_is() {
    let manifest = json!({"spec": {"template": pod("training", "x")}});
    assert_eq!(
        error(manifest, "trainnig"),
        r#"the trial template has no container "trainnig"; it has "sidecar", "training"; did you mean "training"?"#
    );
    assert_eq!(
        error(json!({"kind": "Job"}), "main"),
        r#"the trial template has no container "main"; it has no containers at all"#
    );
}

#[test]
fn a_command_is_needed_and_is_made_of_strings() {
    assert_eq!(
        error(
            job(json!({"name": "main", "image": "i", "args": ["x"]})),
            "main"
        ),
        "spec.template.spec.containers[0]: container \"main\" has no command; image entrypoints are not used on a laptop, \
         give the container a command"
    );
    assert_eq!(
        error(
            job(json!({"name": "main", "command": ["a"], "args": ["b", 3]})),
            "main"
        ),
        "spec.template.spec.containers[0].args[1]: must be a string, not a number; put it in quotes"
    );
    assert_eq!(
        error(job(json!({"name": "main", "command": "a b"})), "main"),
        "spec.template.spec.containers[0].command: must be a list of strings, not a string"
    );
}

#[test]
fn variables_refer_to_earlier_ones_and_the_callers_win() {
    let command = find(
        job(json!({
            "name": "main", "command": ["echo", "$(A) $(B) $(DIWAN_TRIAL_NAME) $(NOPE) $$(A)"],
            "env": [
                {"name": "B", "value": "early"},
                {"name": "A", "value": "a-$(B)"},
                {"name": "B", "value": "$(LATER)b"},
                {"name": "LATER", "value": "l"},
                {"name": "DIWAN_TRIAL_NAME", "value": "forged"},
                {"name": "EMPTY"},
            ],
        })),
        "main",
    )
    .unwrap();
    assert_eq!(command.argv[1], "a-early $(LATER)b t-1 $(NOPE) $(A)");
    let last = command
        .env
        .iter()
        .rfind(|(name, _)| name == "DIWAN_TRIAL_NAME")
        .unwrap();
    assert_eq!(last.1, "t-1");
    assert!(command.env.contains(&("EMPTY".to_owned(), String::new())));
}

#[test]
fn field_references_are_resolved_and_others_refused() {
    let env = |source: Value| {
        job(
            json!({"name": "main", "command": ["$(X)"], "env": [{"name": "X", "valueFrom": source}]}),
        )
    };
    let field = |path: &str| env(json!({"fieldRef": {"fieldPath": path}}));
    assert_eq!(argv(field("metadata.name"), "main"), ["t-1"]);
    assert_eq!(argv(field("metadata.namespace"), "main"), ["ns"]);
    assert_eq!(argv(field("metadata.labels['app']"), "main"), ["x"]);
    assert_eq!(argv(field("metadata.annotations['none']"), "main"), [""]);
    assert!(
        error(field("status.podIP"), "main").contains(r#""status.podIP" is not known on a laptop"#)
    );
    let secret = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    assert!(error(env(secret), "main").contains("env[0].valueFrom: secretKeyRef needs a cluster"));
    let optional = json!({"secretKeyRef": {"name": "s", "key": "k", "optional": true}});
    assert_eq!(argv(env(optional), "main"), ["$(X)"]);
}

#[test]
fn times_and_the_working_directory() {
    let command = find(
        json!({"spec": {"activeDeadlineSeconds": 60, "runPolicy": {"activeDeadlineSeconds": 30}, "template": {"spec": {
            "terminationGracePeriodSeconds": 5, "initContainers": [],
            "containers": [{"name": "main", "image": "i", "command": ["x"], "workingDir": "sub"}]}}}}),
        "main",
    )
    .unwrap();
    assert_eq!(command.deadline, Some(Duration::from_secs(30)));
    assert_eq!(command.grace_period, Some(Duration::from_secs(5)));
    assert_eq!(command.working_dir.as_deref(), Some("sub"));
}
