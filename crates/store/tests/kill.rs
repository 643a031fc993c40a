//! A process that is killed while it writes.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use diwan_core::engine::Snapshot;
use diwan_core::observation::{MetricPoint, ReportedPoint, Source};
use diwan_store::{Cursor, ObservationQuery, Store, TrialQuery, TrialRef, open};
use diwan_testkit::store::samples::{experiment, numbers, placed, point, report, suggest};

const DATABASE: &str = "kill.db";
/// Without this file nobody would kill the writer.
const WATCHED: &str = "watched";
const KILLS: usize = 20;
/// What its lines begin with.
const WORDS: [&str; 3] = ["commit", "append", "report"];
/// Points of a report: several pieces of a transaction.
const PUSHED: usize = 300;

/// Goes on where it was killed: in turn a commit that makes a trial, three points that were read with their cursor, and a
/// large report. Prints a line for each that was acknowledged.
#[tokio::test]
#[ignore = "run, and killed, by the test below"]
async fn writer() {
    if !Path::new(WATCHED).exists() {
        return;
    }
    let store = open(DATABASE).await.unwrap();
    let mut fresh = experiment("a");
    let key = fresh.record.key();
    if store.load(&key).await.unwrap().is_none() {
        store.create(&mut fresh).await.unwrap();
    }
    let mut snapshot = store.load(&key).await.unwrap().unwrap();
    loop {
        suggest(&mut snapshot, 1);
        let change = snapshot.take_change();
        snapshot.version = store.commit(&key, snapshot.version, &change).await.unwrap();
        println!("commit {}", snapshot.record.progress.counts.trials);

        let trial = TrialRef::new(&snapshot.record, &snapshot.active[&0]);
        let read = store.cursors(&trial).await.unwrap();
        let start = read.first().map_or(0, |cursor| cursor.offset);
        let points: Vec<MetricPoint> = (start..start + 3).map(|n| point(n, "1")).collect();
        let cursor = Cursor::new(Source::StdOut, start + 3);
        store.append(&trial, &points, &[cursor]).await.unwrap();
        println!("append {}", start + 3);

        let trials = snapshot.record.progress.counts.trials;
        let reporter = reporter(&snapshot, trials);
        store.report(&reporter, &large_report()).await.unwrap();
        println!("report {trials}");
    }
}

/// The trial that reports when there are so many.
fn reporter(snapshot: &Snapshot, trials: u64) -> TrialRef {
    TrialRef {
        attempt: 2,
        ..TrialRef::new(&snapshot.record, &snapshot.active[&(trials - 1)])
    }
}

fn large_report() -> Vec<ReportedPoint> {
    report(&["1"; PUSHED])
}

fn spawn(directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "writer", "--nocapture"])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The last numbers that the writer has printed.
#[derive(Default)]
struct Acknowledged {
    trials: u64,
    points: i64,
    report: u64,
}

/// Reads so many acknowledgements, and kills.
fn run_until_killed(directory: &Path, lines: usize) -> Acknowledged {
    let mut child = spawn(directory);
    let mut acknowledged = Acknowledged::default();
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = output
        .lines()
        .map(Result::unwrap)
        .filter(|line| WORDS.iter().any(|word| line.starts_with(word)))
        .take(lines);
    for line in lines {
        match line.split_once(' ').unwrap() {
            ("commit", trials) => acknowledged.trials = trials.parse().unwrap(),
            ("append", points) => acknowledged.points = points.parse().unwrap(),
            (_, trials) => acknowledged.report = trials.parse().unwrap(),
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged
}

async fn check(store: &dyn Store, acknowledged: &Acknowledged) {
    let (trials, points) = (acknowledged.trials, acknowledged.points);
    let key = experiment("a").record.key();
    let snapshot = store.load(&key).await.unwrap().unwrap();
    let counted = snapshot.record.progress.counts.trials;
    assert!(counted >= trials, "{counted} of {trials} trials left");
    let all = store.trials(&TrialQuery::of(key)).await.unwrap();
    assert_eq!(numbers(&all), (0..counted).collect::<Vec<_>>());

    check_reports(store, &snapshot, acknowledged.report).await;
    let trial = TrialRef::new(&snapshot.record, &snapshot.active[&0]);
    let read = store
        .observations(&ObservationQuery::of(trial.clone()))
        .await
        .unwrap();
    let count = i64::try_from(read.len()).unwrap();
    assert!(count >= points, "{count} of {points} points left");
    assert_eq!(read, (0..count).map(|n| point(n, "1")).collect::<Vec<_>>());
    let cursors = store.cursors(&trial).await.unwrap();
    assert_eq!(cursors.first().map_or(0, |cursor| cursor.offset), count);
}

/// A report is there whole or not at all; the one that was acknowledged is.
async fn check_reports(store: &dyn Store, snapshot: &Snapshot, acknowledged: u64) {
    for trials in acknowledged.max(1)..=snapshot.record.progress.counts.trials {
        let query = ObservationQuery::of(reporter(snapshot, trials));
        let read = store.observations(&query).await.unwrap();
        if trials == acknowledged || !read.is_empty() {
            assert_eq!(read, placed(large_report()));
        }
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_nothing_is_half_done() {
    let directory = tempfile::TempDir::new().unwrap();
    std::fs::write(directory.path().join(WATCHED), "").unwrap();
    for kill in 0..KILLS {
        // Between 2 and 100 calls after the start, in turn after each kind of call.
        let acknowledged = run_until_killed(directory.path(), 2 + kill * 37 % 99);
        let store = open(directory.path().join(DATABASE).to_str().unwrap())
            .await
            .unwrap();
        check(&*store, &acknowledged).await;
    }
}
