//! Katib's message of an experiment: the part of its specification that algorithms see, without a namespace.

use diwan_core::problem::{Problem, Problems};
use diwan_core::resources::{
    AlgorithmSetting, Experiment, ExperimentSpec, InitialTrial, ObjectMeta, ParameterSpec,
};

use super::path::{Path, required};
use super::{algorithm, nas, objective, parameter, trials};
use crate::katib;

const EXPERIMENT: Path<'static> = Path::root("experiment");

/// The experiment of a request: its name, and what the message has of its specification.
///
/// # Errors
/// When it, its specification, its objective or its algorithm is not there, or an enum has a number that is none of its own.
pub fn read(message: Option<katib::Experiment>) -> Result<Experiment, Problems> {
    let mut problems = Vec::new();
    let message = required(message, EXPERIMENT, &mut problems);
    let experiment = Experiment {
        metadata: ObjectMeta {
            name: message.name,
            ..ObjectMeta::default()
        },
        spec: read_spec(message.spec, &mut problems),
        ..Experiment::default()
    };
    Problems(problems).or(experiment)
}

fn read_spec(
    message: Option<katib::ExperimentSpec>,
    problems: &mut Vec<Problem>,
) -> ExperimentSpec {
    let at = EXPERIMENT.field("spec");
    // One problem says it all when there is nothing.
    let Some(message) = message else {
        if problems.is_empty() {
            problems.push(Problem::required(at.to_string(), "must be set"));
        }
        return ExperimentSpec::default();
    };
    let objective_at = at.field("objective");
    let objective = required(message.objective, objective_at, problems);
    let algorithm = required(message.algorithm, at.field("algorithm"), problems);
    let (nas, initial) = (message.nas_config, message.initial_trials);
    ExperimentSpec {
        parameters: read_parameters(message.parameter_specs, at, problems),
        objective: Some(objective::read(objective, objective_at, problems)),
        algorithm: Some(algorithm::read(algorithm)),
        early_stopping: message.early_stopping.map(algorithm::read_rule),
        parallel_trial_count: given(message.parallel_trial_count),
        max_trial_count: given(message.max_trial_count),
        nas_config: nas.map(|nas| nas::read(nas, at.field("nas_config"), problems)),
        initial_trials: initial.into_iter().map(read_initial).collect(),
        ..ExperimentSpec::default()
    }
}

fn read_parameters(
    message: Option<katib::experiment_spec::ParameterSpecs>,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<ParameterSpec> {
    let at = at.field("parameter_specs");
    let parameters = message.unwrap_or_default().parameters;
    parameter::read_all(parameters, at.field("parameters"), problems)
}

fn read_initial(message: katib::InitialTrial) -> InitialTrial {
    InitialTrial {
        parameter_assignments: parameter::read_assignments(message.parameter_assignments),
        observation: message.observation.map(trials::read_observation),
        failed: message.failed,
    }
}

fn write_initial(spec: &ExperimentSpec) -> Vec<katib::InitialTrial> {
    let objective = spec.objective.clone().unwrap_or_default();
    let write = |trial: &InitialTrial| katib::InitialTrial {
        parameter_assignments: parameter::write_assignments(&trial.parameter_assignments),
        observation: trial
            .observation
            .as_ref()
            .map(|seen| trials::write_observation(&objective, seen)),
        failed: trial.failed,
    };
    spec.initial_trials.iter().map(write).collect()
}

/// 0 is how the message says that a count was not given.
fn given(count: i32) -> Option<i32> {
    (count != 0).then_some(count)
}

/// The message of an experiment. `state` is what an earlier answer asked to keep; it replaces settings of the same name.
#[must_use]
pub fn write(name: &str, spec: &ExperimentSpec, state: &[AlgorithmSetting]) -> katib::Experiment {
    let parameters = spec.parameters.iter().map(parameter::write).collect();
    let algorithm = spec.algorithm.as_ref();
    katib::Experiment {
        name: name.to_owned(),
        spec: Some(katib::ExperimentSpec {
            parameter_specs: Some(katib::experiment_spec::ParameterSpecs { parameters }),
            objective: spec.objective.as_ref().map(objective::write),
            algorithm: algorithm.map(|algorithm| algorithm::write(algorithm, state)),
            early_stopping: spec.early_stopping.as_ref().map(algorithm::write_rule),
            parallel_trial_count: spec.parallel_trial_count.unwrap_or_default(),
            max_trial_count: spec.max_trial_count.unwrap_or_default(),
            nas_config: spec.nas_config.as_ref().map(nas::write),
            initial_trials: write_initial(spec),
        }),
    }
}
