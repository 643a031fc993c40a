//! Neural-architecture search: the configuration that ENAS and DARTS read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ParameterSpec;

/// A search over network architectures, instead of `parameters`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NasConfig {
    /// The graph's outline.
    #[serde(default)]
    pub graph_config: GraphConfig,
    /// What a layer may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
}

/// Outline of the network. Sizes may repeat (`[32, 32, 3]`): they are lists, not sets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GraphConfig {
    /// How many layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_layers: Option<i32>,
    /// Shape of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_sizes: Vec<i32>,
    /// Shape of the output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_sizes: Vec<i32>,
}

/// One kind of layer and its hyperparameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Such as `convolution`.
    #[serde(default)]
    pub operation_type: String,
    /// Its hyperparameters; may be empty (`skip_connection`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterSpec>,
}
