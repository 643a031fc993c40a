//! The history of an experiment, as requests carry it.

use diwan_core::domain;
use diwan_core::problem::{Problem, Problems};
use diwan_core::record::{TrialRecord, TrialState};
use diwan_core::resources::{Metric, ObjectiveSpec, Observation, ParameterSpec};
use diwan_core::time::Timestamp;

use super::path::Path;
use super::time::{timestamp, write_timestamp};
use super::{objective, parameter};
use crate::katib;
use crate::katib::trial_status::TrialConditionType as Condition;

/// The trials of a request, numbered in its order. A value of a metric counts as its smallest, largest and latest one.
///
/// # Errors
/// When a time is none.
pub fn read(messages: Vec<katib::Trial>) -> Result<Vec<TrialRecord>, Problems> {
    let at = Path::root("trials");
    let mut problems = Vec::new();
    let trials = (0..)
        .zip(messages)
        .enumerate()
        .map(|(index, (number, message))| {
            read_trial(number, message, at.index(index), &mut problems)
        })
        .collect();
    Problems(problems).or(trials)
}

fn read_trial(
    number: u64,
    message: katib::Trial,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> TrialRecord {
    let spec = message.spec.unwrap_or_default();
    let status = message.status.unwrap_or_default();
    let assignments = spec.parameter_assignments.unwrap_or_default().assignments;
    let at = at.field("status");
    let started = timestamp(&status.start_time, at.field("start_time"), problems);
    let assignments = parameter::read_assignments(assignments);
    TrialRecord {
        labels: spec.labels,
        created: started.unwrap_or(Timestamp::from_millis(0)),
        started,
        finished: timestamp(
            &status.completion_time,
            at.field("completion_time"),
            problems,
        ),
        observation: status.observation.map(read_observation),
        ..TrialRecord::foreign(
            number,
            message.name,
            assignments,
            read_state(status.condition),
        )
    }
}

/// `UNKNOWN`, and any condition that was invented later, says no more than that the trial was made.
fn read_state(condition: i32) -> TrialState {
    match Condition::try_from(condition).unwrap_or(Condition::Unknown) {
        Condition::Created | Condition::Unknown => TrialState::Pending,
        Condition::Running => TrialState::Running,
        Condition::Succeeded => TrialState::Succeeded,
        Condition::Killed => TrialState::Killed,
        Condition::Failed => TrialState::Failed,
        Condition::Metricsunavailable => TrialState::MetricsUnavailable,
        Condition::Earlystopped => TrialState::EarlyStopped,
    }
}

pub(super) fn read_observation(message: katib::Observation) -> Observation {
    let metrics = message.metrics.into_iter();
    let read = |katib::Metric { name, value }| Metric {
        name,
        min: value.clone(),
        max: value.clone(),
        latest: value,
    };
    Observation {
        metrics: metrics.map(read).collect(),
    }
}

/// The history that Katib's controller would send: neither trials that ended without their objective, nor ones that were
/// stopped before they reported anything. Each has a value of all `parameters`, because Katib's services know no conditions.
#[must_use]
pub fn write<'a>(
    objective: &ObjectiveSpec,
    parameters: &[ParameterSpec],
    trials: impl IntoIterator<Item = &'a TrialRecord>,
) -> Vec<katib::Trial> {
    let sent = |trial: &&TrialRecord| match trial.state {
        TrialState::MetricsUnavailable => false,
        TrialState::EarlyStopped => trial.observation.is_some(),
        _ => true,
    };
    trials
        .into_iter()
        .filter(sent)
        .map(|trial| write_trial(objective, parameters, trial))
        .collect()
}

fn write_trial(
    objective: &ObjectiveSpec,
    parameters: &[ParameterSpec],
    trial: &TrialRecord,
) -> katib::Trial {
    let assignments = domain::completed(parameters, &trial.assignments);
    let assignments = parameter::write_assignments(&assignments);
    let observation = trial.observation.as_ref();
    katib::Trial {
        name: trial.name.clone(),
        spec: Some(katib::TrialSpec {
            objective: Some(objective::write(objective)),
            parameter_assignments: Some(katib::trial_spec::ParameterAssignments { assignments }),
            labels: trial.labels.clone(),
        }),
        status: Some(katib::TrialStatus {
            start_time: write_timestamp(Some(trial.created)),
            completion_time: write_timestamp(trial.finished),
            condition: write_state(trial.state).into(),
            observation: observation.map(|seen| write_observation(objective, seen)),
        }),
    }
}

fn write_state(state: TrialState) -> Condition {
    match state {
        TrialState::Pending => Condition::Created,
        TrialState::Running => Condition::Running,
        TrialState::Succeeded => Condition::Succeeded,
        TrialState::Failed => Condition::Failed,
        TrialState::Killed => Condition::Killed,
        TrialState::EarlyStopped => Condition::Earlystopped,
        TrialState::MetricsUnavailable => Condition::Metricsunavailable,
    }
}

/// One value a metric: the one that counts.
pub(super) fn write_observation(
    objective: &ObjectiveSpec,
    observation: &Observation,
) -> katib::Observation {
    let write = |metric: &Metric| katib::Metric {
        name: metric.name.clone(),
        value: objective.chosen(metric).to_owned(),
    };
    katib::Observation {
        metrics: observation.metrics.iter().map(write).collect(),
    }
}
