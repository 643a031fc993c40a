//! What goes back.

use std::collections::BTreeMap;

use diwan_algorithms::algorithm::More;
use serde::Serialize;
use serde_json::{Map, Value};

/// The answer to a request.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Reply {
    Begun {
        ok: bool,
        version: String,
    },
    Trials {
        trials: Vec<Asked>,
        #[serde(skip_serializing_if = "Option::is_none")]
        state: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    Done {
        ok: bool,
    },
    Verdict {
        stop: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    Error {
        error: String,
    },
}

/// A trial to run.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) params: Map<String, Value>,
    /// What the algorithm wants to find again on it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, String>,
}

// === impl Reply ===

impl Reply {
    pub(super) const DONE: Self = Self::Done { ok: true };

    pub(super) fn begun(algorithm: &str) -> Self {
        let version = format!("diwan {} {algorithm}", env!("CARGO_PKG_VERSION"));
        Self::Begun { ok: true, version }
    }

    pub(super) fn trials(trials: Vec<Asked>, more: More) -> Self {
        let (state, why) = match more {
            More::Yes => (None, None),
            More::NotYet { why } => (Some("waiting"), Some(why)),
            More::Exhausted => (Some("exhausted"), None),
        };
        Self::Trials { trials, state, why }
    }

    /// Whether to stop: there is a reason.
    pub(super) fn verdict(why: Option<String>) -> Self {
        Self::Verdict {
            stop: why.is_some(),
            why,
        }
    }

    pub(super) fn error(error: String) -> Self {
        Self::Error { error }
    }
}
