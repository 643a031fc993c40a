//! Search spaces.

use diwan_core::problem::Problem;
use diwan_core::resources::{
    Distribution, FeasibleSpace, ParameterAssignment, ParameterCondition, ParameterSpec,
    ParameterType,
};

use super::path::{Path, known, required};
use crate::katib;

pub(super) fn read_all(
    messages: Vec<katib::ParameterSpec>,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<ParameterSpec> {
    messages
        .into_iter()
        .enumerate()
        .map(|(index, message)| read(message, at.index(index), problems))
        .collect()
}

fn read(message: katib::ParameterSpec, at: Path<'_>, problems: &mut Vec<Problem>) -> ParameterSpec {
    let kind = known(
        message.parameter_type,
        "DOUBLE (1), INT (2), DISCRETE (3), CATEGORICAL (4)",
        at.field("parameter_type"),
        problems,
    );
    let space_at = at.field("feasible_space");
    let space = required(message.feasible_space, space_at, problems);
    let distribution = known(
        space.distribution,
        "UNIFORM (1), LOG_UNIFORM (2), NORMAL (3), LOG_NORMAL (4)",
        space_at.field("distribution"),
        problems,
    );
    ParameterSpec {
        name: message.name,
        parameter_type: match kind {
            katib::ParameterType::UnknownType => ParameterType::Unknown,
            katib::ParameterType::Double => ParameterType::Double,
            katib::ParameterType::Int => ParameterType::Int,
            katib::ParameterType::Discrete => ParameterType::Discrete,
            katib::ParameterType::Categorical => ParameterType::Categorical,
        },
        feasible_space: FeasibleSpace {
            max: space.max,
            min: space.min,
            list: space.list,
            step: space.step,
            distribution: Some(match distribution {
                katib::Distribution::Unspecified | katib::Distribution::Uniform => {
                    Distribution::Uniform
                }
                katib::Distribution::LogUniform => Distribution::LogUniform,
                katib::Distribution::Normal => Distribution::Normal,
                katib::Distribution::LogNormal => Distribution::LogNormal,
            }),
        },
        condition: message.condition.map(|condition| ParameterCondition {
            parent: condition.parent,
            values: condition.values,
        }),
    }
}

pub(super) fn write(parameter: &ParameterSpec) -> katib::ParameterSpec {
    let space = &parameter.feasible_space;
    let kind = match parameter.parameter_type {
        ParameterType::Unknown => katib::ParameterType::UnknownType,
        ParameterType::Double => katib::ParameterType::Double,
        ParameterType::Int => katib::ParameterType::Int,
        ParameterType::Discrete => katib::ParameterType::Discrete,
        ParameterType::Categorical => katib::ParameterType::Categorical,
    };
    let distribution = match space.distribution {
        None | Some(Distribution::Unknown) => katib::Distribution::Unspecified,
        Some(Distribution::Uniform) => katib::Distribution::Uniform,
        Some(Distribution::LogUniform) => katib::Distribution::LogUniform,
        Some(Distribution::Normal) => katib::Distribution::Normal,
        Some(Distribution::LogNormal) => katib::Distribution::LogNormal,
    };
    katib::ParameterSpec {
        name: parameter.name.clone(),
        parameter_type: kind.into(),
        feasible_space: Some(katib::FeasibleSpace {
            max: space.max.clone(),
            min: space.min.clone(),
            list: space.list.clone(),
            step: space.step.clone(),
            distribution: distribution.into(),
        }),
        condition: parameter
            .condition
            .as_ref()
            .map(|condition| katib::ParameterCondition {
                parent: condition.parent.clone(),
                values: condition.values.clone(),
            }),
    }
}

pub(super) fn read_assignments(
    messages: Vec<katib::ParameterAssignment>,
) -> Vec<ParameterAssignment> {
    messages
        .into_iter()
        .map(|katib::ParameterAssignment { name, value }| ParameterAssignment { name, value })
        .collect()
}

pub(super) fn write_assignments(
    assignments: &[ParameterAssignment],
) -> Vec<katib::ParameterAssignment> {
    let write = |assignment: &ParameterAssignment| katib::ParameterAssignment {
        name: assignment.name.clone(),
        value: assignment.value.clone(),
    };
    assignments.iter().map(write).collect()
}
