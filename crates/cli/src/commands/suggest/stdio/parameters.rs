//! The search space, and values that are numbers here and text to the optimizers.

use diwan_core::resources::{
    Distribution, FeasibleSpace, ParameterAssignment, ParameterCondition, ParameterSpec,
    ParameterType,
};
use serde::Deserialize;
use serde_json::{Map, Number, Value};

/// A parameter.
#[derive(Debug, Deserialize)]
pub(super) struct Parameter {
    name: String,
    #[serde(flatten)]
    domain: Domain,
    #[serde(default)]
    condition: Option<Condition>,
}

/// When it has an effect.
#[derive(Debug, Deserialize)]
struct Condition {
    parent: String,
    values: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Domain {
    Float(Range),
    Int(Range),
    Categorical { choices: Vec<Value> },
}

#[derive(Debug, Deserialize)]
struct Range {
    low: Number,
    high: Number,
    #[serde(default)]
    log: bool,
}

// === impl Parameter ===

impl Parameter {
    /// The same as an experiment says it.
    pub(super) fn spec(&self) -> ParameterSpec {
        let (parameter_type, feasible_space) = match &self.domain {
            Domain::Float(range) => (ParameterType::Double, range.feasible()),
            Domain::Int(range) => (ParameterType::Int, range.feasible()),
            Domain::Categorical { choices } => {
                let list = choices.iter().map(text).collect();
                let space = FeasibleSpace {
                    list,
                    ..FeasibleSpace::default()
                };
                (ParameterType::Categorical, space)
            }
        };
        ParameterSpec {
            name: self.name.clone(),
            parameter_type,
            feasible_space,
            condition: self.condition.as_ref().map(Condition::spec),
        }
    }

    /// What a text of this parameter stands for.
    fn value(&self, given: &str) -> Value {
        let value = match &self.domain {
            Domain::Float(_) => given.parse::<f64>().ok().map(Value::from),
            Domain::Int(_) => given.parse::<i64>().ok().map(Value::from),
            Domain::Categorical { choices } => {
                choices.iter().find(|choice| text(choice) == given).cloned()
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

/// What is suggested, which comes in the order of the space, without parameters that have no effect.
pub(super) fn params(
    space: &[Parameter],
    assignments: &[ParameterAssignment],
) -> Map<String, Value> {
    let mut rest = space.iter();
    let pair = |given: &ParameterAssignment| {
        let parameter = rest.find(|parameter| parameter.name == given.name)?;
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
