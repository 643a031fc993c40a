//! Searches over network architectures.

use diwan_core::problem::Problem;
use diwan_core::resources::{GraphConfig, NasConfig, Operation};

use super::parameter;
use super::path::Path;
use crate::katib;

pub(super) fn read(
    message: katib::NasConfig,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> NasConfig {
    let graph = message.graph_config.unwrap_or_default();
    let list_at = at.field("operations");
    let list_at = list_at.field("operation");
    let operations = message.operations.unwrap_or_default().operation;
    NasConfig {
        graph_config: GraphConfig {
            num_layers: (graph.num_layers != 0).then_some(graph.num_layers),
            input_sizes: graph.input_sizes,
            output_sizes: graph.output_sizes,
        },
        operations: operations
            .into_iter()
            .enumerate()
            .map(|(index, message)| read_operation(message, list_at.index(index), problems))
            .collect(),
    }
}

fn read_operation(
    message: katib::Operation,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> Operation {
    let at = at.field("parameter_specs");
    let parameters = message.parameter_specs.unwrap_or_default().parameters;
    Operation {
        operation_type: message.operation_type,
        parameters: parameter::read_all(parameters, at.field("parameters"), problems),
    }
}

pub(super) fn write(nas: &NasConfig) -> katib::NasConfig {
    let graph = &nas.graph_config;
    katib::NasConfig {
        graph_config: Some(katib::GraphConfig {
            num_layers: graph.num_layers.unwrap_or_default(),
            input_sizes: graph.input_sizes.clone(),
            output_sizes: graph.output_sizes.clone(),
        }),
        operations: Some(katib::nas_config::Operations {
            operation: nas.operations.iter().map(write_operation).collect(),
        }),
    }
}

fn write_operation(operation: &Operation) -> katib::Operation {
    katib::Operation {
        operation_type: operation.operation_type.clone(),
        parameter_specs: Some(katib::operation::ParameterSpecs {
            parameters: operation.parameters.iter().map(parameter::write).collect(),
        }),
    }
}
