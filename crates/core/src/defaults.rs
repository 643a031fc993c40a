//! What an experiment means where it says nothing: Katib's defaults.

mod derived;
mod kinds;

pub(crate) use derived::clear_derived;
pub use kinds::{KINDS, Kind, SIMULATED, known_kind};

use serde_json::{Value, json};

use crate::resources::{
    CollectorKind, CollectorSpec, Distribution, Experiment, FileFormat, FileSystemKind,
    FileSystemPath, MetricStrategy, MetricsCollectorSpec, ObjectiveSpec, ResumePolicy, SourceSpec,
    TrialTemplate,
};

/// The optimizer of an experiment that names none; Katib refuses such an experiment.
pub const ALGORITHM: &str = "auto";
/// Trials at once.
pub const PARALLEL_TRIAL_COUNT: i32 = 3;
/// The file of a `File` collector.
pub const METRICS_FILE: &str = "/var/log/katib/metrics.log";
/// The directory of a `TensorFlowEvent` collector.
pub const TF_EVENT_DIRECTORY: &str = "/var/log/katib/tfevent/";
/// The path of a `PrometheusMetric` collector.
pub const PROMETHEUS_PATH: &str = "/metrics";
/// The port of a `PrometheusMetric` collector.
pub const PROMETHEUS_PORT: u16 = 8080;

/// Fills in the defaults. What is given stays; doing it twice changes nothing.
pub fn set_defaults(experiment: &mut Experiment) {
    let spec = &mut experiment.spec;
    spec.parallel_trial_count
        .get_or_insert(PARALLEL_TRIAL_COUNT);
    spec.resume_policy.get_or_insert(ResumePolicy::Never);
    let algorithm = spec.algorithm.get_or_insert_default();
    if algorithm.algorithm_name.is_empty() {
        ALGORITHM.clone_into(&mut algorithm.algorithm_name);
    }
    if let Some(objective) = &mut spec.objective {
        set_strategies(objective);
    }
    if let Some(template) = &mut spec.trial_template {
        set_template(template);
    }
    set_collector(spec.metrics_collector_spec.get_or_insert_default());
    for parameter in &mut spec.parameters {
        parameter
            .feasible_space
            .distribution
            .get_or_insert(Distribution::Uniform);
    }
}

fn set_strategies(objective: &mut ObjectiveSpec) {
    let value = objective.kind.default_strategy();
    let names: Vec<String> = objective.metric_names().map(str::to_owned).collect();
    for name in names {
        if !name.is_empty()
            && !objective
                .metric_strategies
                .iter()
                .any(|strategy| strategy.name == name)
        {
            objective
                .metric_strategies
                .push(MetricStrategy { name, value });
        }
    }
}

/// Only for a template that stands in the experiment: one in a `ConfigMap` is not looked into, as with Katib.
fn set_template(template: &mut TrialTemplate) {
    let Some(job) = &template.trial_spec else {
        return;
    };
    let Some(kind) = known_kind(job) else {
        return;
    };
    if template.success_condition.is_empty() {
        kind.success.clone_into(&mut template.success_condition);
    }
    if template.failure_condition.is_empty() {
        kind.failure.clone_into(&mut template.failure_condition);
    }
    if template.primary_pod_labels.is_empty() {
        template.primary_pod_labels =
            kind.primary_pod_labels(job, &template.primary_container_name);
    }
}

fn set_collector(spec: &mut MetricsCollectorSpec) {
    let collector = spec.collector.get_or_insert_with(CollectorSpec::default);
    match *collector.kind.get_or_insert(CollectorKind::StdOut) {
        CollectorKind::File => {
            let path = set_path(&mut spec.source, FileSystemKind::File, METRICS_FILE);
            path.format.get_or_insert(FileFormat::Text);
        }
        CollectorKind::TensorFlowEvent => {
            set_path(
                &mut spec.source,
                FileSystemKind::Directory,
                TF_EVENT_DIRECTORY,
            );
        }
        CollectorKind::PrometheusMetric => set_endpoint(spec.source.get_or_insert_default()),
        CollectorKind::StdOut | CollectorKind::Custom | CollectorKind::Push => {}
    }
}

fn set_path<'a>(
    source: &'a mut Option<SourceSpec>,
    kind: FileSystemKind,
    path: &str,
) -> &'a mut FileSystemPath {
    let place = source
        .get_or_insert_default()
        .file_system_path
        .get_or_insert_default();
    place.kind.get_or_insert(kind);
    if place.path.is_empty() {
        path.clone_into(&mut place.path);
    }
    place
}

fn set_endpoint(source: &mut SourceSpec) {
    // Anything but an object is left for validation to refuse.
    if let Value::Object(get) = source.http_get.get_or_insert_with(|| json!({})) {
        if get
            .get("path")
            .is_none_or(|path| path.is_null() || path == "")
        {
            get.insert("path".to_owned(), json!(PROMETHEUS_PATH));
        }
        if get
            .get("port")
            .is_none_or(|port| port.is_null() || *port == 0)
        {
            get.insert("port".to_owned(), json!(PROMETHEUS_PORT));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaulted(spec: &Value) -> Experiment {
        let mut experiment: Experiment = serde_json::from_value(json!({ "spec": spec })).unwrap();
        set_defaults(&mut experiment);
        let once = experiment.clone();
        set_defaults(&mut experiment);
        assert_eq!(experiment, once, "defaulting twice changes something");
        experiment
    }

    #[test]
    fn an_empty_experiment() {
        let spec = serde_json::to_value(defaulted(&json!({})).spec).unwrap();
        let wanted = json!({
            "algorithm": {"algorithmName": "auto"},
            "parallelTrialCount": 3,
            "resumePolicy": "Never",
            "metricsCollectorSpec": {"collector": {"kind": "StdOut"}},
        });
        assert_eq!(spec, wanted);
    }

    #[test]
    fn what_is_given_stays() {
        let given = json!({
            "parameters": [{"name": "a", "parameterType": "int", "feasibleSpace": {"distribution": "normal"}}],
            "algorithm": {"algorithmName": "grid"},
            "objective": {
                "type": "maximize",
                "objectiveMetricName": "m",
                "additionalMetricNames": ["n", "o"],
                "metricStrategies": [{"name": "n", "value": "latest"}, {"name": "m", "value": "min"}],
            },
            "parallelTrialCount": 0,
            "metricsCollectorSpec": {"collector": {"kind": "Push"}},
            "resumePolicy": "FromVolume",
        });
        let spec = serde_json::to_value(defaulted(&given).spec).unwrap();
        let mut wanted = given;
        wanted["objective"]["metricStrategies"] = json!([
            {"name": "n", "value": "latest"}, {"name": "m", "value": "min"}, {"name": "o", "value": "max"},
        ]);
        assert_eq!(spec, wanted);
    }

    #[test]
    fn strategies_follow_the_direction() {
        for (direction, strategy) in [("minimize", "min"), ("maximize", "max")] {
            let objective = json!({"type": direction, "objectiveMetricName": "m", "additionalMetricNames": ["n"]});
            let spec =
                serde_json::to_value(defaulted(&json!({ "objective": objective })).spec).unwrap();
            let both = json!([{"name": "m", "value": strategy}, {"name": "n", "value": strategy}]);
            assert_eq!(spec["objective"]["metricStrategies"], both);
        }
    }

    #[test]
    fn every_parameter_is_uniform() {
        let spec =
            defaulted(&json!({"parameters": [{"name": "c", "parameterType": "categorical"}]})).spec;
        assert_eq!(
            spec.parameters[0].feasible_space.distribution,
            Some(Distribution::Uniform)
        );
    }

    #[test]
    fn every_known_kind_has_its_conditions() {
        for kind in KINDS {
            let template = defaulted_template(&job_of(kind));
            assert_eq!(template.success_condition, kind.success);
            assert_eq!(template.failure_condition, kind.failure);
        }
        let given = json!({"trialSpec": {"kind": "PyTorchJob"}, "successCondition": "s", "primaryPodLabels": {"a": "b"}});
        let template = defaulted(&json!({ "trialTemplate": given }))
            .spec
            .trial_template
            .unwrap();
        assert_eq!(template.success_condition, "s");
        assert_eq!(template.failure_condition, FAILED_OF_PYTORCH);
        assert_eq!(template.primary_pod_labels.len(), 1);
    }

    fn job_of(kind: &Kind) -> Value {
        json!({"apiVersion": format!("{}/v1", kind.group), "kind": kind.name})
    }

    fn defaulted_template(job: &Value) -> TrialTemplate {
        let template = json!({"trialTemplate": {"trialSpec": job}});
        defaulted(&template).spec.trial_template.unwrap()
    }

    fn labels(job: &Value) -> Value {
        json!(defaulted_template(job).primary_pod_labels)
    }

    const FAILED_OF_PYTORCH: &str = r#"status.conditions.#(type=="Failed")#|#(status=="True")#"#;

    #[test]
    fn kinds_of_one_name_are_told_apart_by_their_groups() {
        let job =
            |version: &str| defaulted_template(&json!({"apiVersion": version, "kind": "Job"}));
        let complete = r#"status.conditions.#(type=="Complete")#|#(status=="True")#"#;
        assert_eq!(job("batch/v1").success_condition, complete);
        let completed = r#"status.state.[@this].#(phase=="Completed")#"#;
        assert_eq!(
            job("batch.volcano.sh/v1alpha1").success_condition,
            completed
        );
        for unknown in ["v1", "example.com/v1", "batch.example.com/v1"] {
            assert_eq!(job(unknown).success_condition, "", "{unknown}");
        }
    }

    #[test]
    fn the_launcher_of_an_mpi_job_is_called_as_its_operator_calls_it() {
        for (version, role) in [("v1", "master"), ("v2beta1", "launcher")] {
            let api_version = format!("kubeflow.org/{version}");
            let job = json!({"apiVersion": api_version, "kind": "MPIJob"});
            assert_eq!(
                labels(&job),
                json!({"training.kubeflow.org/job-role": role})
            );
        }
    }

    #[test]
    fn a_paddle_job_is_led_by_its_master_if_it_has_one() {
        let of = |replicas: Value| {
            let spec = json!({"paddleReplicaSpecs": replicas});
            labels(&json!({"apiVersion": "kubeflow.org/v1", "kind": "PaddleJob", "spec": spec}))
        };
        let master = json!({"training.kubeflow.org/job-role": "master"});
        assert_eq!(of(json!({"Master": {}, "Worker": {}})), master);
        let worker = json!({
            "training.kubeflow.org/replica-index": "0", "training.kubeflow.org/replica-type": "worker",
        });
        assert_eq!(of(json!({"Worker": {}})), worker);
    }

    #[test]
    fn a_job_set_has_one_first_pod() {
        let of = |modes: &[Value]| {
            let replicated = |mode| json!({"template": {"spec": {"completionMode": mode}}});
            let spec = json!({"replicatedJobs": modes.iter().map(replicated).collect::<Vec<_>>()});
            let version = "jobset.x-k8s.io/v1alpha2";
            labels(&json!({"apiVersion": version, "kind": "JobSet", "spec": spec}))
        };
        let job = json!({"jobset.sigs.k8s.io/job-index": "0"});
        let mut pod = job.clone();
        pod["batch.kubernetes.io/job-completion-index"] = json!("0");
        assert_eq!(of(&[json!("Indexed"), Value::Null]), pod);
        assert_eq!(of(&[json!("Indexed"), json!("NonIndexed")]), job);
    }

    #[test]
    fn of_several_jobs_of_a_set_that_have_the_container_one_is_read() {
        let of = |containers: &[&str], coordinator: Value| {
            let replicated = |(number, container): (usize, &&str)| {
                let pods = json!({"spec": {"containers": [{"name": container}]}});
                json!({"name": format!("part-{number}"), "template": {"spec": {"template": pods}}})
            };
            let jobs: Vec<Value> = containers.iter().enumerate().map(replicated).collect();
            let spec = json!({"replicatedJobs": jobs, "coordinator": coordinator});
            let job =
                json!({"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "spec": spec});
            let template =
                json!({"trialTemplate": {"primaryContainerName": "main", "trialSpec": job}});
            let template = defaulted(&template).spec.trial_template.unwrap();
            let label = "jobset.sigs.k8s.io/replicatedjob-name";
            template.primary_pod_labels.get(label).cloned()
        };
        assert_eq!(of(&["proxy", "main"], Value::Null), None);
        let first = of(&["proxy", "main", "main"], Value::Null);
        assert_eq!(first.as_deref(), Some("part-1"));
        let leader = of(&["main", "main"], json!({"replicatedJob": "part-1"}));
        assert_eq!(leader.as_deref(), Some("part-1"));
        let of_another = of(
            &["proxy", "main", "main"],
            json!({"replicatedJob": "part-0"}),
        );
        assert_eq!(of_another.as_deref(), Some("part-1"));
    }

    #[test]
    fn a_spark_application_is_led_by_its_driver() {
        let version = "sparkoperator.k8s.io/v1beta2";
        let application = json!({"apiVersion": version, "kind": "SparkApplication"});
        assert_eq!(labels(&application), json!({"spark-role": "driver"}));
    }

    #[test]
    fn templates_of_unknown_kinds_and_of_config_maps_get_nothing() {
        for template in [
            json!({"trialSpec": {"kind": "Workflow"}}),
            json!({"configMap": {}}),
        ] {
            let template = defaulted(&json!({ "trialTemplate": template }))
                .spec
                .trial_template
                .unwrap();
            assert_eq!(template.success_condition, "");
        }
    }

    #[test]
    fn collectors() {
        for (kind, source) in [
            (
                "File",
                json!({"fileSystemPath": {"path": METRICS_FILE, "kind": "File", "format": "TEXT"}}),
            ),
            (
                "TensorFlowEvent",
                json!({"fileSystemPath": {"path": TF_EVENT_DIRECTORY, "kind": "Directory"}}),
            ),
            (
                "PrometheusMetric",
                json!({"httpGet": {"path": "/metrics", "port": 8080}}),
            ),
            ("StdOut", Value::Null),
            ("Custom", Value::Null),
        ] {
            let collector = json!({"metricsCollectorSpec": {"collector": {"kind": kind}}});
            let spec =
                serde_json::to_value(defaulted(&collector).spec.metrics_collector_spec).unwrap();
            assert_eq!(spec["source"], source, "{kind}");
        }
        let filter = json!({"filter": {"metricsFormat": ["(a)(b)"]}});
        let spec = defaulted(&json!({"metricsCollectorSpec": {"source": filter}}))
            .spec
            .metrics_collector_spec
            .unwrap();
        assert_eq!(spec.kind(), CollectorKind::StdOut);
        assert_eq!(spec.filters(), ["(a)(b)"]);
    }
}
