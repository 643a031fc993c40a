//! The resources, made of what is kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::record::{ExperimentRecord, TrialRecord, TrialState};
use crate::resources::{
    API_VERSION, Condition, Experiment, ExperimentSpec, ExperimentStatus, ObjectMeta, Suggestion,
    SuggestionSpec, SuggestionStatus, Trial, TrialAssignment, TrialSpec, TrialStatus,
};

/// Label on a trial that names its experiment.
pub const EXPERIMENT_LABEL: &str = "katib.kubeflow.org/experiment";
/// Annotation with the directory of the file that an experiment came from.
pub const SOURCE_ANNOTATION: &str = "diwan.dev/source-directory";
/// Annotation with the directory below which an experiment's trials live on this machine. Fixed at creation: whoever goes on
/// with the experiment must find its lock and its running trials there.
pub const WORK_ANNOTATION: &str = "diwan.dev/work-directory";
/// Annotation with the text of the template that a ConfigMap held when the experiment was made.
pub const TEMPLATE_ANNOTATION: &str = "diwan.dev/config-map-template";
/// Annotation with the `parallelTrialCount` to go back to after a pause.
pub const PAUSED_ANNOTATION: &str = "diwan.dev/parallel-trial-count";
/// How many names of each state a status lists; the newest are kept, the counters are exact, the store has all.
pub const NAMES_CAP: u32 = 1000;

/// Names of trials by state, newest last, each list at most [`NAMES_CAP`] long.
pub type NamesByState = BTreeMap<TrialState, Vec<String>>;

/// The Experiment as Katib would show it.
#[must_use]
pub fn experiment(record: &ExperimentRecord, version: u64, mut names: NamesByState) -> Experiment {
    let progress = &record.progress;
    let mut list = |state| names.remove(&state).unwrap_or_default();
    let status = ExperimentStatus {
        start_time: progress.start_time,
        completion_time: progress.completion_time,
        last_reconcile_time: None,
        conditions: progress.conditions.clone(),
        current_optimal_trial: progress.best.clone(),
        running_trial_list: list(TrialState::Running),
        pending_trial_list: list(TrialState::Pending),
        failed_trial_list: list(TrialState::Failed),
        succeeded_trial_list: list(TrialState::Succeeded),
        killed_trial_list: list(TrialState::Killed),
        early_stopped_trial_list: list(TrialState::EarlyStopped),
        metrics_unavailable_trial_list: list(TrialState::MetricsUnavailable),
        counts: progress.counts,
    };
    let mut metadata = record.metadata.clone();
    metadata.resource_version = version.to_string();
    Experiment {
        api_version: API_VERSION.into(),
        kind: "Experiment".into(),
        metadata,
        spec: record.spec.clone(),
        status: Some(status),
    }
}

/// The Trial as Katib would show it; `run_spec` is its rendered job.
#[must_use]
pub fn trial(
    experiment: &ExperimentRecord,
    trial: &TrialRecord,
    run_spec: Option<Map<String, Value>>,
) -> Trial {
    let mut labels = trial.labels.clone();
    labels.insert(EXPERIMENT_LABEL.into(), experiment.metadata.name.clone());
    Trial {
        api_version: API_VERSION.into(),
        kind: "Trial".into(),
        metadata: ObjectMeta {
            name: trial.name.clone(),
            namespace: experiment.metadata.namespace.clone(),
            creation_timestamp: Some(trial.created),
            labels,
            owner_references: vec![owner(experiment)],
            ..ObjectMeta::default()
        },
        spec: trial_spec(&experiment.spec, trial, run_spec),
        status: Some(TrialStatus {
            start_time: Some(trial.created),
            completion_time: trial.finished,
            last_reconcile_time: None,
            conditions: trial.conditions.clone(),
            observation: trial.observation.clone(),
        }),
    }
}

fn trial_spec(
    spec: &ExperimentSpec,
    trial: &TrialRecord,
    run_spec: Option<Map<String, Value>>,
) -> TrialSpec {
    let template = spec.trial_template.clone().unwrap_or_default();
    TrialSpec {
        objective: spec.objective.clone(),
        parameter_assignments: trial.assignments.clone(),
        early_stopping_rules: trial.rules.clone(),
        run_spec,
        retain_run: template.retain,
        metrics_collector: spec.metrics_collector_spec.clone(),
        primary_pod_labels: template.primary_pod_labels,
        primary_container_name: template.primary_container_name,
        success_condition: template.success_condition,
        failure_condition: template.failure_condition,
        labels: trial.labels.clone(),
    }
}

/// The Suggestion as Katib would show it, with the points of `trials` (the newest, up to a cap of the caller's).
#[must_use]
pub fn suggestion(experiment: &ExperimentRecord, trials: &[TrialRecord]) -> Suggestion {
    let progress = &experiment.progress;
    let count = progress.counts.trials;
    let points = trials.iter().map(|trial| TrialAssignment {
        name: trial.name.clone(),
        parameter_assignments: trial.assignments.clone(),
        early_stopping_rules: trial.rules.clone(),
        labels: trial.labels.clone(),
    });
    Suggestion {
        api_version: API_VERSION.into(),
        kind: "Suggestion".into(),
        metadata: ObjectMeta {
            name: experiment.metadata.name.clone(),
            namespace: experiment.metadata.namespace.clone(),
            creation_timestamp: experiment.metadata.creation_timestamp,
            labels: experiment.metadata.labels.clone(),
            owner_references: vec![owner(experiment)],
            ..ObjectMeta::default()
        },
        spec: SuggestionSpec {
            algorithm: experiment.spec.algorithm.clone(),
            early_stopping: experiment.spec.early_stopping.clone(),
            requests: count,
            resume_policy: experiment.spec.resume_policy,
        },
        status: Some(SuggestionStatus {
            algorithm_settings: progress.algorithm_settings.clone(),
            suggestion_count: count,
            suggestions: points.collect(),
            start_time: progress.start_time,
            completion_time: progress.completion_time,
            last_reconcile_time: None,
            conditions: suggestion_conditions(&progress.conditions),
        }),
    }
}

/// A Suggestion lives and ends with its experiment, and says so in its own words.
fn suggestion_conditions(of_experiment: &[Condition]) -> Vec<Condition> {
    let told = of_experiment
        .iter()
        .filter(|condition| condition.kind != "Restarting");
    let translate = |condition: &Condition| Condition {
        reason: format!("Suggestion{}", condition.kind),
        message: condition.message.replacen("Experiment", "Suggestion", 1),
        ..condition.clone()
    };
    told.map(translate).collect()
}

fn owner(experiment: &ExperimentRecord) -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": "Experiment", "name": experiment.metadata.name,
        "uid": experiment.metadata.uid, "controller": true, "blockOwnerDeletion": true,
    })
}
