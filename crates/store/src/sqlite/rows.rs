//! Between Rust's values and SQLite's.

use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialRecord, TrialState};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::writer::Statement;
use crate::columns::{integer, to_json, unwritable};
use crate::{StoreError, TrialRef, columns};

pub(super) fn bind_key(statement: Statement, key: &ExperimentKey) -> Statement {
    statement.bind(key.namespace.clone()).bind(key.name.clone())
}

/// Binds the experiment of a trial, namely namespace, name and uid.
pub(super) fn bind_experiment(statement: Statement, trial: &TrialRef) -> Statement {
    bind_key(statement, &trial.experiment).bind(trial.uid.clone())
}

/// The record in the columns `record` and `definition`.
pub(super) fn experiment(row: &SqliteRow) -> Result<ExperimentRecord, StoreError> {
    columns::experiment(row.try_get("definition")?, row.try_get("record")?)
}

/// The record in the column `record`.
pub(super) fn trial(row: &SqliteRow) -> Result<TrialRecord, StoreError> {
    columns::trial(row.try_get("record")?)
}

/// Trials as the script of a commit unpacks them: their records, one behind the other, and what there is of each.
pub(super) fn trials(trials: &[TrialRecord]) -> Result<(Vec<u8>, String), StoreError> {
    let mut records = Vec::new();
    let mut index = Vec::with_capacity(trials.len());
    for trial in trials {
        let start = records.len();
        serde_json::to_writer(&mut records, trial).map_err(unwritable)?;
        let number = integer("trial number", trial.number)?;
        let length = records.len() - start;
        index.push((number, &trial.name, trial.state as u8, start, length));
    }
    Ok((records, to_json(&index)?))
}

/// A set of states as bits.
pub(super) fn state_bits(states: &[TrialState]) -> i64 {
    states
        .iter()
        .fold(0, |bits, state| bits | 1 << (*state as u8))
}
