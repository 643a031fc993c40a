//! The resources, made of what is kept.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::engine::Outcome;
use crate::record::{ExperimentRecord, TrialRecord, TrialState};
use crate::resources::{
    API_VERSION, Condition, ConditionStatus, Experiment, ExperimentSpec, ExperimentStatus,
    ObjectMeta, ResumePolicy, Suggestion, SuggestionSpec, SuggestionStatus, Trial, TrialAssignment,
    TrialSpec, TrialStatus,
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
        status: Some(trial_status(trial)),
    }
}

/// What came of a trial, as Katib would show it.
#[must_use]
pub fn trial_status(trial: &TrialRecord) -> TrialStatus {
    TrialStatus {
        start_time: Some(trial.created),
        completion_time: trial.finished,
        last_reconcile_time: None,
        conditions: trial.conditions.clone(),
        observation: trial.observation.clone(),
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
            conditions: suggestion_conditions(experiment),
        }),
    }
}

/// A Suggestion lives and ends with its experiment, and says so in Katib's words. It has no deployment to be ready, and only
/// its own failure makes it fail.
#[must_use]
pub fn suggestion_conditions(experiment: &ExperimentRecord) -> Vec<Condition> {
    let conditions = experiment.progress.conditions.iter();
    let told = conditions.filter(|condition| condition.kind != "Restarting");
    let mut told: Vec<Condition> = told.map(suggestion_condition).collect();
    if experiment.spec.resume_policy == Some(ResumePolicy::LongRunning) {
        // It stands by for more trials.
        told.retain(|condition| condition.kind != "Succeeded");
        let running = told.iter_mut().filter(|one| one.kind == "Running");
        running.for_each(|one| one.status = ConditionStatus::True);
    }
    told
}

fn suggestion_condition(of_experiment: &Condition) -> Condition {
    let (kind, reason, message) = match of_experiment.kind.as_str() {
        kind @ ("Created" | "Running") => {
            let message = of_experiment
                .message
                .replacen("Experiment", "Suggestion", 1);
            (kind, format!("Suggestion{kind}"), message)
        }
        kind => match Outcome::suggestion_failure(&of_experiment.message) {
            Some(why) => (
                kind,
                "SuggestionFailed".to_owned(),
                format!("Validation failed: {why}"),
            ),
            None => {
                let may_restart = match Outcome::of_reason(&of_experiment.reason) {
                    Some(Outcome::GoalReached) => "can't",
                    _ => "can",
                };
                (
                    "Succeeded",
                    "Experiment is succeeded".to_owned(),
                    format!("Suggestion is succeeded, {may_restart} be restarted"),
                )
            }
        },
    };
    Condition {
        kind: kind.to_owned(),
        reason,
        message,
        ..of_experiment.clone()
    }
}

/// The reference by which what belongs to an experiment names it.
#[must_use]
pub fn owner(experiment: &ExperimentRecord) -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": "Experiment", "name": experiment.metadata.name,
        "uid": experiment.metadata.uid, "controller": true, "blockOwnerDeletion": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Event, Snapshot};
    use crate::record::Progress;
    use crate::resources::ExperimentSpec;
    use crate::time::Timestamp;

    /// Type, status, reason and message of the Suggestion's conditions when the experiment has ended so.
    fn told(outcome: Option<Outcome>) -> Vec<String> {
        let record = ExperimentRecord {
            metadata: ObjectMeta::default(),
            spec: ExperimentSpec::default(),
            progress: Progress::default(),
        };
        let now = Timestamp::from_millis(1);
        let mut snapshot = Snapshot::create(record, now);
        snapshot.apply(Event::StopWithdrawn, now).unwrap();
        if let Some(outcome) = outcome {
            snapshot.apply(Event::Finished(outcome), now).unwrap();
        }
        let one = |one: Condition| {
            let (kind, status) = (one.kind, one.status);
            format!("{kind} {status:?} {}: {}", one.reason, one.message)
        };
        let conditions = suggestion_conditions(&snapshot.record).into_iter();
        conditions.map(one).collect()
    }

    #[test]
    fn a_suggestion_speaks_as_katibs() {
        let created = "Created True SuggestionCreated: Suggestion is created";
        let running = "Running True SuggestionRunning: Suggestion is running";
        assert_eq!(told(None), [created, running]);
        let ended = "Running False SuggestionRunning: Suggestion is not running";
        for (outcome, last) in [
            (
                Outcome::MaxTrialsReached,
                "Succeeded True Experiment is succeeded: Suggestion is succeeded, can be restarted",
            ),
            (
                Outcome::GoalReached,
                "Succeeded True Experiment is succeeded: Suggestion is succeeded, can't be restarted",
            ),
            (
                Outcome::MaxFailedReached,
                "Succeeded True Experiment is succeeded: Suggestion is succeeded, can be restarted",
            ),
            (
                Outcome::SuggestionFailed("no grid".into()),
                "Failed True SuggestionFailed: Validation failed: no grid",
            ),
        ] {
            assert_eq!(told(Some(outcome)), [created, ended, last]);
        }
    }
}
