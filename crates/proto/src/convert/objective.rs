//! Objectives. Metric strategies do not travel: Katib's controller applies them before it sends a trial.

use diwan_core::problem::Problem;
use diwan_core::resources::{ObjectiveSpec, ObjectiveType};

use super::path::{Path, known};
use crate::katib;

pub(super) fn read(
    message: katib::ObjectiveSpec,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> ObjectiveSpec {
    let kind = known(
        message.r#type,
        "MINIMIZE (1), MAXIMIZE (2)",
        at.field("type"),
        problems,
    );
    ObjectiveSpec {
        kind: match kind {
            katib::ObjectiveType::Unknown => ObjectiveType::Unknown,
            katib::ObjectiveType::Minimize => ObjectiveType::Minimize,
            katib::ObjectiveType::Maximize => ObjectiveType::Maximize,
        },
        // A goal of 0 and no goal are the same bytes.
        goal: (message.goal != 0.0).then_some(message.goal),
        objective_metric_name: message.objective_metric_name,
        additional_metric_names: message.additional_metric_names,
        metric_strategies: Vec::new(),
    }
}

pub(super) fn write(objective: &ObjectiveSpec) -> katib::ObjectiveSpec {
    let kind = match objective.kind {
        ObjectiveType::Unknown => katib::ObjectiveType::Unknown,
        ObjectiveType::Minimize => katib::ObjectiveType::Minimize,
        ObjectiveType::Maximize => katib::ObjectiveType::Maximize,
    };
    katib::ObjectiveSpec {
        r#type: kind.into(),
        goal: objective.goal.unwrap_or_default(),
        objective_metric_name: objective.objective_metric_name.clone(),
        additional_metric_names: objective.additional_metric_names.clone(),
    }
}
