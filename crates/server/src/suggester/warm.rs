//! What is kept of experiments in memory, between two questions.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use tokio::sync::Mutex;

/// Experiments of which something is kept; the rest is read again when asked for.
const EXPERIMENTS: usize = 64;

/// One `T` an experiment. Dropping it must change no answer: whoever takes one and fails puts none back.
pub(super) struct Warm<T>(std::sync::Mutex<HashMap<String, Slot<T>>>);

/// The place of one experiment, for one question at a time.
pub(super) type Slot<T> = Arc<Mutex<Option<T>>>;

impl<T> Default for Warm<T> {
    fn default() -> Self {
        Self(std::sync::Mutex::default())
    }
}

impl<T> Warm<T> {
    /// The place of the experiment of this uid.
    pub(super) fn slot(&self, uid: &str) -> Slot<T> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= EXPERIMENTS && !slots.contains_key(uid) {
            slots.clear();
        }
        slots.entry(uid.to_owned()).or_default().clone()
    }
}
