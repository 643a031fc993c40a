//! What an experiment does now: its conditions, and whether a process runs it.

use std::fmt;

use diwan_core::record::ExperimentRecord;
use diwan_server::runner::Hold;

use crate::context::Context;
use crate::result;

/// What an experiment does now. Katib's conditions do not know pauses and interruptions, people want to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has ended; the kind of its last condition.
    Ended(String),
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
            return Self::Ended(verdict.kind.clone());
        }
        if record.is_paused() {
            return Self::Paused;
        }
        match Hold::holder(&context.directory(record)) {
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
            Self::Ended(_) | Self::Running(_) | Self::Unknown => None,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ended(kind) => kind,
            Self::Paused => "Paused",
            Self::Running(_) => "Running",
            Self::Interrupted => "Interrupted",
            Self::Unknown => "Unknown",
        })
    }
}
