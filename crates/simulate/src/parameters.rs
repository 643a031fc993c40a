//! Short ways to write the parameters of a problem.

use diwan_core::resources::{Distribution, ParameterCondition, ParameterSpec, ParameterType};

/// Real numbers.
pub(crate) fn double(name: &str, min: f64, max: f64) -> ParameterSpec {
    range(name, ParameterType::Double, min, max)
}

/// Real numbers on a grid.
pub(crate) fn stepped(name: &str, min: f64, max: f64, step: f64) -> ParameterSpec {
    let mut spec = double(name, min, max);
    spec.feasible_space.step = step.to_string();
    spec
}

/// Real numbers, their logarithm uniform.
pub(crate) fn log_double(name: &str, min: f64, max: f64) -> ParameterSpec {
    logarithmic(double(name, min, max))
}

/// Whole numbers.
pub(crate) fn int(name: &str, min: i32, max: i32) -> ParameterSpec {
    range(name, ParameterType::Int, min.into(), max.into())
}

/// Whole numbers, their logarithm uniform.
pub(crate) fn log_int(name: &str, min: i32, max: i32) -> ParameterSpec {
    logarithmic(int(name, min, max))
}

/// Words.
pub(crate) fn words(name: &str, list: &[&str]) -> ParameterSpec {
    listed(name, ParameterType::Categorical, list)
}

/// Numbers from a list.
pub(crate) fn numbers(name: &str, list: &[&str]) -> ParameterSpec {
    listed(name, ParameterType::Discrete, list)
}

/// A parameter that has an effect only while another one has this value.
pub(crate) fn under(parent: &str, value: &str, mut spec: ParameterSpec) -> ParameterSpec {
    spec.condition = Some(ParameterCondition {
        parent: parent.to_owned(),
        values: vec![value.to_owned()],
    });
    spec
}

fn listed(name: &str, kind: ParameterType, list: &[&str]) -> ParameterSpec {
    let mut spec = new(name, kind);
    spec.feasible_space.list = list.iter().map(|value| (*value).to_owned()).collect();
    spec
}

fn range(name: &str, kind: ParameterType, min: f64, max: f64) -> ParameterSpec {
    let mut spec = new(name, kind);
    spec.feasible_space.min = min.to_string();
    spec.feasible_space.max = max.to_string();
    spec
}

fn new(name: &str, kind: ParameterType) -> ParameterSpec {
    let mut spec = ParameterSpec {
        name: name.to_owned(),
        ..ParameterSpec::default()
    };
    spec.parameter_type = kind;
    spec
}

fn logarithmic(mut spec: ParameterSpec) -> ParameterSpec {
    spec.feasible_space.distribution = Some(Distribution::LogUniform);
    spec
}
