//! What the user says that a trial has reported.

use std::collections::HashSet;

use crate::domain;
use crate::problem::{Problem, nearest};
use crate::resources::{Metric, ObjectiveSpec, Observation};

/// Notes what is wrong with the observation of the trial at a path.
pub(super) fn check(
    at: &str,
    observation: &Observation,
    objective: &ObjectiveSpec,
    problems: &mut Vec<Problem>,
) {
    let at = format!("{at}.observation.metrics");
    let mut seen = HashSet::new();
    for (index, metric) in observation.metrics.iter().enumerate() {
        if !seen.insert(metric.name.as_str()) {
            let path = format!("{at}[{index}].name");
            problems.push(Problem::duplicate(path, metric.name.as_str()));
        }
    }
    let wanted = objective.objective_metric_name.as_str();
    let found = observation
        .metrics
        .iter()
        .position(|one| one.name == wanted);
    match found {
        Some(index) => value(
            &format!("{at}[{index}]"),
            objective,
            &observation.metrics[index],
            problems,
        ),
        None => problems.push(missing(&at, wanted, observation)),
    }
}

fn missing(at: &str, wanted: &str, observation: &Observation) -> Problem {
    let names = observation
        .metrics
        .iter()
        .map(|metric| metric.name.as_str());
    match nearest(wanted, names.clone()) {
        Some(name) => {
            let index = names
                .clone()
                .position(|one| one == name)
                .unwrap_or_default();
            Problem::invalid(format!("{at}[{index}].name"), name, "is not the objective")
                .hinting_at(name, [wanted])
        }
        None => Problem::required(at, format!("must have the objective, {wanted}")),
    }
}

/// Whether the value that counts is a number to learn from.
fn value(at: &str, objective: &ObjectiveSpec, metric: &Metric, problems: &mut Vec<Problem>) {
    let text = objective.chosen(metric);
    if text.is_empty() {
        let message = "must be the value that counts, a finite number";
        problems.push(Problem::required(format!("{at}.latest"), message));
    } else if domain::finite(text).is_none() {
        let field = [("min", &metric.min), ("max", &metric.max)];
        let field = field
            .iter()
            .find(|(_, other)| other.as_str() == text && metric.latest != **other);
        let field = field.map_or("latest", |(name, _)| name);
        let problem = Problem::invalid(format!("{at}.{field}"), text, "must be a finite number");
        problems.push(problem.with_hint("a trial without a result is one with failed: true"));
    }
}
