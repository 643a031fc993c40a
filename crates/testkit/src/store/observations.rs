//! Observations and cursors.

use diwan_core::observation::{MetricPoint, Place, Source};
use diwan_store::{Cursor, MAX_PAGE, ObservationQuery, Store, StoreError, TrialRef};

use super::samples::{experiment, launch, point, suggest};

/// A stored experiment with two pending trials; the launch of the first.
pub(super) async fn trial(store: &dyn Store) -> TrialRef {
    let mut snapshot = experiment("a");
    suggest(&mut snapshot, 2);
    store.create(&mut snapshot).await.expect("creates");
    launch(&snapshot, 0)
}

async fn append(store: &dyn Store, trial: &TrialRef, points: &[MetricPoint]) {
    store.append(trial, points, &[]).await.expect("appends");
}

/// The first page of a launch's points.
pub(super) async fn all(store: &dyn Store, trial: &TrialRef) -> Vec<MetricPoint> {
    let query = ObservationQuery::of(trial.clone());
    store.observations(&query).await.expect("reads")
}

pub(super) async fn points_come_back_as_reported(store: &dyn Store) {
    let trial = trial(store).await;
    let values = [
        "0.93",
        "0.930",
        "1e-5",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "-0",
        "-0.0",
        "5",
        "+5",
        "",
        " 1 ",
        "1e400",
        "9007199254740993",
        "0.1",
        "2.2250738585072011e-308",
        "Genotype(a='b')",
        "a\u{0}b",
        "ü🦀",
    ];
    let mut points: Vec<MetricPoint> = (0..)
        .zip(values)
        .map(|(offset, value)| point(offset, value))
        .collect();
    points[1].time_ns = Some(i64::MIN);
    points[2].time_ns = Some(i64::MAX);
    points[3].step = Some(-1);
    points[4].metric = "a \"strange\" naïve\u{0} name".to_owned();
    append(store, &trial, &points).await;
    assert_eq!(all(store, &trial).await, points);
}

pub(super) async fn repetition_changes_nothing(store: &dyn Store) {
    let trial = trial(store).await;
    append(store, &trial, &[point(0, "1"), point(7, "2")]).await;
    append(store, &trial, &[point(7, "other"), point(9, "3")]).await;
    append(store, &trial, &[point(9, "3"), point(9, "3")]).await;
    append(store, &trial, &[]).await;
    let expected = [point(0, "1"), point(7, "2"), point(9, "3")];
    assert_eq!(all(store, &trial).await, expected);
}

pub(super) async fn large_reports(store: &dyn Store) {
    let trial = trial(store).await;
    let count = i64::from(MAX_PAGE) + 500;
    let points: Vec<MetricPoint> = (0..count).map(|n| point(n, &n.to_string())).collect();
    let end = Cursor::new(Source::StdOut, count);
    store
        .append(&trial, &points, &[end])
        .await
        .expect("appends");
    let mut query = ObservationQuery::of(trial.clone());
    query.limit = u32::MAX;
    let mut read = store.observations(&query).await.expect("reads");
    assert_eq!(read.len() as u64, u64::from(MAX_PAGE));
    query.after = read.last().map(|last| last.place);
    read.extend(store.observations(&query).await.expect("reads"));
    assert_eq!(read, points);
    assert_eq!(store.cursors(&trial).await.expect("reads"), [end]);
}

pub(super) async fn queries(store: &dyn Store) {
    let trial = trial(store).await;
    let at = |source, offset, index, metric: &str, time_ns| MetricPoint {
        metric: metric.to_owned(),
        time_ns,
        place: Place {
            source,
            offset,
            index,
        },
        ..point(0, "1")
    };
    let points = [
        at(Source::StdOut, 5, 0, "loss", Some(10)),
        at(Source::StdOut, 5, 1, "accuracy", Some(10)),
        at(Source::StdOut, 8, 0, "loss", Some(20)),
        at(Source::StdErr, 2, 0, "loss", None),
        at(Source::Push, i64::MIN, 0, "accuracy", Some(5)),
        at(Source::Push, i64::MAX, i32::MAX, "loss", Some(15)),
    ];
    // Whatever the order of arrival.
    for point in points.iter().rev() {
        append(store, &trial, std::slice::from_ref(point)).await;
    }
    let base = ObservationQuery::of(trial);
    let of = |metric: &str| ObservationQuery {
        metric: Some(metric.to_owned()),
        ..base.clone()
    };
    let between = |from_ns, to_ns| ObservationQuery {
        from_ns,
        to_ns,
        ..base.clone()
    };
    let page = |after: usize, limit| ObservationQuery {
        after: Some(points[after].place),
        limit,
        ..base.clone()
    };
    for (query, expected) in [
        (base.clone(), vec![0, 1, 2, 3, 4, 5]),
        (of("loss"), vec![0, 2, 3, 5]),
        (of("los"), vec![]),
        (between(Some(10), None), vec![0, 1, 2, 5]),
        (between(None, Some(10)), vec![0, 1, 4]),
        (between(Some(10), Some(15)), vec![0, 1, 5]),
        (page(0, 3), vec![1, 2, 3]),
        (page(3, 9), vec![4, 5]),
        (page(5, 9), vec![]),
        (page(0, 0), vec![]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|n: usize| points[n].clone())
            .collect();
        let found = store.observations(&query).await.expect("reads");
        assert_eq!(found, expected, "{query:?}");
    }
}

pub(super) async fn cursors_move_with_points(store: &dyn Store) {
    let trial = trial(store).await;
    let cursor = Cursor::new;
    assert_eq!(store.cursors(&trial).await.expect("reads"), []);
    let both = [cursor(Source::File, 3), cursor(Source::StdOut, 1 << 40)];
    store.append(&trial, &[], &both).await.expect("appends");
    let anew = Cursor {
        base: 5,
        print: -1,
        ..cursor(Source::File, 9)
    };
    let moved = [anew];
    store
        .append(&trial, &[point(3, "1")], &moved)
        .await
        .expect("appends");
    let expected = [cursor(Source::StdOut, 1 << 40), anew];
    assert_eq!(store.cursors(&trial).await.expect("reads"), expected);

    store.delete_observations(&trial).await.expect("deletes");
    assert_eq!(store.cursors(&trial).await.expect("reads"), []);
    assert_eq!(all(store, &trial).await, []);
}

pub(super) async fn launches_and_trials_are_apart(store: &dyn Store) {
    let first = trial(store).await;
    let second = TrialRef {
        attempt: 2,
        ..first.clone()
    };
    let other = TrialRef {
        number: 1,
        ..first.clone()
    };
    append(store, &first, &[point(0, "1")]).await;
    append(store, &second, &[point(0, "2")]).await;
    append(store, &other, &[point(0, "3")]).await;
    assert_eq!(all(store, &first).await, [point(0, "1")]);
    assert_eq!(all(store, &second).await, [point(0, "2")]);
    assert_eq!(all(store, &other).await, [point(0, "3")]);
    store.delete_observations(&first).await.expect("deletes");
    assert_eq!(all(store, &second).await, [], "every launch");
    assert_eq!(all(store, &other).await, [point(0, "3")]);
}

pub(super) async fn late_reports_reach_nobody(store: &dyn Store) {
    let trial = trial(store).await;
    store.delete(&trial.experiment).await.expect("deletes");
    let mut anew = experiment("a");
    anew.record.metadata.uid = "another".to_owned();
    store.create(&mut anew).await.expect("creates");
    let end = Cursor::new(Source::StdOut, 1);
    for (points, cursors) in [
        (vec![point(0, "1")], vec![]),
        (vec![], vec![end]),
        (vec![point(0, "1")], vec![end]),
    ] {
        let refusal = store.append(&trial, &points, &cursors).await;
        assert!(
            matches!(refusal, Err(StoreError::NotFound { .. })),
            "{refusal:?}"
        );
    }
    let namesake = TrialRef {
        uid: "another".to_owned(),
        ..trial
    };
    assert_eq!(all(store, &namesake).await, []);
}
