//! A file that is deleted, replaced or moved while a store uses it.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::path::PathBuf;
use std::sync::Arc;

use diwan_store::{ObservationQuery, Store, StoreError, TrialRef, open};
use diwan_testkit::store::samples::{placed, report};
use tempfile::TempDir;

/// A store in which somebody has reported one point.
struct World {
    directory: TempDir,
    store: Arc<dyn Store>,
    trial: TrialRef,
}

impl World {
    async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("a.db");
        let store = open(path.to_str().unwrap()).await.unwrap();
        let trial = store.foreign_trial("t").await.unwrap();
        store.report(&trial, &report(&["1"])).await.unwrap();
        Self {
            directory,
            store,
            trial,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Neither takes nor tells anything, and says what has happened.
    async fn refuses(&self, how: &str) {
        let query = ObservationQuery::of(self.trial.clone());
        let wrote = self.store.report(&self.trial, &report(&["2"])).await;
        let read = self.store.observations(&query).await.map(drop);
        for refusal in [wrote, read] {
            let error = refusal.unwrap_err();
            assert!(matches!(error, StoreError::Gone { .. }), "{error:?}");
            assert!(!error.is_transient() && error.hint().is_some());
            let path = self.file("a.db");
            let expected = format!(
                "the database {} was {how} while it was in use",
                path.display()
            );
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[tokio::test]
async fn a_deleted_file_is_noticed() {
    let world = World::new().await;
    std::fs::remove_file(world.file("a.db")).unwrap();
    world.refuses("deleted or moved away").await;
}

#[tokio::test]
async fn a_deleted_directory_is_noticed() {
    let world = World::new().await;
    std::fs::remove_dir_all(world.directory.path()).unwrap();
    world.refuses("deleted or moved away").await;
    std::fs::write(world.directory.path(), "a file").unwrap();
    world.refuses("deleted or moved away").await;
    std::fs::remove_file(world.directory.path()).unwrap();
}

#[tokio::test]
async fn another_file_in_its_place_is_noticed_and_left_alone() {
    let world = World::new().await;
    std::fs::remove_file(world.file("a.db")).unwrap();
    let path = world.file("a.db");
    let other = open(path.to_str().unwrap()).await.unwrap();
    let theirs = other.foreign_trial("theirs").await.unwrap();
    other.report(&theirs, &report(&["3"])).await.unwrap();
    world.refuses("replaced by another file").await;
    world.store.close().await;
    let read = other.observations(&ObservationQuery::of(theirs)).await;
    assert_eq!(read.unwrap(), placed(report(&["3"])));
}

#[tokio::test]
async fn a_file_that_is_put_back_is_used_again() {
    let world = World::new().await;
    std::fs::rename(world.file("a.db"), world.file("b.db")).unwrap();
    world.refuses("deleted or moved away").await;
    std::fs::rename(world.file("b.db"), world.file("a.db")).unwrap();
    let more = world.store.report(&world.trial, &report(&["2"])).await;
    more.unwrap();
    let query = ObservationQuery::of(world.trial.clone());
    let read = world.store.observations(&query).await.unwrap();
    assert_eq!(read, placed(report(&["1", "2"])));
}
