//! Between records and what a row holds of them, in every database.

use diwan_core::observation::{MetricPoint, Place, Source};
use diwan_core::record::{ExperimentKey, ExperimentRecord, Progress, TrialRecord};
use diwan_core::resources::{ExperimentSpec, ObjectMeta};
use serde::{Deserialize, Serialize};

use crate::{MAX_PAGE, StoreError, TrialRef, value};

/// The integers of databases are signed.
pub(crate) fn integer(what: &'static str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::TooLarge { what, number })
}

/// The inverse, of a column that [`integer`] filled.
pub(crate) fn natural(what: &str, number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| damaged(format!("{what} is {number}")))
}

pub(crate) fn limit(limit: u32) -> i64 {
    i64::from(limit.min(MAX_PAGE))
}

/// The part of a record that seldom changes.
#[derive(Serialize, Deserialize)]
struct Definition<M, S> {
    metadata: M,
    spec: S,
}

pub(crate) fn definition(record: &ExperimentRecord) -> Result<String, StoreError> {
    to_json(&Definition {
        metadata: &record.metadata,
        spec: &record.spec,
    })
}

/// The inverse of [`definition`], with the rest of the record.
pub(crate) fn experiment(definition: &str, progress: &str) -> Result<ExperimentRecord, StoreError> {
    let unreadable = |error| StoreError::unreadable("an experiment cannot be read", error);
    let Definition { metadata, spec }: Definition<ObjectMeta, ExperimentSpec> =
        serde_json::from_str(definition).map_err(unreadable)?;
    let progress: Progress = serde_json::from_str(progress).map_err(unreadable)?;
    Ok(ExperimentRecord {
        metadata,
        spec,
        progress,
    })
}

pub(crate) fn trial(record: &str) -> Result<TrialRecord, StoreError> {
    serde_json::from_str(record)
        .map_err(|error| StoreError::unreadable("a trial cannot be read", error))
}

/// Whether something is left to do about an experiment.
pub(crate) fn is_open(record: &ExperimentRecord) -> bool {
    let progress = &record.progress;
    let counts = &progress.counts;
    progress.completion_time.is_none() || counts.trials_pending > 0 || counts.trials_running > 0
}

/// A trial that Diwan did not make.
pub(crate) fn foreign_trial(number: i64) -> Result<TrialRef, StoreError> {
    Ok(TrialRef {
        experiment: ExperimentKey::new("", ""),
        uid: String::new(),
        number: natural("number of a foreign trial", number)?,
        attempt: 1,
    })
}

/// What a row holds of a point.
pub(crate) struct PointRow {
    pub(crate) metric: String,
    pub(crate) value: Option<f64>,
    pub(crate) text: Option<String>,
    pub(crate) time_ns: Option<i64>,
    pub(crate) step: Option<i64>,
    pub(crate) source: i64,
    pub(crate) position: i64,
    pub(crate) part: i32,
}

impl PointRow {
    pub(crate) fn point(self) -> Result<MetricPoint, StoreError> {
        let value = match (self.text, self.value) {
            (Some(text), _) => text,
            (None, Some(number)) => value::write(number),
            (None, None) => return Err(damaged("a point has no value".to_owned())),
        };
        Ok(MetricPoint {
            metric: self.metric,
            value,
            time_ns: self.time_ns,
            step: self.step,
            place: Place {
                source: source(self.source)?,
                offset: self.position,
                index: self.part,
            },
        })
    }
}

pub(crate) fn source(number: i64) -> Result<Source, StoreError> {
    Source::from_number(number)
        .ok_or_else(|| damaged(format!("{number} is no source of observations")))
}

fn damaged(what: String) -> StoreError {
    StoreError::Damaged { what, source: None }
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(unwritable)
}

pub(crate) fn unwritable(error: serde_json::Error) -> StoreError {
    StoreError::Database(error.into())
}
