//! The search over architectures. Katib leaves these rules to its NAS services, which fail when the experiment runs.

use std::collections::HashSet;

use crate::domain;
use crate::problem::Problem;
use crate::resources::{ExperimentSpec, GraphConfig};

pub(super) fn check(spec: &ExperimentSpec, problems: &mut Vec<Problem>) {
    let Some(nas) = &spec.nas_config else { return };
    graph(&nas.graph_config, problems);
    if nas.operations.is_empty() {
        problems.push(Problem::required(
            "spec.nasConfig.operations",
            "must be specified",
        ));
    }
    let mut types = HashSet::new();
    for (index, operation) in nas.operations.iter().enumerate() {
        let path = format!("spec.nasConfig.operations[{index}]");
        let kind = &operation.operation_type;
        if kind.is_empty() {
            problems.push(Problem::required(
                format!("{path}.operationType"),
                "must be specified",
            ));
        } else if !types.insert(kind) {
            problems.push(Problem::duplicate(
                format!("{path}.operationType"),
                kind.as_str(),
            ));
        }
        let path = format!("{path}.parameters");
        if let Err(found) = domain::read(&path, &operation.parameters) {
            problems.extend(found.0);
        }
        let parameters = operation.parameters.iter().enumerate();
        for (index, _) in parameters.filter(|(_, parameter)| parameter.condition.is_some()) {
            let message = "an operation's parameters have no conditions";
            problems.push(Problem::forbidden(
                format!("{path}[{index}].condition"),
                message,
            ));
        }
    }
}

fn graph(graph: &GraphConfig, problems: &mut Vec<Problem>) {
    let path = "spec.nasConfig.graphConfig";
    match graph.num_layers {
        Some(layers) if layers <= 0 => {
            problems.push(Problem::invalid(
                format!("{path}.numLayers"),
                layers,
                "must be greater than 0",
            ));
        }
        _ => {}
    }
    for (field, sizes) in [
        ("inputSizes", &graph.input_sizes),
        ("outputSizes", &graph.output_sizes),
    ] {
        for (index, size) in sizes.iter().enumerate().filter(|(_, size)| **size <= 0) {
            problems.push(Problem::invalid(
                format!("{path}.{field}[{index}]"),
                *size,
                "must be greater than 0",
            ));
        }
    }
}
