//! The optimizer and the stopping rule. Their settings are theirs to judge.

use std::collections::HashSet;

use super::Context;
use crate::problem::{Problem, nearest};
use crate::resources::{AlgorithmSetting, ExperimentSpec};

pub(super) fn check(spec: &ExperimentSpec, context: &Context<'_>, problems: &mut Vec<Problem>) {
    match &spec.algorithm {
        None => problems.push(Problem::required("spec.algorithm", "must be specified")),
        Some(algorithm) => {
            let path = "spec.algorithm";
            name(
                path,
                &algorithm.algorithm_name,
                "Suggestion",
                "suggestion",
                context.algorithms,
                problems,
            );
            settings(path, &algorithm.algorithm_settings, problems);
        }
    }
    if let Some(rule) = &spec.early_stopping {
        let path = "spec.earlyStopping";
        name(
            path,
            &rule.algorithm_name,
            "EarlyStopping",
            "early stopping",
            context.early_stopping,
            problems,
        );
        settings(path, &rule.algorithm_settings, problems);
    }
}

fn name(
    path: &str,
    name: &str,
    service: &str,
    what: &str,
    known: &[&str],
    problems: &mut Vec<Problem>,
) {
    let path = format!("{path}.algorithmName");
    if name.is_empty() {
        problems.push(Problem::required(path, "must be specified"));
    } else if !known.contains(&name) {
        let message = format!(
            "unable to get {service} config data for algorithm {name}: failed to find {what} config for algorithm: {name} \
             in ConfigMap: katib-config"
        );
        let hint = match nearest(name, known.iter().copied()) {
            Some(word) => format!("did you mean {word:?}?"),
            None => format!("one of {}", known.join(", ")),
        };
        problems.push(Problem::invalid(path, name, message).with_hint(hint));
    }
}

fn settings(path: &str, settings: &[AlgorithmSetting], problems: &mut Vec<Problem>) {
    let mut seen = HashSet::new();
    for (index, setting) in settings.iter().enumerate() {
        let path = format!("{path}.algorithmSettings[{index}].name");
        if setting.name.is_empty() {
            problems.push(Problem::required(path, "must be specified"));
        } else if !seen.insert(&setting.name) {
            problems.push(Problem::duplicate(path, setting.name.as_str()));
        }
    }
}
