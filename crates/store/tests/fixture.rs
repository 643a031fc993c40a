//! Files of released schema versions can still be read.
//!
//! Each was written once, when its version was the newest, by `cargo test -p diwan-store --test fixture -- --ignored`, and never
//! again: a new schema version gets a new file beside the others.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::path::PathBuf;

use diwan_core::engine::Snapshot;
use diwan_core::observation::{MetricPoint, Place, ReportedPoint, Source};
use diwan_core::record::{ExperimentKey, TrialState};
use diwan_store::{Cursor, ObservationQuery, Store, TrialQuery, open};
use diwan_testkit::store::samples::{
    experiment, fail, launch, numbers, point, start, succeed, suggest,
};
use tempfile::TempDir;

/// The newest version.
const NEWEST: &str = "v2.db";

fn path(name: &str) -> PathBuf {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fixtures.join(name)
}

/// Trial 0 has succeeded, 1 has failed, 2 runs, 3 is pending.
fn content() -> (Snapshot, Vec<MetricPoint>, ReportedPoint) {
    let mut snapshot = experiment("fixture");
    suggest(&mut snapshot, 4);
    for trial in 0..3 {
        start(&mut snapshot, trial);
    }
    succeed(&mut snapshot, 0, 0.75);
    fail(&mut snapshot, 1);
    let pushed = ReportedPoint {
        metric: "genotype".to_owned(),
        value: "Genotype(a='b')".to_owned(),
        time_ns: Some(1_700_000_000_123_456_789),
        step: Some(3),
    };
    let read = vec![point(0, "0.25"), point(14, "0.750"), point(28, "nan")];
    (snapshot, read, pushed)
}

const CURSOR: Cursor = Cursor {
    base: 7,
    print: i64::MIN,
    ..Cursor::new(Source::StdOut, 42)
};

#[tokio::test]
#[ignore = "writes the fixture if it is missing"]
async fn write_the_newest() {
    let path = path(NEWEST);
    if path.exists() {
        return;
    }
    let store = open(path.to_str().unwrap()).await.unwrap();
    let (mut snapshot, points, pushed) = content();
    let trial = launch(&snapshot, 2);
    store.create(&mut snapshot).await.unwrap();
    store.append(&trial, &points, &[CURSOR]).await.unwrap();
    store.report(&trial, &[pushed]).await.unwrap();
    let foreign = store.foreign_trial("foreign-1").await.unwrap();
    store.append(&foreign, &points[..1], &[]).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn every_version_is_read() {
    for name in ["v1.db", NEWEST] {
        let directory = TempDir::new().unwrap();
        let copy = directory.path().join("copy.db");
        std::fs::copy(path(name), &copy).unwrap();
        let store = open(copy.to_str().unwrap()).await.unwrap();
        check(&*store).await;
    }
}

async fn check(store: &dyn Store) {
    let (mut snapshot, points, pushed) = content();
    let trial = launch(&snapshot, 2);
    let _ = snapshot.take_change();
    snapshot.version = 1;
    // Newer than all of the files.
    snapshot.record.progress.last_failure = None;
    let key = ExperimentKey::new("default", "fixture");
    assert_eq!(store.load(&key).await.unwrap(), Some(snapshot.clone()));

    let all = store.trials(&TrialQuery::of(key.clone())).await.unwrap();
    assert_eq!(numbers(&all), [0, 1, 2, 3]);
    assert_eq!(all[0].state, TrialState::Succeeded);
    assert_eq!(
        all[0].observation.as_ref().unwrap().metrics[0].latest,
        "0.75"
    );
    assert_eq!(all[1].state, TrialState::Failed);
    let running = &snapshot.active[&2];
    assert_eq!(
        store.trial(&key, &running.name).await.unwrap().as_ref(),
        Some(running)
    );

    let read = store
        .observations(&ObservationQuery::of(trial.clone()))
        .await
        .unwrap();
    assert_eq!(read[..3], points);
    assert_eq!(read[3..], [pushed.clone().at(Place::pushed(0))]);
    assert_eq!(store.cursors(&trial).await.unwrap(), [CURSOR]);
    let foreign = store
        .find_foreign_trial("foreign-1")
        .await
        .unwrap()
        .unwrap();
    let read = store
        .observations(&ObservationQuery::of(foreign))
        .await
        .unwrap();
    assert_eq!(read, points[..1]);

    // And it can be written to; the last report is known whenever it is sent again.
    let mut another = pushed.clone();
    another.step = Some(4);
    for points in [&pushed, &another, &pushed, &another] {
        let points = std::slice::from_ref(points);
        store.report(&trial, points).await.unwrap();
    }
    let all = ObservationQuery::of(trial);
    assert_eq!(store.observations(&all).await.unwrap().len(), 5);
    suggest(&mut snapshot, 1);
    let version = store
        .commit(&key, 1, &snapshot.take_change())
        .await
        .unwrap();
    assert_eq!(version, 2);
}
