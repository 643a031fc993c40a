//! Changes of a stored experiment beside the process that runs it.

use diwan_core::engine::{Event, Rejected, Snapshot};
use diwan_core::record::ExperimentKey;
use diwan_store::{Store, StoreError};

use crate::clock::now;

/// What came of a change.
#[derive(Debug)]
pub struct Changed {
    /// The experiment as committed.
    pub snapshot: Snapshot,
    /// Why events did not fit any more, one for each.
    pub rejected: Vec<Rejected>,
}

/// Applies the events that `decide` wants of the experiment as it is, and commits them; decides anew when somebody else has
/// committed meanwhile. An event that does not fit any more changes nothing; when all are such, nothing is committed.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such experiment, and whatever else the store says.
pub async fn change(
    store: &dyn Store,
    key: &ExperimentKey,
    decide: impl Fn(&mut Snapshot) -> Vec<Event> + Send,
) -> Result<Changed, StoreError> {
    loop {
        let missing = || StoreError::NotFound { key: key.clone() };
        let mut snapshot = store.load(key).await?.ok_or_else(missing)?;
        let events = decide(&mut snapshot);
        let wanted = events.len();
        let applied = events.into_iter().map(|event| snapshot.apply(event, now()));
        let rejected: Vec<_> = applied.filter_map(Result::err).collect();
        if rejected.len() == wanted {
            return Ok(Changed { snapshot, rejected });
        }
        match store
            .commit(key, snapshot.version, &snapshot.take_change())
            .await
        {
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
            Ok(version) => {
                snapshot.version = version;
                return Ok(Changed { snapshot, rejected });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use diwan_core::record::{ExperimentRecord, Progress, StopCause};
    use diwan_core::resources::{ExperimentSpec, ObjectMeta};

    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_is_told_and_not_committed() {
        let store = diwan_store::open("sqlite::memory:").await.unwrap();
        let record = ExperimentRecord {
            metadata: ObjectMeta {
                name: "tune".to_owned(),
                uid: "u".to_owned(),
                ..ObjectMeta::default()
            },
            spec: ExperimentSpec::default(),
            progress: Progress::default(),
        };
        let key = record.key();
        let mut created = Snapshot::create(record, now());
        store.create(&mut created).await.unwrap();
        let stop = Event::Stopping {
            trial: 9,
            cause: StopCause::Requested,
        };
        let changed = change(&*store, &key, |_| vec![stop.clone()]).await.unwrap();
        assert_eq!(changed.rejected, [Rejected::NotActive(9)]);
        assert_eq!(changed.snapshot.version, created.version);
        let both = |_: &mut _| vec![stop.clone(), Event::StopRequested];
        let changed = change(&*store, &key, both).await.unwrap();
        assert_eq!(changed.rejected, [Rejected::NotActive(9)]);
        let stored = store.load(&key).await.unwrap().unwrap();
        assert!(stored.record.progress.stop_requested);
        assert_eq!(stored.version, changed.snapshot.version);
    }
}
