//! The gRPC services: Katib's `api.v1.beta1` for whoever knows Katib, and Diwan's own.
//!
//! Each service turns its messages into core types with `diwan_proto::convert`, asks the algorithms or the store, and turns
//! the answer back. None keeps anything in memory. Work of an optimizer runs on threads for such work, so that a slow one
//! keeps nobody else waiting.

mod db_manager;
mod diwan_suggestion;
mod early_stopping;
mod health;
pub(crate) mod reports;
mod serve;
mod status;
mod study;
mod suggestion;
#[cfg(test)]
mod tests;
mod trials;

use std::sync::Arc;

use diwan_store::Store;

pub use early_stopping::{StopError, TrialStopper};
pub use serve::{ServeError, serve};

use crate::suggester::Suggester;

/// What the services need. Clones share it.
#[derive(Clone)]
pub struct Services {
    /// Where experiments and observations are.
    pub store: Arc<dyn Store>,
    /// What answers `diwan.v1.Suggestion`.
    pub suggester: Arc<dyn Suggester>,
    /// What is told of trials that a collector has stopped.
    pub stopper: Arc<dyn TrialStopper>,
    /// Whether `GetEarlyStoppingRules` may ask the database manager that the *request* names for reports that the store does
    /// not have. Katib's own controller needs it. It lets callers choose whom this program connects to.
    pub ask_db_managers: bool,
}
