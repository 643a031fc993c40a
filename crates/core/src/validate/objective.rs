//! What is optimised.

use std::collections::HashSet;

use crate::problem::Problem;
use crate::resources::{ExperimentSpec, ObjectiveSpec, ObjectiveType};

const PATH: &str = "spec.objective";

pub(super) fn check(spec: &ExperimentSpec, problems: &mut Vec<Problem>) {
    let Some(objective) = &spec.objective else {
        problems.push(Problem::required(PATH, "must be specified"));
        return;
    };
    if objective.kind == ObjectiveType::Unknown {
        let message = "must be minimize or maximize";
        problems.push(Problem::invalid(format!("{PATH}.type"), "", message));
    }
    if objective.objective_metric_name.is_empty() {
        problems.push(Problem::required(
            format!("{PATH}.objectiveMetricName"),
            "must be specified",
        ));
    }
    if let Some(goal) = objective.goal.filter(|goal| !goal.is_finite()) {
        let message = "must be a finite number";
        problems.push(Problem::invalid(
            format!("{PATH}.goal"),
            goal.to_string(),
            message,
        ));
    }
    additional(objective, problems);
    strategies(objective, problems);
}

fn additional(objective: &ObjectiveSpec, problems: &mut Vec<Problem>) {
    let path = format!("{PATH}.additionalMetricNames");
    let names = &objective.additional_metric_names;
    if names.contains(&objective.objective_metric_name) {
        let message = "should not contain spec.objective.objectiveMetricName";
        problems.push(Problem::invalid(path.as_str(), names.as_slice(), message));
    }
    let mut seen = HashSet::new();
    for (index, name) in names.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if name.is_empty() {
            problems.push(Problem::required(path, "must not be empty"));
        } else if !seen.insert(name) {
            problems.push(Problem::duplicate(path, name.as_str()));
        }
    }
}

fn strategies(objective: &ObjectiveSpec, problems: &mut Vec<Problem>) {
    let metrics: HashSet<&str> = objective.metric_names().collect();
    let mut seen = HashSet::new();
    for (index, strategy) in objective.metric_strategies.iter().enumerate() {
        let path = format!("{PATH}.metricStrategies[{index}].name");
        let name = strategy.name.as_str();
        if !metrics.contains(name) {
            let message =
                "is neither spec.objective.objectiveMetricName nor one of additionalMetricNames";
            problems.push(
                Problem::invalid(path, name, message).hinting_at(name, objective.metric_names()),
            );
        } else if !seen.insert(name) {
            problems.push(Problem::duplicate(path, name));
        }
    }
}
