//! Changes of a stored experiment beside the process that runs it.

use diwan_core::engine::{Event, Snapshot};
use diwan_core::record::ExperimentKey;
use diwan_store::{Store, StoreError};

use crate::clock::now;

/// Applies the events that `decide` wants of the experiment as it is, and commits them; decides anew when somebody else has
/// committed meanwhile. An event that does not fit any more changes nothing. Returns the experiment as committed.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such experiment, and whatever else the store says.
pub async fn change(
    store: &dyn Store,
    key: &ExperimentKey,
    decide: impl Fn(&mut Snapshot) -> Vec<Event> + Send,
) -> Result<Snapshot, StoreError> {
    loop {
        let missing = || StoreError::NotFound { key: key.clone() };
        let mut snapshot = store.load(key).await?.ok_or_else(missing)?;
        let events = decide(&mut snapshot);
        if events.is_empty() {
            return Ok(snapshot);
        }
        for event in events {
            let _ = snapshot.apply(event, now());
        }
        match store
            .commit(key, snapshot.version, &snapshot.take_change())
            .await
        {
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
            Ok(version) => {
                snapshot.version = version;
                return Ok(snapshot);
            }
        }
    }
}
