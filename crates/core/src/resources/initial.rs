//! What an experiment begins with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Observation, ParameterAssignment};

/// A trial that the user gives: a point to run before the optimizer is asked, or one that is over, to learn from. Katib knows
/// no such thing; the fields are those of its Trials.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InitialTrial {
    /// The point. One that is to run may leave parameters out; they get random values.
    #[serde(default)]
    pub parameter_assignments: Vec<ParameterAssignment>,
    /// What it reached, if it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation: Option<Observation>,
    /// Whether it is over and failed, as it would again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

impl InitialTrial {
    /// Whether it is only to learn from, and never run.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.failed || self.observation.is_some()
    }
}
