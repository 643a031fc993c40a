//! Two handles on one database.

use std::sync::Arc;

use diwan_core::observation::{MetricPoint, Source};
use diwan_store::{Cursor, ObservationQuery, Store, StoreError, TrialRef};

use super::samples::{experiment, launch, placed, point, report, start, suggest};

type Pair = [Arc<dyn Store>; 2];

pub(super) async fn each_sees_the_other([one, two]: &Pair) {
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    one.create(&mut snapshot).await.expect("creates");
    suggest(&mut snapshot, 1);
    snapshot.version = two
        .commit(&key, 1, &snapshot.take_change())
        .await
        .expect("commits");
    assert_eq!(one.version(&key).await.expect("reads"), Some(2));
    assert_eq!(one.load(&key).await.expect("loads"), Some(snapshot));
}

pub(super) async fn of_two_commits_one_wins(pair: &Pair) {
    let mut base = experiment("a");
    let key = base.record.key();
    pair[0].create(&mut base).await.expect("creates");
    for round in 0..50 {
        let tasks = pair.each_ref().map(|store| {
            let (store, key, mut mine) = (Arc::clone(store), key.clone(), base.clone());
            suggest(&mut mine, 1);
            tokio::spawn(async move {
                let result = store.commit(&key, mine.version, &mine.take_change()).await;
                (result, mine)
            })
        });
        let mut winners = 0;
        for task in tasks {
            let (result, mine) = task.await.expect("does not panic");
            match result {
                Ok(version) => {
                    winners += 1;
                    base = mine;
                    base.version = version;
                }
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => panic!("round {round}: {error:?}"),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
    assert_eq!(pair[1].load(&key).await.expect("loads"), Some(base));
}

pub(super) async fn of_two_creations_one_wins(pair: &Pair) {
    for round in 0..10 {
        let tasks = pair.each_ref().map(|store| {
            let store = Arc::clone(store);
            let mut snapshot = experiment(&format!("e{round}"));
            tokio::spawn(async move { store.create(&mut snapshot).await })
        });
        let mut winners = 0;
        for task in tasks {
            match task.await.expect("does not panic") {
                Ok(()) => winners += 1,
                Err(StoreError::AlreadyExists { .. }) => {}
                Err(error) => panic!("round {round}: {error:?}"),
            }
        }
        assert_eq!(winners, 1, "round {round}");
    }
}

/// The launch of the one trial of a new experiment.
async fn running(pair: &Pair) -> TrialRef {
    let mut snapshot = experiment("a");
    suggest(&mut snapshot, 1);
    start(&mut snapshot, 0);
    pair[0].create(&mut snapshot).await.expect("creates");
    launch(&snapshot, 0)
}

pub(super) async fn two_reporters_of_the_same_points(pair: &Pair) {
    let trial = running(pair).await;
    let points: Vec<MetricPoint> = (0..600).map(|n| point(n, &n.to_string())).collect();
    let tasks = [7, 31].map(|size| {
        let store = Arc::clone(&pair[size % 2]);
        let (trial, points) = (trial.clone(), points.clone());
        tokio::spawn(async move {
            for piece in points.chunks(size) {
                let cursor = Cursor::new(
                    piece[0].place.source,
                    piece[piece.len() - 1].place.offset + 1,
                );
                store
                    .append(&trial, piece, &[cursor])
                    .await
                    .expect("appends");
            }
        })
    });
    for task in tasks {
        task.await.expect("does not panic");
    }
    let read = pair[0]
        .observations(&ObservationQuery::of(trial))
        .await
        .expect("reads");
    assert_eq!(read, points);
}

pub(super) async fn reports_at_the_same_time_stay_whole(pair: &Pair) {
    const REPORTS: usize = 7;
    const POINTS: usize = 700;
    let trial = running(pair).await;
    let tasks = [0, 1].map(|reporter| {
        let (store, trial) = (Arc::clone(&pair[reporter]), trial.clone());
        tokio::spawn(async move {
            for number in 0..REPORTS {
                let value = format!("{reporter}{number}");
                let points = report(&vec![value.as_str(); POINTS]);
                store.report(&trial, &points).await.expect("reports");
            }
        })
    });
    for task in tasks {
        task.await.expect("does not panic");
    }
    let read = pair[0]
        .observations(&ObservationQuery::of(trial))
        .await
        .expect("reads");
    assert_eq!(read.len(), 2 * REPORTS * POINTS);
    let mut next = [0; 2];
    for whole in read.chunks_exact(POINTS) {
        let value = &whole[0].value;
        assert!(whole.iter().all(|point| point.value == *value), "{value}");
        let reporter = usize::from(value.starts_with('1'));
        assert_eq!(*value, format!("{reporter}{}", next[reporter]));
        next[reporter] += 1;
    }
}

pub(super) async fn a_report_sent_through_both_is_kept_once(pair: &Pair) {
    let trial = running(pair).await;
    let mut sent = Vec::new();
    for round in 0..20 {
        let points = report(&[&round.to_string(), "1"]);
        let tasks = pair.each_ref().map(|store| {
            let (store, trial, points) = (Arc::clone(store), trial.clone(), points.clone());
            tokio::spawn(async move { store.report(&trial, &points).await })
        });
        for task in tasks {
            let result = task.await.expect("does not panic");
            result.expect("reports");
        }
        sent.extend(points);
    }
    let read = pair[1].observations(&ObservationQuery::of(trial)).await;
    assert_eq!(read.expect("reads"), placed(sent));
}

/// Each deletion is complete when it returns, also where the other has begun what it would have done; reports go on meanwhile.
pub(super) async fn deletions_at_the_same_time_are_complete(pair: &Pair) {
    let trial = running(pair).await;
    let query = ObservationQuery::of(trial.clone());
    for _ in 0..3 {
        let points: Vec<MetricPoint> = (0..40_000).map(|n| point(n, "1")).collect();
        pair[0].append(&trial, &points, &[]).await.expect("appends");
        let tasks = pair.each_ref().map(|store| {
            let (store, trial, query) = (Arc::clone(store), trial.clone(), query.clone());
            tokio::spawn(async move {
                store.delete_observations(&trial).await.expect("deletes");
                let left = store.observations(&query).await.expect("reads");
                let is_read = |point: &MetricPoint| point.place.source != Source::Push;
                left.into_iter().filter(is_read).count()
            })
        });
        for value in 0..50 {
            let points = report(&[&value.to_string()]);
            pair[1].report(&trial, &points).await.expect("reports");
        }
        for task in tasks {
            assert_eq!(task.await.expect("does not panic"), 0);
        }
    }
}

pub(super) async fn writers_are_not_shut_out_by_a_deletion([one, two]: &Pair) {
    let mut large = experiment("large");
    suggest(&mut large, 1);
    let trial = launch(&large, 0);
    one.create(&mut large).await.expect("creates");
    let points: Vec<MetricPoint> = (0..60_000).map(|n| point(n, "1")).collect();
    one.append(&trial, &points, &[]).await.expect("appends");
    let mut small = experiment("small");
    let key = small.record.key();
    one.create(&mut small).await.expect("creates");

    let deletion = {
        let store = Arc::clone(one);
        let key = large.record.key();
        tokio::spawn(async move { store.delete(&key).await })
    };
    let mut during = 0;
    while !deletion.is_finished() {
        small.version = two
            .commit(&key, small.version, &small.take_change())
            .await
            .expect("commits");
        during += 1;
        tokio::task::yield_now().await;
    }
    deletion.await.expect("does not panic").expect("deletes");
    assert!(during > 0, "no commit got through");
    let left = two
        .observations(&ObservationQuery::of(trial))
        .await
        .expect("reads");
    assert_eq!(left, []);
}
