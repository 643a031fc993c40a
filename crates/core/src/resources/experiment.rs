//! The Experiment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AlgorithmSpec, Condition, EarlyStoppingSpec, InitialTrial, MetricsCollectorSpec, NasConfig,
    ObjectMeta, ObjectiveSpec, Observation, ParameterAssignment, ParameterSpec, TrialTemplate,
};
use crate::time::Timestamp;

/// A search space, an objective, an optimizer and a trial template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Experiment {
    /// `kubeflow.org/v1beta1`.
    #[serde(default)]
    pub api_version: String,
    /// `Experiment`.
    #[serde(default)]
    pub kind: String,
    /// Name, namespace, labels.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: ExperimentSpec,
    /// What is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ExperimentStatus>,
}

/// What is wanted of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentSpec {
    /// The search space.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterSpec>,
    /// What to optimise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<ObjectiveSpec>,
    /// The optimizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<AlgorithmSpec>,
    /// The stopping rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStoppingSpec>,
    /// How a trial is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_template: Option<TrialTemplate>,
    /// How many trials run at once; 3 by default, 0 pauses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_trial_count: Option<i32>,
    /// How many trials there may be; unset: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_trial_count: Option<i32>,
    /// How many trials may fail before the experiment does; unset: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failed_trial_count: Option<i32>,
    /// Where metrics come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_collector_spec: Option<MetricsCollectorSpec>,
    /// A search over architectures instead of `parameters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nas_config: Option<NasConfig>,
    /// What is kept for a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_policy: Option<ResumePolicy>,
    /// Diwan: seconds the experiment may run, from 1; then it ends with what it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<i64>,
    /// Diwan: points to run first, and trials that are over, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub initial_trials: Vec<InitialTrial>,
}

impl ExperimentSpec {
    /// The names of the parameters, in the order of the file.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.parameters
            .iter()
            .map(|parameter| parameter.name.as_str())
    }
}

/// What Katib keeps of an experiment's optimizer for a restart. Diwan's optimizers live from the record, so a restart needs
/// nothing kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-refusal" = "invalid ResumePolicyType"))]
pub enum ResumePolicy {
    /// Nothing.
    Never,
    /// The running service.
    LongRunning,
    /// A volume.
    FromVolume,
}

/// What is so of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentStatus {
    /// When it began.
    #[serde(default)]
    pub start_time: Option<Timestamp>,
    /// When it ended; null until then.
    #[serde(default)]
    pub completion_time: Option<Timestamp>,
    /// Katib declares it and never writes it; nor does Diwan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reconcile_time: Option<Timestamp>,
    /// The last one is the current state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// The best trial so far.
    #[serde(default)]
    pub current_optimal_trial: OptimalTrial,
    /// Names of running trials, the newest of them up to a cap; so for the lists below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub running_trial_list: Vec<String>,
    /// Names of pending trials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending_trial_list: Vec<String>,
    /// Names of failed trials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_trial_list: Vec<String>,
    /// Names of succeeded trials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub succeeded_trial_list: Vec<String>,
    /// Names of killed trials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub killed_trial_list: Vec<String>,
    /// Names of early-stopped trials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early_stopped_trial_list: Vec<String>,
    /// Names of trials that ended without their objective.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics_unavailable_trial_list: Vec<String>,
    /// The exact counters.
    #[serde(flatten)]
    pub counts: TrialCounts,
}

/// Exact numbers of trials by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrialCounts {
    /// All trials ever made.
    #[serde(skip_serializing_if = "is_zero")]
    pub trials: u64,
    /// Ended well, with their objective.
    #[serde(skip_serializing_if = "is_zero")]
    pub trials_succeeded: u64,
    /// Ended badly.
    #[serde(skip_serializing_if = "is_zero")]
    pub trials_failed: u64,
    /// Stopped with the experiment or by hand.
    #[serde(skip_serializing_if = "is_zero")]
    pub trials_killed: u64,
    /// Made, not started.
    #[serde(skip_serializing_if = "is_zero")]
    pub trials_pending: u64,
    /// Running.
    #[serde(skip_serializing_if = "is_zero")]
    pub trials_running: u64,
    /// Stopped by a stopping rule.
    #[serde(skip_serializing_if = "is_zero")]
    pub trials_early_stopped: u64,
    /// Ended well, without their objective.
    #[serde(skip_serializing_if = "is_zero")]
    pub trial_metrics_unavailable: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The best trial so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OptimalTrial {
    /// Its name; empty while there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub best_trial_name: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameter_assignments: Vec<ParameterAssignment>,
    /// What it reached.
    #[serde(default)]
    pub observation: Observation,
}
