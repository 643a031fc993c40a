//! The search space, and values that are numbers here and text to the optimizers.

use diwan_core::resources::{
    Distribution, FeasibleSpace, ParameterAssignment, ParameterCondition, ParameterSpec,
    ParameterType,
};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

/// A parameter.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Parameter {
    Float(Range),
    Int(Range),
    Categorical(Category),
}

/// A parameter that is a number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Range {
    name: String,
    low: Number,
    high: Number,
    #[serde(default)]
    log: bool,
    #[serde(default)]
    condition: Option<Condition>,
}

/// A parameter that is one of several values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Category {
    name: String,
    choices: Vec<Value>,
    #[serde(default)]
    condition: Option<Condition>,
}

/// When a parameter has an effect.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    parent: String,
    values: Vec<Value>,
}

// === impl Parameter ===

impl Parameter {
    /// The same as an experiment says it.
    pub(super) fn spec(&self) -> ParameterSpec {
        let (parameter_type, feasible_space, condition) = match self {
            Self::Float(range) => (ParameterType::Double, range.feasible(), &range.condition),
            Self::Int(range) => (ParameterType::Int, range.feasible(), &range.condition),
            Self::Categorical(category) => (
                ParameterType::Categorical,
                category.feasible(),
                &category.condition,
            ),
        };
        ParameterSpec {
            name: self.name().to_owned(),
            parameter_type,
            feasible_space,
            condition: condition.as_ref().map(Condition::spec),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Float(range) | Self::Int(range) => &range.name,
            Self::Categorical(category) => &category.name,
        }
    }

    /// What a text of this parameter stands for.
    fn value(&self, given: &str) -> Value {
        let value = match self {
            Self::Float(_) => given.parse::<f64>().ok().map(Value::from),
            Self::Int(_) => given.parse::<i64>().ok().map(Value::from),
            Self::Categorical(category) => {
                let mut choices = category.choices.iter();
                choices.find(|choice| text(choice) == given).cloned()
            }
        };
        value.unwrap_or_else(|| given.into())
    }
}

impl Condition {
    fn spec(&self) -> ParameterCondition {
        ParameterCondition {
            parent: self.parent.clone(),
            values: self.values.iter().map(text).collect(),
        }
    }
}

impl Range {
    fn feasible(&self) -> FeasibleSpace {
        FeasibleSpace {
            min: self.low.to_string(),
            max: self.high.to_string(),
            distribution: self.log.then_some(Distribution::LogUniform),
            ..FeasibleSpace::default()
        }
    }
}

impl Category {
    fn feasible(&self) -> FeasibleSpace {
        FeasibleSpace {
            list: self.choices.iter().map(text).collect(),
            ..FeasibleSpace::default()
        }
    }
}

/// What is suggested, which comes in the order of the space, without parameters that have no effect.
pub(super) fn params(
    space: &[Parameter],
    assignments: &[ParameterAssignment],
) -> Map<String, Value> {
    let mut rest = space.iter();
    let pair = |given: &ParameterAssignment| {
        let parameter = rest.find(|parameter| parameter.name() == given.name)?;
        Some((given.name.clone(), parameter.value(&given.value)))
    };
    assignments.iter().filter_map(pair).collect()
}

/// What another program tried.
pub(super) fn assignments(params: &Map<String, Value>) -> Vec<ParameterAssignment> {
    let assign = |(name, value): (&String, &Value)| ParameterAssignment {
        name: name.clone(),
        value: text(value),
    };
    params.iter().map(assign).collect()
}

/// The text of a value; it reads back as the same number.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
