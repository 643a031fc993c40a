//! PostgreSQL does what every store must do, and outlasts its connections.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::sync::Arc;
use std::time::Duration;

use diwan_core::engine::Snapshot;
use diwan_core::observation::{MetricPoint, ReportedPoint};
use diwan_core::record::ExperimentKey;
use diwan_store::{ObservationQuery, Store, StoreError, TrialQuery, TrialRef, open};
use diwan_testkit::postgres::{connect, empty, lossy};
use diwan_testkit::store::samples::{experiment, launch, point, report, start, suggest};
use sqlx::AssertSqlSafe;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server: tests/postgres"]
async fn a_server_conforms() {
    diwan_testkit::store::conforms(async || open(&empty().await).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server: tests/postgres"]
async fn two_handles_share_a_database() {
    diwan_testkit::store::shares(async || {
        let url = empty().await;
        // At the same time, the database being empty: who is later waits.
        let (one, two) = tokio::join!(open(&url), open(&url));
        let pair: [Arc<dyn Store>; 2] = [one.unwrap(), two.unwrap()];
        pair
    })
    .await;
}

/// Repeats a call, as its callers do.
async fn until_reached<T, F: Future<Output = Result<T, StoreError>>>(call: impl Fn() -> F) -> T {
    loop {
        match call().await {
            Err(error) if error.is_transient() => {}
            other => return other.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server: tests/postgres"]
async fn what_is_done_while_its_answer_is_lost_happens_once() {
    const ROUNDS: usize = 300;
    let store = open(&lossy(&empty().await, 40, Duration::ZERO).await)
        .await
        .unwrap();
    let mut snapshot = experiment("a");
    suggest(&mut snapshot, 1);
    start(&mut snapshot, 0);
    let trial = launch(&snapshot, 0);
    store.create(&mut snapshot).await.unwrap();
    let key = snapshot.record.key();
    for round in 0..ROUNDS {
        commit(&*store, &key, &mut snapshot).await;
        let offset = i64::try_from(round).unwrap();
        let read = [point(offset, &round.to_string())];
        until_reached(|| store.append(&trial, &read, &[])).await;
        // With nothing in it that tells it from the one before the last.
        let value = if round % 2 == 0 { "0.5" } else { "0.25" };
        let pushed = report(&[value]);
        until_reached(|| store.report(&trial, &pushed)).await;
    }
    assert_eq!(snapshot.version, 1 + ROUNDS as u64);
    let stored = store.load(&key).await.unwrap().unwrap();
    assert_eq!(stored, snapshot);
    let trials = store.trials(&TrialQuery::of(key)).await.unwrap();
    assert_eq!(trials.len(), 1 + ROUNDS);
    let points = points(&*store, &trial).await;
    assert_eq!(points.len(), 2 * ROUNDS);
}

async fn commit(store: &dyn Store, key: &ExperimentKey, snapshot: &mut Snapshot) {
    suggest(snapshot, 1);
    let change = snapshot.take_change();
    let expected = snapshot.version;
    snapshot.version = until_reached(|| store.commit(key, expected, &change)).await;
}

async fn points(store: &dyn Store, trial: &TrialRef) -> Vec<MetricPoint> {
    let query = ObservationQuery::of(trial.clone());
    store.observations(&query).await.unwrap()
}

/// Whatever others commit before it is repeated, and although the server was away for longer than a call waits.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server: tests/postgres"]
async fn a_commit_whose_answer_was_lost_is_known_later() {
    let url = empty().await;
    let other = open(&url).await.unwrap();
    let way = lossy(&url, 40, Duration::from_secs(8)).await;
    let store = open(&way).await.unwrap();
    let mut snapshot = experiment("a");
    let key = snapshot.record.key();
    other.create(&mut snapshot).await.unwrap();
    let mut is_met = false;
    for _ in 0..400 {
        suggest(&mut snapshot, 1);
        let (change, expected) = (snapshot.take_change(), snapshot.version);
        let first = store.commit(&key, expected, &change).await;
        if let Err(error) = &first {
            assert!(matches!(error, StoreError::Unreachable(_)), "{error:?}");
            let mut theirs = other.load(&key).await.unwrap().unwrap();
            // Or it was the way there that was lost.
            is_met = theirs.version == expected + 1;
            if is_met {
                suggest(&mut theirs, 1);
                let change = theirs.take_change();
                other.commit(&key, theirs.version, &change).await.unwrap();
            }
        }
        let version = match first {
            Ok(version) => version,
            Err(_) => until_reached(|| store.commit(&key, expected, &change)).await,
        };
        assert_eq!(version, expected + 1);
        if is_met {
            break;
        }
        snapshot.version = version;
    }
    assert!(is_met, "an answer to a commit was lost");
    let again = other
        .commit(&key, snapshot.version, &snapshot.take_change())
        .await;
    assert!(
        matches!(again, Err(StoreError::Conflict { .. })),
        "{again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server: tests/postgres"]
async fn one_process_holds_an_experiment() {
    let url = empty().await;
    let (one, two) = (open(&url).await.unwrap(), open(&url).await.unwrap());
    let held = one.hold("u1").await.unwrap();
    let refusal = two.hold("u1").await;
    assert!(matches!(refusal, Err(StoreError::Held)));
    two.hold("u2").await.unwrap();
    drop(held);
    // The server hears of the end of a connection in its own time.
    let taken = async {
        while two.hold("u1").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), taken)
        .await
        .unwrap();
}

#[tokio::test]
#[ignore = "needs a server: tests/postgres"]
async fn names_and_values_of_any_length_and_bytes_come_back() {
    let store = open(&empty().await).await.unwrap();
    let trial = store.foreign_trial("a\0b").await.unwrap();
    let pushed = ReportedPoint {
        metric: "m\0".to_owned() + &random_text(8_000),
        value: "\0".to_owned(),
        time_ns: None,
        step: Some(1),
    };
    store
        .report(&trial, std::slice::from_ref(&pushed))
        .await
        .unwrap();
    let found = points(&*store, &trial).await;
    assert_eq!(
        (&found[0].metric, &found[0].value),
        (&pushed.metric, &pushed.value)
    );
}

/// That no index entry can hold, however it is compressed.
fn random_text(length: usize) -> String {
    let mut state = 1_u64;
    let mut letter = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'a' + u8::try_from((state >> 40) % 26).unwrap())
    };
    (0..length).map(|_| letter()).collect()
}

async fn refusal(url: &str) -> StoreError {
    match open(url).await {
        Ok(_) => panic!("{url} is taken"),
        Err(error) => error,
    }
}

#[tokio::test]
#[ignore = "needs a server: tests/postgres"]
async fn what_is_not_diwans_is_refused_and_left_alone() {
    let url = empty().await;
    let (_, schema) = url.rsplit_once("%3D").unwrap();
    let execute = async |text: String| {
        let mut connection = connect().await;
        let statement = sqlx::raw_sql(AssertSqlSafe(text));
        statement.execute(&mut connection).await.unwrap();
    };
    execute(format!("CREATE TABLE {schema}.experiments (id INT)")).await;
    let error = refusal(&url).await;
    assert!(matches!(error, StoreError::NotDiwan { .. }), "{error:?}");

    execute(format!("DROP TABLE {schema}.experiments")).await;
    execute(format!("CREATE VIEW {schema}.diwan AS SELECT 1")).await;
    let error = refusal(&url).await;
    assert!(matches!(error, StoreError::NotDiwan { .. }), "{error:?}");
    execute(format!("DROP VIEW {schema}.diwan")).await;
    open(&url).await.unwrap().close().await;
    execute(format!(
        "INSERT INTO {schema}._sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99, 'from the future', TRUE, '', 0)"
    ))
    .await;
    let error = refusal(&url).await;
    assert!(
        matches!(error, StoreError::Newer { found: 99, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_without_the_password() {
    let error = refusal("postgres://me:secret@127.0.0.1:1/db").await;
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    let told = format!("{error}: {:?}", error.hint());
    assert!(
        told.contains("127.0.0.1:1/db") && !told.contains("secret"),
        "{told}"
    );
    let error = refusal("postgres://host:port/db").await;
    assert!(matches!(error, StoreError::BadUrl { .. }), "{error:?}");
}
