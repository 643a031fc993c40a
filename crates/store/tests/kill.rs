//! A process that is killed while it writes.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use diwan_core::observation::{MetricPoint, Source};
use diwan_store::{Cursor, ObservationQuery, Store, TrialQuery, open};
use diwan_testkit::store::samples::{experiment, numbers, point, suggest};

const DATABASE: &str = "kill.db";
/// Without this file nobody would kill the writer.
const WATCHED: &str = "watched";
const KILLS: usize = 20;

/// Goes on where it was killed: in turn a commit that makes a trial, and a report of three points with its cursor. Prints a
/// line for each that was acknowledged.
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

        let trial = diwan_store::TrialRef::new(&snapshot.record, &snapshot.active[&0]);
        let read = store.cursors(&trial).await.unwrap();
        let start = read.first().map_or(0, |cursor| cursor.offset);
        let points: Vec<MetricPoint> = (start..start + 3).map(|n| point(n, "1")).collect();
        let cursor = Cursor {
            source: Source::StdOut,
            offset: start + 3,
        };
        store.append(&trial, &points, &[cursor]).await.unwrap();
        println!("append {}", start + 3);
    }
}

fn spawn(directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "writer", "--nocapture"])
        .current_dir(directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads so many acknowledgements, kills, and returns the last numbers of trials and points that were acknowledged.
fn run_until_killed(directory: &Path, lines: usize) -> (u64, i64) {
    let mut child = spawn(directory);
    let mut acknowledged = (0, 0);
    let output = BufReader::new(child.stdout.take().unwrap());
    let lines = output
        .lines()
        .map(Result::unwrap)
        .filter(|line| line.starts_with("commit") || line.starts_with("append"))
        .take(lines);
    for line in lines {
        match line.split_once(' ').unwrap() {
            ("commit", trials) => acknowledged.0 = trials.parse().unwrap(),
            (_, points) => acknowledged.1 = points.parse().unwrap(),
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged
}

async fn check(store: &dyn Store, (trials, points): (u64, i64)) {
    let key = experiment("a").record.key();
    let snapshot = store.load(&key).await.unwrap().unwrap();
    let counted = snapshot.record.progress.counts.trials;
    assert!(counted >= trials, "{counted} of {trials} trials left");
    let all = store.trials(&TrialQuery::of(key)).await.unwrap();
    assert_eq!(numbers(&all), (0..counted).collect::<Vec<_>>());

    let trial = diwan_store::TrialRef::new(&snapshot.record, &snapshot.active[&0]);
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

#[tokio::test]
async fn nothing_acknowledged_is_lost_and_nothing_is_half_done() {
    let directory = tempfile::TempDir::new().unwrap();
    std::fs::write(directory.path().join(WATCHED), "").unwrap();
    for kill in 0..KILLS {
        // Between 2 and 100 calls after the start, now after a commit, now after a report.
        let acknowledged = run_until_killed(directory.path(), 2 + kill * 37 % 99);
        let store = open(directory.path().join(DATABASE).to_str().unwrap())
            .await
            .unwrap();
        check(&*store, acknowledged).await;
    }
}
