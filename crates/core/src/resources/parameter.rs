//! The search space as it is written in an Experiment.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// One hyperparameter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ParameterSpec {
    /// Unique in the search space.
    #[serde(default)]
    pub name: String,
    /// What values it takes.
    #[serde(default)]
    pub parameter_type: ParameterType,
    /// Which of them may be tried.
    #[serde(default)]
    pub feasible_space: FeasibleSpace,
    /// When it has an effect; always, if there is none. Katib knows no such thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ParameterCondition>,
}

/// When a parameter has an effect: while another one has an effect, and one of some values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ParameterCondition {
    /// Name of the other parameter, an int, discrete or categorical one.
    #[serde(default)]
    pub parent: String,
    /// The values that it must have one of.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "scalars"
    )]
    #[schemars(schema_with = "scalars_schema")]
    pub values: Vec<String>,
}

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("x-refusal" = "parameterType: {} is not supported"))]
pub enum ParameterType {
    /// Real numbers from `min` to `max`.
    Double,
    /// Whole numbers from `min` to `max`.
    Int,
    /// Numbers from `list`.
    Discrete,
    /// Words from `list`, without order.
    Categorical,
    /// Katib's placeholder for no type; never valid in an experiment.
    #[default]
    Unknown,
}

/// The values that may be tried. Numbers are written as strings, as in Katib; bare numbers are read too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeasibleSpace {
    /// Largest value, inclusive (double, int).
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "scalar"
    )]
    #[schemars(schema_with = "scalar_schema")]
    pub max: String,
    /// Smallest value, inclusive (double, int).
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "scalar"
    )]
    #[schemars(schema_with = "scalar_schema")]
    pub min: String,
    /// All values (discrete, categorical).
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "scalars"
    )]
    #[schemars(schema_with = "scalars_schema")]
    pub list: Vec<String>,
    /// Distance between values, counted from `min` (double, int).
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "scalar"
    )]
    #[schemars(schema_with = "scalar_schema")]
    pub step: String,
    /// How values between `min` and `max` are weighted; `uniform` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
}

/// How values between `min` and `max` are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-refusal" = "distribution: {} is not supported"))]
pub enum Distribution {
    /// All alike.
    Uniform,
    /// The logarithm is uniform; needs `min` > 0.
    LogUniform,
    /// Normal around the middle, a sixth of the range as standard deviation, truncated to the range.
    Normal,
    /// The logarithm is normal in that way; needs `min` > 0.
    LogNormal,
    /// Katib's placeholder; read as `uniform`.
    Unknown,
}

/// A value given to a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct ParameterAssignment {
    /// Name of the parameter.
    #[serde(default)]
    pub name: String,
    /// The value, as text.
    #[serde(default, deserialize_with = "scalar")]
    #[schemars(schema_with = "scalar_schema")]
    pub value: String,
}

/// Reads a string, or the text of a bare number or boolean.
pub(crate) fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(text_of(Value::deserialize(deserializer)?))
}

pub(crate) fn scalars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::<Vec<Value>>::deserialize(deserializer)?
        .unwrap_or_default()
        .into_iter()
        .map(text_of)
        .collect())
}

fn text_of(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

pub(crate) fn scalar_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["string", "number", "boolean", "null"]})
}

fn scalars_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": ["array", "null"], "items": {"type": ["string", "number", "boolean"]}})
}
