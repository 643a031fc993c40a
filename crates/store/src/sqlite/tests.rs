//! What only the inside of the store shows.

use diwan_core::observation::Source;
use diwan_testkit::store::samples;
use tempfile::TempDir;

use super::*;

fn point(offset: i64) -> MetricPoint {
    samples::point(offset, &format!("{offset} and a text that fills pages"))
}

async fn allow_pages(store: &SqliteStore, pages: &'static str) {
    store.writer.run(sqlx::query(pages)).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_costs_nothing_that_was_acknowledged() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(&directory.path().join("a.db"))
        .await
        .unwrap();
    let trial = store.foreign_trial("t").await.unwrap();
    allow_pages(&store, "PRAGMA max_page_count = 60").await;
    let mut acknowledged = 0;
    let refusal = loop {
        let points: Vec<_> = (acknowledged..acknowledged + 5).map(point).collect();
        let cursor = Cursor::new(Source::StdOut, acknowledged + 5);
        match store.append(&trial, &points, &[cursor]).await {
            Ok(()) => acknowledged += 5,
            Err(error) => break error,
        }
    };
    assert!(matches!(refusal, StoreError::Full), "{refusal:?}");
    assert!(refusal.is_transient() && refusal.hint().is_some());

    let query = ObservationQuery::of(trial.clone());
    let kept: Vec<_> = (0..acknowledged).map(point).collect();
    assert_eq!(store.observations(&query).await.unwrap(), kept);
    let cursors = store.cursors(&trial).await.unwrap();
    assert_eq!(cursors[0].offset, acknowledged);

    allow_pages(&store, "PRAGMA max_page_count = 1000000").await;
    let rest: Vec<_> = (0..acknowledged + 50).map(point).collect();
    store.append(&trial, &rest, &[]).await.unwrap();
    assert_eq!(store.observations(&query).await.unwrap(), rest);
}

#[tokio::test]
async fn an_interrupted_deletion_is_completed_at_the_next_opening() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let trial = store.foreign_trial("t").await.unwrap();
    let points: Vec<_> = (0..100).map(point).collect();
    store.append(&trial, &points, &[]).await.unwrap();
    // What a kill after the first transaction leaves, of an experiment with id 0.
    let trash = sqlx::query("INSERT INTO trash (experiment) VALUES (0)");
    store.writer.run(trash).await.unwrap();
    store.close().await;
    assert!(matches!(
        store.load(&trial.experiment).await,
        Err(StoreError::Closed)
    ));

    let store = SqliteStore::open(&path).await.unwrap();
    // Commits queue behind the sweep or between its steps; when the trash is empty, all is done.
    let wait = async {
        while !store
            .read(sqlx::query(sql::TRASH))
            .await
            .unwrap()
            .is_empty()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait)
        .await
        .unwrap();
    let query = ObservationQuery::of(trial);
    assert_eq!(store.observations(&query).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_written_is_soon_in_the_file_itself() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let mut snapshot = empty_experiment();
    store.create(&mut snapshot).await.unwrap();
    let key = snapshot.record.key();
    let alone = directory.path().join("alone.db");
    // The log is left behind. A copy made in the middle of something may be damaged.
    let settled = async || {
        std::fs::copy(&path, &alone).unwrap();
        let copy = SqliteStore::open(&alone).await.ok()?;
        let found = copy.load(&key).await.ok()?;
        copy.close().await;
        found
    };
    let wait = async {
        while settled().await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), wait)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_unchanged_definition_is_not_written_again() {
    let store = SqliteStore::in_memory().await.unwrap();
    let mut snapshot = empty_experiment();
    store.create(&mut snapshot).await.unwrap();
    let key = snapshot.record.key();
    let watch = "CREATE TEMP TRIGGER watch BEFORE UPDATE ON definitions
                 BEGIN SELECT RAISE(ABORT, 'written'); END";
    store.writer.run(sqlx::query(watch)).await.unwrap();
    store
        .commit(&key, 1, &snapshot.take_change())
        .await
        .unwrap();
    snapshot
        .record
        .metadata
        .labels
        .insert("a".into(), "b".into());
    assert!(
        store
            .commit(&key, 2, &snapshot.take_change())
            .await
            .is_err()
    );
}

fn empty_experiment() -> Snapshot {
    let record = diwan_core::record::ExperimentRecord {
        metadata: diwan_core::resources::ObjectMeta {
            namespace: "default".to_owned(),
            name: "a".to_owned(),
            ..Default::default()
        },
        spec: Default::default(),
        progress: Default::default(),
    };
    Snapshot::create(record, diwan_core::time::Timestamp::from_millis(0))
}
