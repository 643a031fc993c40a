//! Between Rust's values and SQLite's.

use diwan_core::record::{ExperimentKey, ExperimentRecord, Progress, TrialRecord, TrialState};
use diwan_core::resources::{ExperimentSpec, ObjectMeta};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::writer::Statement;
use crate::{MAX_PAGE, StoreError, TrialRef};

/// SQLite's integers are signed.
pub(super) fn integer(what: &'static str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::TooLarge { what, number })
}

/// The inverse, of a column that [`integer`] filled.
pub(super) fn natural(what: &str, number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Damaged {
        what: format!("{what} is {number}"),
        source: None,
    })
}

pub(super) fn limit(limit: u32) -> i64 {
    i64::from(limit.min(MAX_PAGE))
}

pub(super) fn bind_key(statement: Statement, key: &ExperimentKey) -> Statement {
    statement.bind(key.namespace.clone()).bind(key.name.clone())
}

/// Binds the experiment of a trial, namely namespace, name and uid.
pub(super) fn bind_experiment(statement: Statement, trial: &TrialRef) -> Statement {
    bind_key(statement, &trial.experiment).bind(trial.uid.clone())
}

/// The part of a record that seldom changes.
#[derive(Serialize, Deserialize)]
struct Definition<M, S> {
    metadata: M,
    spec: S,
}

pub(super) fn definition(record: &ExperimentRecord) -> Result<String, StoreError> {
    to_json(&Definition {
        metadata: &record.metadata,
        spec: &record.spec,
    })
}

/// The record in the columns `record` and `definition`.
pub(super) fn experiment(row: &SqliteRow) -> Result<ExperimentRecord, StoreError> {
    let unreadable = |error| StoreError::unreadable("an experiment cannot be read", error);
    let Definition { metadata, spec }: Definition<ObjectMeta, ExperimentSpec> =
        serde_json::from_str(row.try_get("definition")?).map_err(unreadable)?;
    let progress: Progress = serde_json::from_str(row.try_get("record")?).map_err(unreadable)?;
    Ok(ExperimentRecord {
        metadata,
        spec,
        progress,
    })
}

/// The record in the column `record`.
pub(super) fn trial(row: &SqliteRow) -> Result<TrialRecord, StoreError> {
    serde_json::from_str(row.try_get("record")?)
        .map_err(|error| StoreError::unreadable("a trial cannot be read", error))
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

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Database(error.into())
}
