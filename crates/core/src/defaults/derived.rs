//! Defaults that follow from other fields, and how to take them out again.

use serde_json::Value;

use super::{METRICS_FILE, PROMETHEUS_PATH, PROMETHEUS_PORT, TF_EVENT_DIRECTORY, known_kind};
use crate::resources::{
    CollectorKind, ExperimentSpec, FileFormat, FileSystemKind, FileSystemPath,
    MetricsCollectorSpec, ObjectiveSpec, SourceSpec, TrialTemplate,
};

/// Takes out what [`super::set_defaults`] derives from other fields, whoever wrote it. Setting the defaults puts it back.
pub(crate) fn clear_derived(spec: &mut ExperimentSpec) {
    if let Some(objective) = &mut spec.objective {
        clear_strategies(objective);
    }
    if let Some(template) = &mut spec.trial_template {
        clear_template(template);
    }
    if let Some(collector) = &mut spec.metrics_collector_spec {
        clear_source(collector);
    }
}

/// From the end of the list, where defaults are added, so that the others keep their places.
fn clear_strategies(objective: &mut ObjectiveSpec) {
    let default = objective.kind.default_strategy();
    while let Some(last) = objective.metric_strategies.last() {
        let known = objective.metric_names().any(|name| name == last.name);
        if !known || last.value != default {
            return;
        }
        objective.metric_strategies.pop();
    }
}

fn clear_template(template: &mut TrialTemplate) {
    let Some(job) = &template.trial_spec else {
        return;
    };
    let Some(kind) = known_kind(job) else {
        return;
    };
    if template.success_condition == kind.success {
        template.success_condition.clear();
    }
    if template.failure_condition == kind.failure {
        template.failure_condition.clear();
    }
    let labels = kind.primary_pod_labels(job, &template.primary_container_name);
    if template.primary_pod_labels == labels {
        template.primary_pod_labels.clear();
    }
}

fn clear_source(collector: &mut MetricsCollectorSpec) {
    let kind = collector.kind();
    let Some(source) = &mut collector.source else {
        return;
    };
    match (kind, &mut source.file_system_path) {
        (CollectorKind::File, Some(place)) => {
            clear_path(place, FileSystemKind::File, METRICS_FILE);
            place.format.take_if(|format| *format == FileFormat::Text);
        }
        (CollectorKind::TensorFlowEvent, Some(place)) => {
            clear_path(place, FileSystemKind::Directory, TF_EVENT_DIRECTORY);
        }
        (CollectorKind::PrometheusMetric, _) => clear_endpoint(source),
        _ => {}
    }
    source
        .file_system_path
        .take_if(|place| *place == FileSystemPath::default());
    collector
        .source
        .take_if(|source| *source == SourceSpec::default());
}

fn clear_path(place: &mut FileSystemPath, kind: FileSystemKind, path: &str) {
    place.kind.take_if(|given| *given == kind);
    if place.path == path {
        place.path.clear();
    }
}

fn clear_endpoint(source: &mut SourceSpec) {
    let Some(Value::Object(get)) = &mut source.http_get else {
        return;
    };
    if get.get("path").is_some_and(|path| path == PROMETHEUS_PATH) {
        get.remove("path");
    }
    if get.get("port").is_some_and(|port| *port == PROMETHEUS_PORT) {
        get.remove("port");
    }
    if get.is_empty() {
        source.http_get = None;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::defaults::{KINDS, set_defaults};
    use crate::resources::Experiment;

    fn defaulted(spec: &Value) -> Experiment {
        let mut experiment: Experiment = serde_json::from_value(json!({ "spec": spec })).unwrap();
        set_defaults(&mut experiment);
        experiment
    }

    /// Clears what is derived, and puts it back.
    fn cleared(spec: &Value) -> ExperimentSpec {
        let experiment = defaulted(spec);
        let mut cleared = experiment.clone();
        clear_derived(&mut cleared.spec);
        let mut again = cleared.clone();
        set_defaults(&mut again);
        assert_eq!(again, experiment, "{spec}");
        cleared.spec
    }

    #[test]
    fn what_nobody_wrote_is_taken_out_and_comes_back() {
        for direction in ["minimize", "maximize"] {
            let objective = json!({"type": direction, "objectiveMetricName": "a", "additionalMetricNames": ["b", "c"]});
            let spec = cleared(&json!({ "objective": objective }));
            assert_eq!(spec.objective.unwrap().metric_strategies, []);
        }
        for kind in KINDS {
            let version = format!("{}/v1", kind.group);
            let template = json!({"trialSpec": {"apiVersion": version, "kind": kind.name}});
            let spec = cleared(&json!({ "trialTemplate": template }));
            let written = serde_json::from_value(template).unwrap();
            assert_eq!(spec.trial_template, Some(written));
        }
        for kind in [
            "StdOut",
            "File",
            "TensorFlowEvent",
            "PrometheusMetric",
            "Push",
        ] {
            let collector = json!({"collector": {"kind": kind}});
            let spec = cleared(&json!({ "metricsCollectorSpec": collector }));
            assert_eq!(spec.metrics_collector_spec.unwrap().source, None, "{kind}");
        }
    }

    #[test]
    fn what_somebody_wrote_stays() {
        let written = json!({
            "objective": {"type": "maximize", "objectiveMetricName": "a", "additionalMetricNames": ["b"],
                "metricStrategies": [{"name": "a", "value": "max"}, {"name": "b", "value": "latest"}]},
            "trialTemplate": {"trialSpec": {"kind": "Job"}, "successCondition": "x", "primaryPodLabels": {"y": "z"}},
            "metricsCollectorSpec": {"collector": {"kind": "File"},
                "source": {"fileSystemPath": {"path": "/m"}, "filter": {"metricsFormat": ["(a)(b)"]}}},
        });
        let mut expected: Experiment =
            serde_json::from_value(json!({ "spec": written.clone() })).unwrap();
        let spec = cleared(&written);
        expected.spec.parallel_trial_count = spec.parallel_trial_count;
        expected.spec.resume_policy = spec.resume_policy;
        expected.spec.algorithm.clone_from(&spec.algorithm);
        assert_eq!(spec, expected.spec);
    }
}
