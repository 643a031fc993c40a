//! Points that are pushed.

use diwan_core::observation::{ReportedPoint, Source};
use diwan_store::{Cursor, MAX_PAGE, ObservationQuery, Store, StoreError, TrialRef};

use super::observations::{all, trial};
use super::samples::{experiment, placed, point, report};

async fn send(store: &dyn Store, trial: &TrialRef, points: &[ReportedPoint]) {
    store.report(trial, points).await.expect("reports");
}

async fn send_values(store: &dyn Store, trial: &TrialRef, values: &[&str]) {
    send(store, trial, &report(values)).await;
}

pub(super) async fn points_come_back_in_order_of_arrival(store: &dyn Store) {
    let trial = trial(store).await;
    let mut sent = Vec::new();
    // Times that are equal, go back, or are missing change nothing.
    for (value, time_ns) in [
        ("0.5", Some(7)),
        ("0.4", Some(7)),
        ("0.5", Some(6)),
        ("0.3", Some(-1)),
        ("0.5", None),
        ("0.4", None),
        ("nan", Some(9)),
    ] {
        let mut points = report(&[value, value]);
        points[0].time_ns = time_ns;
        points[1].time_ns = time_ns;
        points[1].metric = "loss".to_owned();
        points[1].step = Some(3);
        send(store, &trial, &points).await;
        sent.extend(points);
    }
    assert_eq!(all(store, &trial).await, placed(sent));
}

pub(super) async fn a_report_sent_again_adds_nothing(store: &dyn Store) {
    let trial = trial(store).await;
    for _ in 0..3 {
        send_values(store, &trial, &["1", "1", "2"]).await;
        send(store, &trial, &[]).await;
    }
    let expected = placed(report(&["1", "1", "2"]));
    assert_eq!(all(store, &trial).await, expected);
    // Without a time and a step, a value may come back: only the last one counts as sent again.
    send_values(store, &trial, &["3"]).await;
    send_values(store, &trial, &["1", "1", "2"]).await;
    let expected = placed(report(&["1", "1", "2", "3", "1", "1", "2"]));
    assert_eq!(all(store, &trial).await, expected);
}

pub(super) async fn a_report_with_a_moment_is_known_for_ever(store: &dyn Store) {
    let trial = trial(store).await;
    let mut sent = report(&["1", "2", "3", "1"]);
    for (point, time_ns) in sent.iter_mut().zip([7, 7, 8, 9]) {
        point.time_ns = Some(time_ns);
    }
    sent[2].time_ns = None;
    sent[2].step = Some(0);
    for _ in 0..3 {
        for point in &sent {
            send(store, &trial, std::slice::from_ref(point)).await;
        }
        // What is known is known among others, too.
        send(store, &trial, &sent[..1]).await;
    }
    assert_eq!(all(store, &trial).await, placed(sent));
}

pub(super) async fn a_report_differs_from_the_last_in_anything(store: &dyn Store) {
    let trial = trial(store).await;
    let base = report(&["1", "2"]);
    let edit = |edit: fn(&mut Vec<ReportedPoint>)| {
        let mut edited = base.clone();
        edit(&mut edited);
        edited
    };
    let mut sent = Vec::new();
    for edited in [
        edit(|points| points[1].value = "2.0".to_owned()),
        edit(|points| points[0].metric = "loss".to_owned()),
        edit(|points| points[1].time_ns = Some(0)),
        edit(|points| points[1].step = Some(0)),
        edit(|points| points.swap(0, 1)),
        edit(|points| points.truncate(1)),
        edit(|points| points.push(points[1].clone())),
    ] {
        for points in [&base, &edited] {
            send(store, &trial, points).await;
            sent.extend_from_slice(points);
        }
    }
    assert_eq!(all(store, &trial).await, placed(sent));
}

pub(super) async fn a_large_report_is_kept_whole(store: &dyn Store) {
    let trial = trial(store).await;
    let values: Vec<String> = (0..MAX_PAGE + 500).map(|n| n.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    send_values(store, &trial, &["first"]).await;
    for _ in 0..2 {
        send_values(store, &trial, &values).await;
    }
    let mut read = all(store, &trial).await;
    let rest = ObservationQuery {
        after: read.last().map(|last| last.place),
        ..ObservationQuery::of(trial)
    };
    read.extend(store.observations(&rest).await.expect("reads"));
    let expected = report(&["first"]).into_iter().chain(report(&values));
    assert_eq!(read, placed(expected));
}

pub(super) async fn launches_are_apart(store: &dyn Store) {
    let first = trial(store).await;
    let second = TrialRef {
        attempt: 2,
        ..first.clone()
    };
    let other = TrialRef {
        number: 1,
        ..first.clone()
    };
    for trial in [&first, &second, &other] {
        send_values(store, trial, &["1"]).await;
    }
    for trial in [&first, &second, &other] {
        assert_eq!(all(store, trial).await, placed(report(&["1"])));
    }
}

pub(super) async fn reports_and_streams_are_apart(store: &dyn Store) {
    let trial = trial(store).await;
    let end = Cursor::new(Source::File, 9);
    send_values(store, &trial, &["1"]).await;
    store
        .append(&trial, &[point(5, "2")], &[end])
        .await
        .expect("appends");
    send_values(store, &trial, &["1"]).await;
    let mut expected = vec![point(5, "2")];
    expected.extend(placed(report(&["1"])));
    assert_eq!(all(store, &trial).await, expected);
    assert_eq!(store.cursors(&trial).await.expect("reads"), [end]);
}

pub(super) async fn what_is_forgotten_can_be_reported_again(store: &dyn Store) {
    let trial = trial(store).await;
    let mut points = report(&["1", "2"]);
    points[0].time_ns = Some(1);
    points[1].time_ns = Some(2);
    for _ in 0..2 {
        for point in &points {
            send(store, &trial, std::slice::from_ref(point)).await;
        }
        assert_eq!(all(store, &trial).await, placed(points.clone()));
        store.delete_observations(&trial).await.expect("deletes");
        assert_eq!(all(store, &trial).await, []);
    }
}

pub(super) async fn late_reports_reach_nobody(store: &dyn Store) {
    let trial = trial(store).await;
    send_values(store, &trial, &["1"]).await;
    store.delete(&trial.experiment).await.expect("deletes");
    let mut anew = experiment("a");
    anew.record.metadata.uid = "another".to_owned();
    store.create(&mut anew).await.expect("creates");
    for values in [["1"], ["2"]] {
        let refusal = store.report(&trial, &report(&values)).await;
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
