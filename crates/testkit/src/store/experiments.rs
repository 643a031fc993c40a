//! Experiments: made, loaded, committed to, listed, deleted.

use diwan_core::engine::Event;
use diwan_core::record::ExperimentKey;
use diwan_core::time::Timestamp;
use diwan_store::{ExperimentQuery, ObservationQuery, Store, StoreError, TrialQuery};

use super::samples::{
    NOW, apply, experiment, experiment_in, launch, point, start, succeed, suggest,
};

pub(super) async fn what_is_created_is_loaded(store: &dyn Store) {
    let mut snapshot = experiment("a");
    suggest(&mut snapshot, 3);
    start(&mut snapshot, 1);
    let key = snapshot.record.key();
    assert_eq!(store.load(&key).await.expect("loads"), None);
    assert_eq!(store.version(&key).await.expect("reads"), None);

    store.create(&mut snapshot).await.expect("creates");
    assert_eq!(snapshot.version, 1);
    assert_eq!(store.version(&key).await.expect("reads"), Some(1));
    let loaded = store.load(&key).await.expect("loads");
    assert_eq!(loaded.as_ref(), Some(&snapshot));
    assert_eq!(snapshot.take_change().trials, [], "the change was taken");
}

pub(super) async fn creation_refuses_a_taken_name(store: &dyn Store) {
    let mut first = experiment("a");
    store.create(&mut first).await.expect("creates");
    let mut second = experiment("a");
    suggest(&mut second, 1);
    let before = second.clone();
    let refusal = store.create(&mut second).await;
    assert!(
        matches!(&refusal, Err(StoreError::AlreadyExists { key }) if *key == first.record.key()),
        "{refusal:?}"
    );
    assert_eq!(second, before);
    assert_eq!(
        store.load(&first.record.key()).await.expect("loads"),
        Some(first)
    );
    let mut elsewhere = experiment_in("elsewhere", "a");
    store.create(&mut elsewhere).await.expect("creates");
}

pub(super) async fn what_is_committed_is_loaded(store: &dyn Store) {
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    store.create(&mut snapshot).await.expect("creates");
    for number in 0..3_u32 {
        let trial = u64::from(number);
        suggest(&mut snapshot, 2);
        start(&mut snapshot, trial);
        if number != 1 {
            succeed(&mut snapshot, trial, 0.1 + f64::from(number));
        }
        snapshot.version = store
            .commit(&key, snapshot.version, &snapshot.take_change())
            .await
            .expect("commits");
        assert_eq!(snapshot.version, trial + 2);
        let loaded = store.load(&key).await.expect("loads");
        assert_eq!(loaded.as_ref(), Some(&snapshot));
    }
    let mut spec = snapshot.record.spec.clone();
    spec.max_trial_count = Some(7);
    apply(&mut snapshot, Event::Edited(Box::new(spec)));
    snapshot.version = store
        .commit(&key, snapshot.version, &snapshot.take_change())
        .await
        .expect("commits");
    assert_eq!(store.load(&key).await.expect("loads"), Some(snapshot));
}

pub(super) async fn a_stale_commit_changes_nothing(store: &dyn Store) {
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    store.create(&mut snapshot).await.expect("creates");
    let mut stale = snapshot.clone();
    suggest(&mut snapshot, 1);
    snapshot.version = store
        .commit(&key, 1, &snapshot.take_change())
        .await
        .expect("commits");

    suggest(&mut stale, 2);
    stale.record.metadata.labels.insert("a".into(), "b".into());
    let change = stale.take_change();
    for expected in [0, 1, 3] {
        let refusal = store.commit(&key, expected, &change).await;
        assert!(
            matches!(refusal, Err(StoreError::Conflict { expected: e, found: 2, .. }) if e == expected),
            "{refusal:?}"
        );
    }
    assert_eq!(store.load(&key).await.expect("loads"), Some(snapshot));
    let all = store
        .trials(&TrialQuery::of(key))
        .await
        .expect("lists trials");
    assert_eq!(all.len(), 1);
}

pub(super) async fn a_commit_of_another_uid_finds_nothing(store: &dyn Store) {
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    let refusal = store.commit(&key, 1, &snapshot.clone().take_change()).await;
    assert!(
        matches!(refusal, Err(StoreError::NotFound { .. })),
        "{refusal:?}"
    );
    store.create(&mut snapshot).await.expect("creates");
    let mut other = snapshot.clone();
    other.record.metadata.uid = "another".to_owned();
    let refusal = store.commit(&key, 1, &other.take_change()).await;
    assert!(
        matches!(refusal, Err(StoreError::NotFound { .. })),
        "{refusal:?}"
    );
    assert_eq!(store.version(&key).await.expect("reads"), Some(1));
}

pub(super) async fn two_trials_cannot_share_a_name(store: &dyn Store) {
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    store.create(&mut snapshot).await.expect("creates");
    suggest(&mut snapshot, 2);
    let mut change = snapshot.take_change();
    change.trials[1].name = change.trials[0].name.clone();
    let refusal = store.commit(&key, 1, &change).await;
    assert!(
        matches!(refusal, Err(StoreError::NameTaken { .. })),
        "{refusal:?}"
    );
    assert_eq!(store.version(&key).await.expect("reads"), Some(1));
    // The refusal leaves no transaction open.
    change.trials[1].name.push_str("-2");
    assert_eq!(store.commit(&key, 1, &change).await.expect("commits"), 2);
}

pub(super) async fn times_keep_their_milliseconds(store: &dyn Store) {
    let at = |offset: i64| Timestamp::from_millis(NOW.as_millis() + offset);
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    suggest(&mut snapshot, 1);
    snapshot
        .apply(Event::Started { trial: 0 }, at(1234))
        .expect("starts");
    snapshot.record.progress.active_since = Some(at(567));
    store.create(&mut snapshot).await.expect("creates");
    let loaded = store.load(&key).await.expect("loads").expect("it is there");
    assert_eq!(loaded.record.progress.active_since, Some(at(567)));
    assert_eq!(loaded.active[&0].started, Some(at(1234)));
}

pub(super) async fn pages_of_experiments(store: &dyn Store) {
    for (namespace, name) in [("b", "x"), ("a", "y"), ("a", "x"), ("c", "x"), ("a", "z")] {
        let mut snapshot = experiment_in(namespace, name);
        if name == "z" {
            let outcome = diwan_core::engine::Outcome::SuggestionFailed("no".to_owned());
            apply(&mut snapshot, Event::Finished(outcome));
        }
        store.create(&mut snapshot).await.expect("creates");
    }
    let all = ExperimentQuery::default();
    let of_a = ExperimentQuery {
        namespace: Some("a".to_owned()),
        ..all.clone()
    };
    let page = |after: &str, limit| ExperimentQuery {
        after: Some(ExperimentKey::new("a", after)),
        limit,
        ..all.clone()
    };
    let open = |query: &ExperimentQuery| ExperimentQuery {
        open: true,
        ..query.clone()
    };
    for (query, expected) in [
        (all.clone(), "a/x a/y a/z b/x c/x"),
        (of_a.clone(), "a/x a/y a/z"),
        (open(&all), "a/x a/y b/x c/x"),
        (open(&of_a), "a/x a/y"),
        (page("x", 2), "a/y a/z"),
        (page("z", 9), "b/x c/x"),
        (open(&page("y", 1)), "b/x"),
        (page("x", 0), ""),
    ] {
        let found = store.experiments(&query).await.expect("lists");
        let keys: Vec<String> = found
            .iter()
            .map(|found| found.record.key().to_string())
            .collect();
        assert_eq!(keys.join(" "), expected, "{query:?}");
        assert!(found.iter().all(|found| found.version == 1));
    }
}

pub(super) async fn deletion_takes_everything(store: &dyn Store) {
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    suggest(&mut snapshot, 2);
    let trial = launch(&snapshot, 1);
    store.create(&mut snapshot).await.expect("creates");
    let mut neighbour = experiment("b");
    store.create(&mut neighbour).await.expect("creates");
    store
        .append(&trial, &[point(0, "1")], &[])
        .await
        .expect("appends");

    store.delete(&key).await.expect("deletes");
    assert_eq!(store.load(&key).await.expect("loads"), None);
    let name = &snapshot.active[&1].name;
    assert_eq!(store.find_trials(name).await.expect("looks"), []);
    let query = ObservationQuery::of(trial);
    assert_eq!(store.observations(&query).await.expect("reads"), []);
    let again = store.delete(&key).await;
    assert!(
        matches!(again, Err(StoreError::NotFound { .. })),
        "{again:?}"
    );
    let left = store
        .experiments(&ExperimentQuery::default())
        .await
        .expect("lists");
    assert_eq!(left.len(), 1);

    // The name is free, and nothing of the old one shows.
    let mut anew = experiment("a");
    store.create(&mut anew).await.expect("creates");
    let trials = store
        .trials(&TrialQuery::of(key))
        .await
        .expect("lists trials");
    assert_eq!(trials, []);
    assert_eq!(store.observations(&query).await.expect("reads"), []);
}

pub(super) async fn changes_are_announced(store: &dyn Store) {
    let mut changes = store.changes();
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    store.create(&mut snapshot).await.expect("creates");
    assert!(changes.has_changed().expect("the store is there"));
    changes.mark_unchanged();
    let _ = store.commit(&key, 9, &snapshot.take_change()).await;
    assert!(!changes.has_changed().expect("the store is there"));
    store
        .commit(&key, 1, &snapshot.take_change())
        .await
        .expect("commits");
    assert!(changes.has_changed().expect("the store is there"));
    changes.mark_unchanged();
    store.delete(&key).await.expect("deletes");
    assert!(changes.has_changed().expect("the store is there"));
}

pub(super) async fn a_dropped_call_leaves_nothing_half_done(store: &dyn Store) {
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    store.create(&mut snapshot).await.expect("creates");
    for _ in 0..20 {
        suggest(&mut snapshot, 1);
        let change = snapshot.take_change();
        let call = store.commit(&key, snapshot.version, &change);
        tokio::select! {
            biased;
            _ = call => {}
            () = std::future::ready(()) => {}
        }
        // Whether it was carried out or not: the next call works, and finds the trials that the record counts.
        let change = diwan_core::engine::Change {
            record: snapshot.record.clone(),
            trials: Vec::new(),
        };
        let _ = store.commit(&key, u64::MAX / 4, &change).await;
        snapshot = store.load(&key).await.expect("loads").expect("it is there");
        let counted = snapshot.record.progress.counts.trials;
        assert_eq!(counted, snapshot.active.len() as u64);
    }
}
