//! Random histories do to a store what they do to a few maps.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::collections::BTreeMap;

use diwan_core::engine::Snapshot;
use diwan_core::observation::{MetricPoint, Place, ReportedPoint, Source};
use diwan_core::record::TrialState;
use diwan_store::{
    Cursor, ExperimentQuery, ObservationQuery, Store, StoreError, TrialQuery, TrialRef, open,
};
use diwan_testkit::store::samples::{experiment, fail, point, report, start, succeed, suggest};
use proptest::prelude::*;

const NAMES: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    Create(usize),
    Suggest(usize, usize),
    /// Starts or ends the oldest active trial.
    Advance(usize, bool),
    Stale(usize),
    Append(usize, u64, u32, Vec<(i64, i32)>, Option<i64>),
    /// The last says whether its points have a time.
    Report(usize, u64, u32, Vec<u8>, bool),
    Forget(usize, u64),
    Delete(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = 0..NAMES.len();
    let places = prop::collection::vec((0..40_i64, 0..2_i32), 0..20);
    let step = prop_oneof![
        2 => name.clone().prop_map(Step::Create),
        3 => (name.clone(), 0..4_usize).prop_map(|(name, count)| Step::Suggest(name, count)),
        6 => (name.clone(), any::<bool>()).prop_map(|(name, well)| Step::Advance(name, well)),
        1 => name.clone().prop_map(Step::Stale),
        6 => (name.clone(), 0..3_u64, 1..3_u32, places, prop::option::of(0..100_i64))
            .prop_map(|(name, trial, attempt, places, cursor)| Step::Append(name, trial, attempt, places, cursor)),
        // Few different ones, so that many equal an earlier one.
        6 => (name.clone(), 0..3_u64, 1..3_u32, prop::collection::vec(0..2_u8, 0..3), any::<bool>())
            .prop_map(|(name, trial, attempt, values, timed)| Step::Report(name, trial, attempt, values, timed)),
        1 => (name.clone(), 0..3_u64).prop_map(|(name, trial)| Step::Forget(name, trial)),
        1 => name.prop_map(Step::Delete),
    ];
    prop::collection::vec(step, 1..40)
}

#[derive(Default)]
struct Model {
    snapshots: BTreeMap<usize, Snapshot>,
    /// By experiment, trial, attempt.
    points: BTreeMap<(usize, u64, u32), BTreeMap<Place, MetricPoint>>,
    cursors: BTreeMap<(usize, u64, u32), i64>,
    /// The reports of each.
    reports: BTreeMap<(usize, u64, u32), Vec<Vec<ReportedPoint>>>,
}

fn trial(name: usize, number: u64, attempt: u32) -> TrialRef {
    let record = experiment(NAMES[name]).record;
    TrialRef {
        experiment: record.key(),
        uid: record.metadata.uid,
        number,
        attempt,
    }
}

impl Model {
    async fn step(&mut self, store: &dyn Store, step: Step) {
        match step {
            Step::Create(name) => {
                let mut snapshot = experiment(NAMES[name]);
                let result = store.create(&mut snapshot).await;
                assert_eq!(
                    result.is_ok(),
                    !self.snapshots.contains_key(&name),
                    "{result:?}"
                );
                self.snapshots.entry(name).or_insert(snapshot);
            }
            Step::Suggest(name, count) => {
                self.commit(store, name, |snapshot| suggest(snapshot, count))
                    .await;
            }
            Step::Advance(name, well) => {
                self.commit(store, name, |snapshot| advance(snapshot, well))
                    .await;
            }
            Step::Stale(name) => {
                let mut snapshot = experiment(NAMES[name]);
                suggest(&mut snapshot, 3);
                let result = store
                    .commit(&snapshot.record.key(), 0, &snapshot.take_change())
                    .await;
                match self.snapshots.get(&name) {
                    Some(stored) => assert!(
                        matches!(result, Err(StoreError::Conflict { found, .. }) if found == stored.version)
                    ),
                    None => assert!(matches!(result, Err(StoreError::NotFound { .. }))),
                }
            }
            Step::Append(name, number, attempt, places, cursor) => {
                self.append(store, (name, number, attempt), &places, cursor)
                    .await;
            }
            Step::Report(name, number, attempt, values, timed) => {
                let values: Vec<String> = values.iter().map(u8::to_string).collect();
                let values: Vec<&str> = values.iter().map(String::as_str).collect();
                let mut points = report(&values);
                for point in &mut points {
                    point.time_ns = timed.then_some(1);
                }
                self.report(store, (name, number, attempt), points).await;
            }
            Step::Forget(name, number) => {
                store
                    .delete_observations(&trial(name, number, 1))
                    .await
                    .unwrap();
                self.forget(|key| (key.0, key.1) == (name, number));
            }
            Step::Delete(name) => {
                let result = store.delete(&experiment(NAMES[name]).record.key()).await;
                assert_eq!(result.is_ok(), self.snapshots.remove(&name).is_some());
                self.forget(|key| key.0 == name);
            }
        }
    }

    fn forget(&mut self, gone: impl Fn(&(usize, u64, u32)) -> bool) {
        self.points.retain(|key, _| !gone(key));
        self.cursors.retain(|key, _| !gone(key));
        self.reports.retain(|key, _| !gone(key));
    }

    async fn commit(&mut self, store: &dyn Store, name: usize, edit: impl Fn(&mut Snapshot)) {
        if let Some(snapshot) = self.snapshots.get_mut(&name) {
            edit(snapshot);
            let change = snapshot.take_change();
            snapshot.version = store
                .commit(&snapshot.record.key(), snapshot.version, &change)
                .await
                .unwrap();
        }
    }

    async fn append(
        &mut self,
        store: &dyn Store,
        key: (usize, u64, u32),
        places: &[(i64, i32)],
        cursor: Option<i64>,
    ) {
        let points: Vec<MetricPoint> = places.iter().map(|place| point_at(*place)).collect();
        let cursors: Vec<Cursor> = cursor
            .map(|offset| Cursor::new(Source::StdOut, offset))
            .into_iter()
            .collect();
        let result = store
            .append(&trial(key.0, key.1, key.2), &points, &cursors)
            .await;
        if !self.snapshots.contains_key(&key.0) {
            assert_eq!(result.is_ok(), points.is_empty() && cursors.is_empty());
            return;
        }
        result.unwrap();
        let kept = self.points.entry(key).or_default();
        for point in points {
            kept.entry(point.place).or_insert(point);
        }
        if let Some(offset) = cursor {
            self.cursors.insert(key, offset);
        }
    }

    async fn report(
        &mut self,
        store: &dyn Store,
        key: (usize, u64, u32),
        points: Vec<ReportedPoint>,
    ) {
        let result = store.report(&trial(key.0, key.1, key.2), &points).await;
        if points.is_empty() || !self.snapshots.contains_key(&key.0) {
            assert_eq!(result.is_ok(), points.is_empty());
            return;
        }
        result.unwrap();
        let reports = self.reports.entry(key).or_default();
        let is_last = reports.last() == Some(&points);
        let is_known = points[0].time_ns.is_some() && reports.contains(&points);
        reports.push(points.clone());
        if is_last || is_known {
            return;
        }
        let kept = self.points.entry(key).or_default();
        for point in points {
            let pushed = kept.range(Place::pushed(0)..).count();
            let place = Place::pushed(i64::try_from(pushed).unwrap());
            kept.insert(place, point.at(place));
        }
    }

    async fn check(&self, store: &dyn Store) {
        for (name, text) in NAMES.iter().enumerate() {
            let key = experiment(text).record.key();
            let loaded = store.load(&key).await.unwrap();
            assert_eq!(loaded.as_ref(), self.snapshots.get(&name));
            let all = store.trials(&TrialQuery::of(key)).await.unwrap();
            let counted = loaded.map_or(0, |snapshot| snapshot.record.progress.counts.trials);
            assert_eq!(all.len() as u64, counted);
            for (number, attempt) in [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2)] {
                let trial = trial(name, number, attempt);
                let points = self.points.get(&(name, number, attempt));
                let expected: Vec<_> = points
                    .into_iter()
                    .flatten()
                    .map(|(_, p)| p.clone())
                    .collect();
                let query = ObservationQuery::of(trial.clone());
                assert_eq!(store.observations(&query).await.unwrap(), expected);
                let cursors = store.cursors(&trial).await.unwrap();
                let expected = self.cursors.get(&(name, number, attempt));
                assert_eq!(cursors.first().map(|cursor| &cursor.offset), expected);
            }
        }
        let listed = store
            .experiments(&ExperimentQuery::default())
            .await
            .unwrap();
        assert_eq!(listed.len(), self.snapshots.len());
    }
}

/// The value depends on the call, so that the first report of a place can be told from the next.
fn point_at((offset, index): (i64, i32)) -> MetricPoint {
    let mut point = point(offset, &format!("{offset}.{index}0"));
    point.place.index = index;
    point
}

fn advance(snapshot: &mut Snapshot, well: bool) {
    let Some((number, state)) = snapshot.active.values().map(|t| (t.number, t.state)).next() else {
        return;
    };
    match state {
        TrialState::Pending => start(snapshot, number),
        _ if well => succeed(snapshot, number, 0.1),
        _ => fail(snapshot, number),
    }
}

fn play(steps: Vec<Step>, url: impl Future<Output = String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = open(&url.await).await.unwrap();
        let mut model = Model::default();
        for step in steps {
            model.step(&*store, step).await;
        }
        model.check(&*store).await;
        store.close().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_in_sqlite(steps in steps()) {
        play(steps, async { "sqlite::memory:".to_owned() });
    }

    #[test]
    #[ignore = "needs a server: tests/postgres"]
    fn random_histories_in_postgres(steps in steps()) {
        play(steps, diwan_testkit::postgres::empty());
    }
}
