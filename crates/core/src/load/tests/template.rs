//! Katib's rules of the trial template (reference §1.3) and those it lacks, each with the file that breaks it.

use super::*;

fn rule(old: &str, new: &str, said: &[&str]) {
    assert_eq!(broken(old, new), said, "{new}");
}

/// What is said of the good file with another source of its template.
fn from_source(source: &str) -> Vec<String> {
    broken(&GOOD[GOOD.find("    trialSpec:").unwrap()..], source)
}

#[test]
fn a_template_is_needed() {
    let template = &GOOD[GOOD.find("  trialTemplate:").unwrap()..];
    rule(
        template,
        "",
        &["6:1: spec.trialTemplate: Required value: must be specified"],
    );
}

#[test]
fn a_source_is_needed() {
    let said = "27:3: spec.trialTemplate.TrialSource: Required value: spec.trialTemplate.trialSpec or \
                spec.trialTemplate.configMap must be specified";
    assert_eq!(
        from_source("    successCondition: a\n    failureCondition: b\n"),
        [said]
    );
    let said = "27:3: spec.trialTemplate: Required value: only one of spec.trialTemplate.trialSpec or \
                spec.trialTemplate.configMap can be specified";
    rule(
        "    trialSpec:\n",
        "    configMap: {configMapName: a}\n    trialSpec:\n",
        &[said],
    );
}

#[test]
fn the_primary_container_must_be_there() {
    let path = "spec.trialTemplate.primaryContainerName";
    let said = format!("27:3: {path}: Required value: must be specified");
    rule("    primaryContainerName: training\n", "", &[&said]);
    let said = format!(
        "28:27: {path}: Invalid value: \"trainig\": is no container of spec.trialTemplate: [training]"
    );
    rule(
        "primaryContainerName: training",
        "primaryContainerName: trainig",
        &[&said],
    );
}

/// The good file with another job, which has the parameters in a field.
fn with_job(primary: &str, job: &str) -> Vec<String> {
    let parameters = "      lr: ${trialParameters.learningRate}\n      optimizer: ${trialParameters.optimizer}\n";
    let text = with(&[
        (
            "primaryContainerName: training",
            &format!("primaryContainerName: {primary}"),
        ),
        (
            &GOOD[GOOD.find("      apiVersion: batch").unwrap()..],
            &format!("{job}{parameters}"),
        ),
    ]);
    said(&text)
}

fn no_container(name: &str, listed: &str) -> String {
    format!(
        "28:27: spec.trialTemplate.primaryContainerName: Invalid value: \"{name}\": is no container of \
         spec.trialTemplate: [{listed}]"
    )
}

const RAY_JOB: &str = "      apiVersion: ray.io/v1
      kind: RayJob
      spec:
        entrypoint: train
        rayClusterSpec: {headGroupSpec: {template: {spec: {containers: [{name: ray-head}]}}}}
";

#[test]
fn the_container_that_submits_a_ray_job_need_not_be_listed() {
    assert_eq!(with_job("ray-job-submitter", RAY_JOB), [""; 0]);
    let listed = "ray-head ray-job-submitter";
    assert_eq!(
        with_job("submitter", RAY_JOB),
        [no_container("submitter", listed)]
    );
    let template = "        submitterPodTemplate: {spec: {containers: [{name: submit}]}}\n";
    for (more, listed) in [
        (template, "ray-head submit"),
        ("        submissionMode: HTTPMode\n", "ray-head"),
    ] {
        let said = with_job("ray-job-submitter", &format!("{RAY_JOB}{more}"));
        assert_eq!(said, [no_container("ray-job-submitter", listed)]);
    }
}

#[test]
fn the_containers_of_spark_need_not_be_listed() {
    let application = "      apiVersion: sparkoperator.k8s.io/v1beta2
      kind: SparkApplication
      spec:
        driver: {sidecars: [{name: beside}]}
        executor: {template: {spec: {containers: [{name: executor}]}}}
";
    for name in ["spark-kubernetes-driver", "executor", "beside"] {
        assert_eq!(with_job(name, application), [""; 0], "{name}");
    }
    let listed = "beside executor spark-kubernetes-driver";
    assert_eq!(
        with_job("driver", application),
        [no_container("driver", listed)]
    );
}

#[test]
fn containers_of_unknown_kinds_are_not_judged() {
    let conditions = "    successCondition: a\n    failureCondition: b\n    trialSpec:\n";
    let text = with(&[
        (
            "primaryContainerName: training",
            "primaryContainerName: trainig",
        ),
        ("apiVersion: batch/v1", "apiVersion: batch.example.com/v1"),
        ("    trialSpec:\n", conditions),
    ]);
    assert_eq!(said(&text), [""; 0]);
}

#[test]
fn conditions() {
    let said = "27:3: spec.trialTemplate: Required value: successCondition and failureCondition must be specified";
    rule("      kind: Job\n", "      kind: MyJob\n", &[said]);
    let long = "a".repeat(1025);
    for field in ["successCondition", "failureCondition"] {
        let shown = &long[..119];
        let said = format!(
            "35:23: spec.trialTemplate.{field}: Invalid value: \"{shown}…: may not be longer than 1024 bytes"
        );
        let condition = format!("    {field}: {long}\n    trialSpec:\n");
        rule("    trialSpec:\n", &condition, &[&said]);
    }
}

#[test]
fn one_condition_is_not_enough() {
    for given in ["successCondition", "failureCondition"] {
        let text = with(&[
            (
                "    trialSpec:\n",
                &format!("    {given}: a\n    trialSpec:\n"),
            ),
            ("      kind: Job\n", "      kind: MyJob\n"),
        ]);
        assert_eq!(
            said(&text),
            [
                "27:3: spec.trialTemplate: Required value: successCondition and failureCondition must be specified"
            ]
        );
    }
}

#[test]
fn times_and_retries() {
    let said = [
        "35:28: spec.trialTemplate.activeDeadlineSeconds: Invalid value: 0: must be greater than 0",
        "36:17: spec.trialTemplate.retryLimit: Invalid value: -1: should not be less than 0",
    ];
    rule(
        "    trialSpec:\n",
        "    activeDeadlineSeconds: 0\n    retryLimit: -1\n    trialSpec:\n",
        &said,
    );
}

#[test]
fn parameters_are_needed() {
    let start = GOOD.find("    trialParameters:").unwrap();
    let end = GOOD.find("    trialSpec:").unwrap();
    let said = [
        NO_EFFECT,
        "23:13: spec.parameters[1].name: Invalid value: \"optimizer\": parameter is the reference of no \
         spec.trialTemplate.trialParameters: it would be tuned without effect",
        "27:3: spec.trialTemplate.trialParameters: Required value: must be specified",
        "27:3: spec.trialTemplate: Invalid value: \"\": parameters: [${trialParameters.learningRate} \
         ${trialParameters.optimizer}] in spec.trialTemplate not found in spec.trialParameters: []",
    ];
    rule(&GOOD[start..end], "", &said);
}

const NO_EFFECT: &str = "18:13: spec.parameters[0].name: Invalid value: \"lr\": parameter is the reference of no \
                         spec.trialTemplate.trialParameters: it would be tuned without effect";

#[test]
fn parameters_have_names_and_references() {
    let rule_of = "name and reference must be specified and name must not contain '{' or '}'";
    let wrong =
        format!("30:9: spec.trialTemplate.trialParameters[0]: Invalid value: \"\": {rule_of}");
    rule("        reference: lr\n", "", &[NO_EFFECT, &wrong]);
    for name in ["'a}'", "'{a'", "''"] {
        let text = with(&[
            ("- name: learningRate", &format!("- name: {name}")),
            ("${trialParameters.learningRate}", "x"),
        ]);
        assert_eq!(said(&text), [wrong.as_str()], "{name}");
    }
    // Without the key too.
    let text = with(&[
        (
            "      - name: learningRate\n        description",
            "      - description",
        ),
        ("${trialParameters.learningRate}", "x"),
    ]);
    assert_eq!(said(&text), [wrong]);
}

#[test]
fn names_and_references_are_unique() {
    let said = "35:15: spec.trialTemplate.trialParameters[2].name: Invalid value: \"optimizer\": parameter name optimizer \
                can't be duplicated in spec.trialTemplate.trialParameters: [learningRate optimizer optimizer]";
    rule(
        "    trialSpec:\n",
        "      - name: optimizer\n        reference: other\n    trialSpec:\n",
        &[said],
    );
    let said = "36:20: spec.trialTemplate.trialParameters[2].reference: Invalid value: \"lr\": parameter reference lr \
                can't be duplicated in spec.trialTemplate.trialParameters: [lr optimizer lr]";
    rule(
        "    trialSpec:\n",
        "      - name: again\n        reference: lr\n    trialSpec:\n",
        &[said],
    );
}

#[test]
fn references_must_exist() {
    let said = "32:20: spec.trialTemplate.trialParameters[0].reference: Invalid value: \"learning\": parameter reference \
                learning does not exist in spec.parameters: [lr optimizer]";
    rule("reference: lr", "reference: learning", &[NO_EFFECT, said]);
    let said = [
        "35:15: spec.trialTemplate.trialParameters[2].name: Invalid value: \"uid\": parameter name: uid in \
         spec.trialParameters not found in spec.trialTemplate: ${trialParameters.uid}",
        "36:20: spec.trialTemplate.trialParameters[2].reference: Invalid value: \"${trialSpec.UID}\": illegal reference of \
         trial metadata: ${trialSpec.UID}",
    ];
    rule(
        "    trialSpec:\n",
        "      - name: uid\n        reference: ${trialSpec.UID}\n    trialSpec:\n",
        &said,
    );
}

#[test]
fn metadata_is_filled_only_through_a_trial_parameter() {
    let told = |stray: &str, hint: &str| {
        format!(
            "48:21: spec.trialTemplate.trialSpec.spec.template.spec.containers[0].command[3]: Invalid value: {stray} is \
             filled only as the reference of one of spec.trialTemplate.trialParameters; the job would get it as it stands \
             ({hint})"
        )
    };
    let problems = |stray: &str, changes: &[(&str, &str)]| {
        let last = format!("--optimizer=${{trialParameters.optimizer}}-{stray}");
        let last = ("--optimizer=${trialParameters.optimizer}", last.as_str());
        let text = with(&[&[last], changes].concat());
        check(&text, &context()).unwrap_err().to_string()
    };
    let add = "add `- {name: trialMetadata, reference: \"${trialSpec.Name}\"}` to spec.trialTemplate.trialParameters, and \
               write ${trialParameters.trialMetadata}";
    for stray in ["${trialSpec.Name}", "${trialSpec.Nmae}"] {
        assert_eq!(problems(stray, &[]), told(stray, add));
    }
    assert_eq!(
        problems("${trialSpec.UID}", &[]),
        told(
            "${trialSpec.UID}",
            "illegal reference of trial metadata: ${trialSpec.UID}"
        )
    );
    let given = [(
        "    trialSpec:\n",
        "      - {name: trial, reference: \"${trialSpec.Name}\"}\n    trialSpec:\n",
    )];
    let problems = problems("${trialSpec.Name}", &given);
    assert!(
        problems.contains("(write ${trialParameters.trial})"),
        "{problems}"
    );
}

#[test]
fn placeholders_and_parameters_must_match() {
    let text = with(&[(
        "--lr=${trialParameters.learningRate}",
        "--lr=${trialParameters.learninRate}",
    )]);
    let problems = check(&text, &context()).unwrap_err();
    let said: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
    let wanted = [
        "27:3: spec.trialTemplate: Invalid value: \"\": parameters: [${trialParameters.learninRate}] in \
         spec.trialTemplate not found in spec.trialParameters: [learningRate optimizer]",
        "30:15: spec.trialTemplate.trialParameters[0].name: Invalid value: \"learningRate\": parameter name: learningRate \
         in spec.trialParameters not found in spec.trialTemplate: ${trialParameters.learningRate}",
    ];
    assert_eq!(said, wanted);
    assert_eq!(
        problems.0[0].hint.as_deref(),
        Some("did you mean \"${trialParameters.learningRate}\"?")
    );
    assert_eq!(
        problems.0[1].hint.as_deref(),
        Some("did you mean \"learninRate\"?")
    );
}

#[test]
fn the_job_must_have_a_kind_and_no_name() {
    let said = "27:3: spec.trialTemplate: Invalid value: \"\": metadata.name and metadata.namespace in spec.trialTemplate \
                must be omitted";
    for field in ["name", "namespace"] {
        let metadata = format!("      kind: Job\n      metadata: {{{field}: x}}\n");
        rule("      kind: Job\n", &metadata, &[said]);
    }
    let said = "27:3: spec.trialTemplate: Required value: APIVersion and Kind in spec.trialTemplate must be specified";
    rule("      apiVersion: batch/v1\n", "", &[said]);
    let text = with(&[
        ("      kind: Job\n", ""),
        (
            "    trialSpec:\n",
            "    successCondition: a\n    failureCondition: b\n    trialSpec:\n",
        ),
    ]);
    assert_eq!(self::said(&text), [said]);
    // The defaults of the conditions go by the kind.
    let conditions = "27:3: spec.trialTemplate: Required value: successCondition and failureCondition must be specified";
    rule("      kind: Job\n", "", &[conditions, said]);
}

#[test]
fn jobs_are_read_strictly() {
    let text = with(&[("restartPolicy: Never", "restartPolcy: Never")]);
    let problems = check(&text, &context()).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "49:27: spec.trialTemplate.trialSpec.spec.template.spec.restartPolcy: Invalid value: \"\": invalid \
         spec.trialTemplate: unable to convert: /spec/template/spec/restartPolcy - \"Never\" to Job, converted template: \
         PodSpec has no field \"restartPolcy\" (did you mean \"restartPolicy\"?)"
    );
}

const MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: templates}
data:
  job.yaml: |
    apiVersion: batch/v1
    kind: Job
    spec:
      parallelism: ${trialParameters.optimizer}
      template:
        spec:
          containers:
            - name: training
              command: [train, --lr, ${trialParameters.learningRate}]
---
";

fn from_config_map(map: &str, path: &str) -> Vec<String> {
    let start = GOOD.find("    trialSpec:").unwrap();
    let template = format!(
        "    configMap: {{configMapName: templates, configMapNamespace: kubeflow, templatePath: {path}}}\n    \
         successCondition: a\n    failureCondition: b\n"
    );
    said(&format!("{map}{}{template}", &GOOD[..start]))
}

#[test]
fn templates_may_stand_in_a_config_map() {
    assert_eq!(from_config_map(MAP, "job.yaml"), [""; 0]);
    // Without any map at hand, the template stands somewhere else and is not judged.
    assert_eq!(from_config_map("", "job.yaml"), [""; 0]);
}

#[test]
fn config_maps_must_hold_the_template() {
    let unread =
        "42:3: spec.trialTemplate: Invalid value: \"\": unable to parse spec.trialTemplate:";
    let said = from_config_map(MAP, "x");
    assert_eq!(
        said,
        [format!(
            "{unread} ConfigMap templates has no x; it has [job.yaml]"
        )]
    );
    let said = from_config_map(&MAP.replace("name: templates", "name: others"), "job.yaml");
    assert_eq!(
        said,
        [format!(
            "{unread} there is no ConfigMap templates in namespace kubeflow"
        )]
    );
    let said = from_config_map(&MAP.replace("learningRate}]", "learningRate}"), "job.yaml");
    assert_eq!(
        said,
        [format!(
            "{unread} 10:1: Syntax error: while parsing a flow sequence, expected ',' or ']'"
        )]
    );
}

#[test]
fn templates_in_config_maps_obey_the_rules() {
    let said = from_config_map(&MAP.replace("containers", "containes"), "job.yaml");
    assert_eq!(
        said,
        [
            "50:5: spec.trialTemplate.configMap: Invalid value: \"\": invalid spec.trialTemplate: unable to convert: \
             /spec/template/spec/containes - \
             [{\"name\":\"training\",\"command\":[\"train\",\"--lr\",\"${trialParameters.learningRate}\"]}] to Job, \
             converted template: PodSpec has no field \"containes\""
        ]
    );
}

#[test]
fn config_maps_are_named_in_full() {
    let said = "35:5: spec.trialTemplate.configMap: Required value: configMapName, configMapNamespace and templatePath \
                must be specified";
    let source =
        "    configMap: {configMapName: a}\n    successCondition: a\n    failureCondition: b\n";
    assert_eq!(from_source(source), [said]);
}
