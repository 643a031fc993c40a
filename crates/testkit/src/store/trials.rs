//! Trials: paged, by state, by name.

use diwan_core::record::TrialState;
use diwan_store::{
    ExperimentQuery, ObservationQuery, Store, StoredExperiment, TrialQuery, TrialRef,
};

use super::samples::{experiment, experiment_in, fail, numbers, point, start, succeed, suggest};

pub(super) async fn pages_of_trials(store: &dyn Store) {
    let mut snapshot = experiment("a");
    suggest(&mut snapshot, 7);
    store.create(&mut snapshot).await.expect("creates");
    let all = TrialQuery::of(snapshot.record.key());
    for (after, newest_first, limit, expected) in [
        (None, false, 3, vec![0, 1, 2]),
        (Some(2), false, 3, vec![3, 4, 5]),
        (Some(5), false, 3, vec![6]),
        (Some(u64::MAX), false, 3, vec![]),
        (None, true, 3, vec![6, 5, 4]),
        (Some(2), true, 9, vec![1, 0]),
        (Some(0), true, 9, vec![]),
        (None, false, u32::MAX, vec![0, 1, 2, 3, 4, 5, 6]),
    ] {
        let query = TrialQuery {
            after,
            newest_first,
            limit,
            ..all.clone()
        };
        let found = store.trials(&query).await.expect("lists trials");
        assert_eq!(numbers(&found), expected, "{query:?}");
        assert!(
            found
                .iter()
                .all(|trial| snapshot.active[&trial.number] == *trial)
        );
    }
}

pub(super) async fn trials_by_state(store: &dyn Store) {
    let mut snapshot = experiment("a");
    suggest(&mut snapshot, 9);
    for trial in 0..7 {
        start(&mut snapshot, trial);
    }
    for trial in [0, 3, 5] {
        succeed(&mut snapshot, trial, 0.5);
    }
    fail(&mut snapshot, 2);
    store.create(&mut snapshot).await.expect("creates");
    use TrialState::{Failed, Killed, Pending, Running, Succeeded};
    for (states, newest_first, after, limit, expected) in [
        (vec![Succeeded], false, None, 9, vec![0, 3, 5]),
        (vec![Succeeded], true, None, 2, vec![5, 3]),
        (vec![Succeeded, Failed], false, Some(0), 9, vec![2, 3, 5]),
        (vec![Failed, Succeeded], true, Some(5), 2, vec![3, 2]),
        (vec![Pending, Running], false, None, 9, vec![1, 4, 6, 7, 8]),
        (vec![Pending, Pending], true, None, 9, vec![8, 7]),
        (vec![Killed], false, None, 9, vec![]),
        (TrialState::ALL.to_vec(), false, Some(6), 9, vec![7, 8]),
    ] {
        let query = TrialQuery {
            experiment: snapshot.record.key(),
            states,
            after,
            newest_first,
            limit,
        };
        let found = store.trials(&query).await.expect("lists trials");
        assert_eq!(numbers(&found), expected, "{query:?}");
    }
    let loaded = store.load(&snapshot.record.key()).await.expect("loads");
    assert_eq!(loaded, Some(snapshot), "the active trials, no others");
}

pub(super) async fn trials_by_name(store: &dyn Store) {
    let mut here = experiment("a");
    suggest(&mut here, 2);
    let mut there = experiment_in("elsewhere", "a");
    suggest(&mut there, 1);
    store.create(&mut here).await.expect("creates");
    store.create(&mut there).await.expect("creates");
    // Both have the same uid, so their trials have the same names.
    let (first, second) = (&here.active[&0], &here.active[&1]);

    let key = here.record.key();
    let found = store.trial(&key, &second.name).await.expect("looks");
    assert_eq!(found.as_ref(), Some(second));
    let missing = store
        .trial(&there.record.key(), &second.name)
        .await
        .expect("looks");
    assert_eq!(missing, None);

    let mut found = store.find_trials(&first.name).await.expect("looks");
    found.sort_by(|a, b| a.experiment.cmp(&b.experiment));
    let keys: Vec<String> = found.iter().map(|f| f.experiment.to_string()).collect();
    assert_eq!(keys, ["default/a", "elsewhere/a"]);
    assert_eq!(found[0].reference(), TrialRef::new(&here.record, first));
    assert_eq!(store.find_trials("no such").await.expect("looks"), []);
}

pub(super) async fn foreign_trials(store: &dyn Store) {
    let none = store.find_foreign_trial("x-1").await.expect("looks");
    assert_eq!(none, None);
    let one = store.foreign_trial("x-1").await.expect("makes");
    let two = store.foreign_trial("x-2").await.expect("makes");
    assert_ne!(one, two);
    assert_eq!(store.foreign_trial("x-1").await.expect("finds"), one);
    let found = store.find_foreign_trial("x-1").await.expect("looks");
    assert_eq!(found.as_ref(), Some(&one));

    store
        .append(&one, &[point(0, "0.5")], &[])
        .await
        .expect("appends");
    let points = store
        .observations(&ObservationQuery::of(one.clone()))
        .await
        .expect("reads");
    assert_eq!(points, [point(0, "0.5")]);
    store.delete_observations(&one).await.expect("deletes");
    let points = store
        .observations(&ObservationQuery::of(one.clone()))
        .await
        .expect("reads");
    assert_eq!(points, []);

    let listed: Vec<StoredExperiment> = store
        .experiments(&ExperimentQuery::default())
        .await
        .expect("lists");
    assert_eq!(listed, []);
    assert_eq!(store.load(&one.experiment).await.expect("loads"), None);
    assert!(store.delete(&one.experiment).await.is_err());
}
