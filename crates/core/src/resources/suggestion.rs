//! The Suggestion: what Katib's controller asks an optimizer for.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AlgorithmSetting, AlgorithmSpec, Condition, EarlyStoppingRule, EarlyStoppingSpec, ObjectMeta,
    ParameterAssignment, ResumePolicy,
};
use crate::time::Timestamp;

/// The dialogue with the optimizer. It has the experiment's name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Suggestion {
    /// `kubeflow.org/v1beta1`.
    #[serde(default)]
    pub api_version: String,
    /// `Suggestion`.
    #[serde(default)]
    pub kind: String,
    /// Name and namespace of the experiment.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: SuggestionSpec,
    /// What came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SuggestionStatus>,
}

/// What is wanted of the optimizer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuggestionSpec {
    /// Which optimizer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<AlgorithmSpec>,
    /// Which stopping rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStoppingSpec>,
    /// How many points altogether.
    #[serde(default)]
    pub requests: u64,
    /// The experiment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_policy: Option<ResumePolicy>,
}

/// What came from the optimizer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuggestionStatus {
    /// State that the optimizer wants back, merged over the experiment's settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithm_settings: Vec<AlgorithmSetting>,
    /// How many points came.
    #[serde(default)]
    pub suggestion_count: u64,
    /// The newest of them, up to a cap; the store has all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<TrialAssignment>,
    /// When the first was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Timestamp>,
    /// When no more are needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Timestamp>,
    /// Katib's; not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reconcile_time: Option<Timestamp>,
    /// The last one is the current state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// One suggested point, with the name its trial has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialAssignment {
    /// Name of the trial.
    #[serde(default)]
    pub name: String,
    /// The point.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameter_assignments: Vec<ParameterAssignment>,
    /// When to stop the trial early.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early_stopping_rules: Vec<EarlyStoppingRule>,
    /// What the optimizer wants to find again on the trial.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}
