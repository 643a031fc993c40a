//! How a trial is made of an assignment.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::defaults::SIMULATED;

/// How a trial is made of an assignment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialTemplate {
    /// Keep the trial's job when it is done. On a laptop nothing of a trial is removed anyway.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain: bool,
    /// The job, of any kind, with placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial_spec: Option<Map<String, Value>>,
    /// Or where the job stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapSource>,
    /// The placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trial_parameters: Vec<TrialParameterSpec>,
    /// Labels that mark the pod whose metrics count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub primary_pod_labels: BTreeMap<String, String>,
    /// The container whose metrics count.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub primary_container_name: String,
    /// GJSON expression on the job that tells success.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub success_condition: String,
    /// GJSON expression on the job that tells failure.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure_condition: String,
    /// Diwan: seconds a trial may run, from 1; then it is stopped and counts as failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<i64>,
    /// Diwan: how often a failed trial is run again, from 0 (the default). One that ran longer than `activeDeadlineSeconds` of
    /// this template is not: it would again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_limit: Option<i32>,
}

impl TrialTemplate {
    /// The kind of its job, if the job stands in the template.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.trial_spec.as_ref()?.get("kind")?.as_str()
    }

    /// Whether its trials are played, not run.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        self.kind() == Some(SIMULATED)
    }
}

/// A job template in a ConfigMap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapSource {
    /// Its name.
    #[serde(default)]
    pub config_map_name: String,
    /// Its namespace.
    #[serde(default)]
    pub config_map_namespace: String,
    /// The key of its data.
    #[serde(default)]
    pub template_path: String,
}

/// A placeholder: `${trialParameters.<name>}` in the template becomes the value of `reference`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrialParameterSpec {
    /// Name in the template.
    #[serde(default)]
    pub name: String,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A parameter of the search space, or `${trialSpec.…}`.
    #[serde(default)]
    pub reference: String,
}
