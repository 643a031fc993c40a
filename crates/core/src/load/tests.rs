//! Whole files: what is refused, in which words, at which place.

mod collector;
mod examples;
mod experiment;
mod files;
mod initial;
mod mutated;
mod template;

use super::*;

/// A file with nothing wrong. Tests replace pieces of it.
pub(super) const GOOD: &str = r#"apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: random
  namespace: kubeflow
spec:
  objective:
    type: minimize
    goal: 0.001
    objectiveMetricName: loss
    additionalMetricNames: [accuracy]
  algorithm:
    algorithmName: random
  parallelTrialCount: 3
  maxTrialCount: 12
  maxFailedTrialCount: 3
  parameters:
    - name: lr
      parameterType: double
      feasibleSpace:
        min: "0.01"
        max: "0.05"
    - name: optimizer
      parameterType: categorical
      feasibleSpace:
        list: [sgd, adam]
  trialTemplate:
    primaryContainerName: training
    trialParameters:
      - name: learningRate
        description: Learning rate
        reference: lr
      - name: optimizer
        reference: optimizer
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            containers:
              - name: training
                image: docker.io/library/python
                command:
                  - python3
                  - train.py
                  - --lr=${trialParameters.learningRate}
                  - --optimizer=${trialParameters.optimizer}
            restartPolicy: Never
"#;

pub(super) fn context() -> Context<'static> {
    Context {
        algorithms: &["auto", "random", "grid", "sobol"],
        early_stopping: &["medianstop"],
        config_map: None,
    }
}

/// What is said of a text, a line each.
pub(super) fn said(text: &str) -> Vec<String> {
    match check(text, &context()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.0.iter().map(ToString::to_string).collect(),
    }
}

/// The good file with pieces replaced; each must be there exactly once.
pub(super) fn with(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(GOOD.to_owned(), |text, (old, new)| {
        assert_eq!(
            text.matches(old).count(),
            1,
            "{old:?} is not there exactly once"
        );
        text.replacen(old, new, 1)
    })
}

/// What is said of the good file with one piece replaced.
pub(super) fn broken(old: &str, new: &str) -> Vec<String> {
    said(&with(&[(old, new)]))
}
