//! The Trial.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::parameter::{scalar, scalar_schema};
use super::{
    Condition, MetricStrategyType, MetricsCollectorSpec, ObjectMeta, ObjectiveSpec,
    ParameterAssignment,
};
use crate::time::Timestamp;

/// Written where a metric has no value.
pub const UNAVAILABLE: &str = "unavailable";

/// One assignment of the parameters, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// `kubeflow.org/v1beta1`.
    #[serde(default)]
    pub api_version: String,
    /// `Trial`.
    #[serde(default)]
    pub kind: String,
    /// Name and namespace.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is to run.
    #[serde(default)]
    pub spec: TrialSpec,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TrialStatus>,
}

/// What a trial is to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialSpec {
    /// The experiment's objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<ObjectiveSpec>,
    /// The point.
    #[serde(default)]
    pub parameter_assignments: Vec<ParameterAssignment>,
    /// When to stop early.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub early_stopping_rules: Vec<EarlyStoppingRule>,
    /// The whole rendered job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_spec: Option<Map<String, Value>>,
    /// Keep the job when done.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain_run: bool,
    /// Where metrics come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_collector: Option<MetricsCollectorSpec>,
    /// Labels that mark the pod whose metrics count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub primary_pod_labels: BTreeMap<String, String>,
    /// The container whose metrics count.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub primary_container_name: String,
    /// GJSON expression that tells success.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub success_condition: String,
    /// GJSON expression that tells failure.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure_condition: String,
    /// What the optimizer wants to find again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// What came of a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialStatus {
    /// When it was made.
    #[serde(default)]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub completion_time: Option<Timestamp>,
    /// Katib's; not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reconcile_time: Option<Timestamp>,
    /// The last one is the current state.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation: Option<Observation>,
}

/// The summary of what a trial reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// A row a metric, the objective first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
}

impl Observation {
    /// The row of a metric.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// One metric of a trial. Values are text, `unavailable` where there is none; bare numbers are read too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// The smallest number reported.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "scalar"
    )]
    #[schemars(schema_with = "scalar_schema")]
    pub min: String,
    /// The largest number reported.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "scalar"
    )]
    #[schemars(schema_with = "scalar_schema")]
    pub max: String,
    /// What was reported last, number or not.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "scalar"
    )]
    #[schemars(schema_with = "scalar_schema")]
    pub latest: String,
}

impl Metric {
    /// The value that counts by a strategy; the latest where there is no smallest or largest.
    #[must_use]
    pub fn chosen(&self, strategy: MetricStrategyType) -> &str {
        let text = match strategy {
            MetricStrategyType::Min => &self.min,
            MetricStrategyType::Max => &self.max,
            MetricStrategyType::Latest => &self.latest,
        };
        if text == UNAVAILABLE || text.is_empty() {
            &self.latest
        } else {
            text
        }
    }
}

/// Stop the trial when a metric compares so with a value, from the `startStep`-th report on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlyStoppingRule {
    /// The metric.
    #[serde(default)]
    pub name: String,
    /// The value to compare with.
    #[serde(default, deserialize_with = "scalar")]
    #[schemars(schema_with = "scalar_schema")]
    pub value: String,
    /// How to compare.
    #[serde(default)]
    pub comparison: Comparison,
    /// Reports of the metric before the rule counts; 0: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_step: Option<i32>,
}

/// How a rule compares the metric with its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    /// Equal.
    #[default]
    Equal,
    /// The metric is less.
    Less,
    /// The metric is greater.
    Greater,
}
