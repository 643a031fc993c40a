//! What an experiment does now: its conditions, and whether a process runs it.

use std::fmt;

use diwan_core::engine::{Event, Outcome, Snapshot};
use diwan_core::record::ExperimentRecord;
use diwan_server::clock::now;
use diwan_server::runner::{Hold, RunError};

use crate::context::Context;
use crate::failure::Failure;
use crate::result;

/// What an experiment does now. Katib's conditions do not know stops, pauses and interruptions, people want to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has ended; the kind of its last condition.
    Ended(String),
    /// Somebody ended it.
    Stopped,
    /// Nothing starts before somebody lifts the pause.
    Paused,
    /// This process runs it.
    Running(String),
    /// Nobody runs it.
    Interrupted,
    /// Its lock cannot be read.
    Unknown,
}

impl Standing {
    /// Of an experiment whose trials live on this machine.
    pub(crate) fn of(context: &Context, record: &ExperimentRecord) -> Self {
        if let Some(verdict) = result::verdict(record) {
            return match Outcome::of_reason(&verdict.reason) {
                Some(Outcome::Stopped) => Self::Stopped,
                _ => Self::Ended(verdict.kind.clone()),
            };
        }
        if record.is_paused() {
            return Self::Paused;
        }
        match holder(context, record) {
            Ok(Some(holder)) => Self::Running(holder),
            Ok(None) => Self::Interrupted,
            Err(_) => Self::Unknown,
        }
    }

    /// Why the experiment stands still, if it does.
    pub(crate) fn trouble(&self) -> Option<&'static str> {
        match self {
            Self::Paused => Some("it is paused"),
            Self::Interrupted => Some("nobody runs it"),
            Self::Ended(_) | Self::Stopped | Self::Running(_) | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended(kind) => kind,
            Self::Stopped => "Stopped",
            Self::Paused => "Paused",
            Self::Running(_) => "Running",
            Self::Interrupted => "Interrupted",
            Self::Unknown => "Unknown",
        })
    }
}

/// Whether no process runs the experiment, so that nobody starts its trials and writes down how they end.
pub(crate) fn is_unattended(context: &Context, record: &ExperimentRecord) -> bool {
    matches!(holder(context, record), Ok(None))
}

/// Who runs an experiment, if anybody does.
pub(crate) fn holder(
    context: &Context,
    record: &ExperimentRecord,
) -> Result<Option<String>, Failure> {
    let holder = Hold::holder(&context.directory(record));
    Ok(holder.map_err(RunError::from)?)
}

/// Whether `diwan resume` has something to do: not if the budget is spent, or what ended the experiment would end it again.
pub(crate) fn can_resume(snapshot: &Snapshot) -> bool {
    let mut resumed = snapshot.clone();
    resumed.apply(Event::StopWithdrawn, now()).is_ok() && !resumed.is_completed()
}
