//! What an experiment optimises, and with what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Metric;
use super::parameter::{scalar, scalar_schema};

/// What to optimise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectiveSpec {
    /// The direction.
    #[serde(
        default,
        rename = "type",
        skip_serializing_if = "ObjectiveType::is_unknown"
    )]
    pub kind: ObjectiveType,
    /// The experiment ends when a trial is at least this good; unset: it runs until its budget is spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<f64>,
    /// The metric to optimise.
    #[serde(default)]
    pub objective_metric_name: String,
    /// More metrics to record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub additional_metric_names: Vec<String>,
    /// Which of a metric's values counts; by default the best for the objective's direction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metric_strategies: Vec<MetricStrategy>,
}

impl ObjectiveSpec {
    /// All metrics that are recorded: the objective first, then the additional ones.
    pub fn metric_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.objective_metric_name)
            .chain(&self.additional_metric_names)
            .map(String::as_str)
    }

    /// The value of a trial's metric that counts.
    #[must_use]
    pub fn chosen<'a>(&self, metric: &'a Metric) -> &'a str {
        metric.chosen(self.strategy_of(&metric.name))
    }

    /// Which value of `metric` counts.
    #[must_use]
    pub fn strategy_of(&self, metric: &str) -> MetricStrategyType {
        let given = self
            .metric_strategies
            .iter()
            .find(|strategy| strategy.name == metric);
        given.map_or(self.kind.default_strategy(), |strategy| strategy.value)
    }
}

/// The direction of an objective.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(extend("x-refusal" = "must be minimize or maximize"))]
pub enum ObjectiveType {
    /// Not given.
    #[default]
    #[serde(rename = "")]
    Unknown,
    /// Smaller is better.
    Minimize,
    /// Larger is better.
    Maximize,
}

impl ObjectiveType {
    fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }

    /// Which value of a metric counts when the experiment does not say.
    #[must_use]
    pub fn default_strategy(self) -> MetricStrategyType {
        match self {
            Self::Maximize => MetricStrategyType::Max,
            Self::Minimize | Self::Unknown => MetricStrategyType::Min,
        }
    }

    /// Whether `a` is strictly better than `b`. NaN is never better, and anything is better than NaN.
    #[must_use]
    pub fn better(self, a: f64, b: f64) -> bool {
        match self {
            _ if a.is_nan() => false,
            _ if b.is_nan() => true,
            Self::Maximize => a > b,
            Self::Minimize | Self::Unknown => a < b,
        }
    }
}

/// Which of a metric's values counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MetricStrategy {
    /// The metric.
    pub name: String,
    /// Its rule.
    pub value: MetricStrategyType,
}

/// Rule to make one value of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricStrategyType {
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The one observed last.
    Latest,
}

/// An optimizer and its settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlgorithmSpec {
    /// A name from `diwan algorithms`.
    #[serde(default)]
    pub algorithm_name: String,
    /// Settings; each algorithm says which it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithm_settings: Vec<AlgorithmSetting>,
}

/// A stopping rule and its settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EarlyStoppingSpec {
    /// Name of the rule.
    #[serde(default)]
    pub algorithm_name: String,
    /// Its settings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub algorithm_settings: Vec<AlgorithmSetting>,
}

/// One setting. Values are strings, as in Katib; bare numbers are read too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AlgorithmSetting {
    /// Name of the setting.
    #[serde(default)]
    pub name: String,
    /// Its value.
    #[serde(default, deserialize_with = "scalar")]
    #[schemars(schema_with = "scalar_schema")]
    pub value: String,
}
