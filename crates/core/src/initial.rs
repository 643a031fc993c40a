//! The trials that an experiment begins with: points to run before the optimizer is asked, and trials that are over, which it
//! learns from as from all others.
//!
//! The first trials of an experiment have the points, so a trial's number says whether it has one of them, and which.

use crate::record::{TrialRecord, TrialState};
use crate::resources::InitialTrial;

/// The points to run, in their order, each with its position in the list.
pub fn points(trials: &[InitialTrial]) -> impl Iterator<Item = (usize, &InitialTrial)> {
    let all = trials.iter().enumerate();
    all.filter(|(_, trial)| !trial.is_over())
}

/// The trials that are over, as those of another program are told. Their names are none that a trial can have.
pub fn records(trials: &[InitialTrial]) -> impl Iterator<Item = TrialRecord> {
    let all = trials.iter().enumerate();
    all.filter(|(_, trial)| trial.is_over())
        .map(|(index, trial)| record(index, trial))
}

fn record(index: usize, trial: &InitialTrial) -> TrialRecord {
    let state = if trial.failed {
        TrialState::Failed
    } else {
        TrialState::Succeeded
    };
    let name = format!("initialTrials[{index}]");
    let assignments = trial.parameter_assignments.clone();
    TrialRecord {
        observation: trial.observation.clone(),
        ..TrialRecord::foreign(index as u64, name, assignments, state)
    }
}
