//! Takes note, in the store, of trials that somebody else has stopped.

use std::sync::Arc;

use async_trait::async_trait;
use diwan_core::engine::Event;
use diwan_core::record::StopCause;
use diwan_store::{FoundTrial, Store};

use crate::edit::change;
use crate::grpc::{StopError, TrialStopper};

/// Commits the stop; whoever runs the experiment sees it there and carries it out.
pub struct StoreStopper {
    store: Arc<dyn Store>,
}

impl StoreStopper {
    /// For experiments of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl TrialStopper for StoreStopper {
    async fn early_stopped(&self, found: &FoundTrial) -> Result<(), StopError> {
        let trial = found.trial.number;
        let cause = StopCause::RuleFired {
            message: "its collector found all rules to hold".to_owned(),
        };
        let stop = |_: &mut _| {
            vec![Event::Stopping {
                trial,
                cause: cause.clone(),
            }]
        };
        let after = change(&*self.store, &found.experiment, stop).await;
        let after = after.map_err(|error| StopError::Failed(error.to_string()))?;
        if after.snapshot.active.contains_key(&trial) {
            Ok(())
        } else {
            Err(StopError::Ended)
        }
    }
}
