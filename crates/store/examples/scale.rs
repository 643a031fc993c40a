//! Measures the store as an experiment grows: `cargo run --release -p diwan-store --example scale [TRIALS [OBSERVATIONS
//! [URL]]]`.
//!
//! Trials are made, launched, reported for and ended one by one, as by a runner. Then observations are appended as by
//! collectors that read fast. Everything happens in a temporary directory, unless a URL names an empty database.

use std::time::{Duration, Instant};

use diwan_core::engine::Snapshot;
use diwan_core::observation::{MetricPoint, Source};
use diwan_core::record::{ExperimentKey, TrialState};
use diwan_store::{Cursor, ObservationQuery, Store, TrialQuery, TrialRef, open};
use diwan_testkit::store::samples::{experiment, launch, point, start, succeed, suggest};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Trials or reports that are measured together.
const WINDOW: usize = 200;

#[tokio::main]
async fn main() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let trials = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let observations = arguments
        .next()
        .map_or(Ok(10_000_000), |text| text.parse())?;
    let directory = tempfile::TempDir::new()?;
    let path = directory.path().join("scale.db");
    let url = arguments
        .next()
        .unwrap_or_else(|| format!("sqlite:{}", path.display()));
    let store = open(&url).await?;

    let mut snapshot = experiment("scale");
    store.create(&mut snapshot).await?;
    run_trials(&*store, &mut snapshot, trials).await?;
    measure_commits(&*store, &mut snapshot).await?;
    measure_reads(&*store, &snapshot).await?;
    run_reports(&*store, &snapshot, observations).await?;
    measure_deletion(&*store, &snapshot.record.key()).await?;
    store.close().await;
    if let Ok(file) = std::fs::metadata(&path) {
        println!("file afterwards: {} KiB", file.len() / 1024);
    }
    Ok(())
}

async fn commit(store: &dyn Store, snapshot: &mut Snapshot) -> Outcome {
    let change = snapshot.take_change();
    snapshot.version = store
        .commit(&snapshot.record.key(), snapshot.version, &change)
        .await?;
    Ok(())
}

/// The life of one trial: three commits and a report.
async fn run_trial(store: &dyn Store, snapshot: &mut Snapshot) -> Outcome {
    let number = snapshot.record.progress.counts.trials;
    suggest(snapshot, 1);
    commit(store, snapshot).await?;
    start(snapshot, number);
    commit(store, snapshot).await?;
    let points = [point(0, "0.125"), point(20, "0.25")];
    store
        .append(&launch(snapshot, number), &points, &[cursor(40)])
        .await?;
    succeed(snapshot, number, 0.25);
    commit(store, snapshot).await
}

async fn run_trials(store: &dyn Store, snapshot: &mut Snapshot, trials: usize) -> Outcome {
    let mut times = Vec::with_capacity(trials);
    let marks = [1_000, 10_000, 100_000, 1_000_000];
    let begin = now();
    for trial in 1..=trials {
        let before = now();
        run_trial(store, snapshot).await?;
        times.push(before.elapsed());
        if marks.contains(&trial) || trial == trials {
            let window = &mut times[trial.saturating_sub(WINDOW)..].to_vec();
            println!(
                "trial {trial}: median {:?}, resident {}",
                median(window),
                resident()
            );
        }
    }
    println!("{trials} trials in {:?}", begin.elapsed());
    Ok(())
}

async fn measure_commits(store: &dyn Store, snapshot: &mut Snapshot) -> Outcome {
    let mut times = Vec::with_capacity(WINDOW);
    let first = snapshot.record.progress.counts.trials;
    for pair in 0..WINDOW as u64 {
        suggest(snapshot, 2);
        commit(store, snapshot).await?;
        for number in [first + 2 * pair, first + 2 * pair + 1] {
            start(snapshot, number);
        }
        let before = now();
        commit(store, snapshot).await?;
        times.push(before.elapsed());
        for number in [first + 2 * pair, first + 2 * pair + 1] {
            succeed(snapshot, number, 0.5);
        }
        commit(store, snapshot).await?;
    }
    println!(
        "a commit of one record and two trials: median {:?}",
        median(&mut times)
    );
    Ok(())
}

async fn measure_reads(store: &dyn Store, snapshot: &Snapshot) -> Outcome {
    let key = snapshot.record.key();
    let before = now();
    store.load(&key).await?;
    println!("load: {:?}", before.elapsed());
    let before = now();
    store.version(&key).await?;
    println!("version: {:?}", before.elapsed());
    for states in [
        vec![],
        vec![TrialState::Failed],
        vec![TrialState::Succeeded, TrialState::Failed],
    ] {
        let query = TrialQuery {
            states,
            newest_first: true,
            limit: 50,
            ..TrialQuery::of(key.clone())
        };
        let before = now();
        let found = store.trials(&query).await?.len();
        println!(
            "the newest 50 of states {:?}: {found} in {:?}",
            query.states,
            before.elapsed()
        );
    }
    Ok(())
}

async fn run_reports(store: &dyn Store, snapshot: &Snapshot, observations: usize) -> Outcome {
    const REPORT: usize = 250;
    const TRIALS: u64 = 16;
    let trial = |number| TrialRef {
        experiment: snapshot.record.key(),
        uid: snapshot.record.metadata.uid.clone(),
        number,
        attempt: 2,
    };
    let begin = now();
    let mut offset = 0;
    for report in 0..observations / REPORT {
        let number = report as u64 % TRIALS;
        let points: Vec<MetricPoint> = (0..REPORT as i64)
            .map(|line| point(offset + 20 * line, "0.123456"))
            .collect();
        let end = offset + 20 * REPORT as i64;
        store
            .append(&trial(number), &points, &[cursor(end)])
            .await?;
        if number == TRIALS - 1 {
            offset = end;
        }
    }
    let elapsed = begin.elapsed();
    let rate = observations as f64 / elapsed.as_secs_f64();
    println!(
        "{observations} observations in {elapsed:?}: {rate:.0} a second, resident {}",
        resident()
    );
    let before = now();
    let page = store.observations(&ObservationQuery::of(trial(0))).await?;
    println!(
        "a page of {} observations: {:?}",
        page.len(),
        before.elapsed()
    );
    Ok(())
}

async fn measure_deletion(store: &dyn Store, key: &ExperimentKey) -> Outcome {
    let begin = now();
    store.delete(key).await?;
    println!("deletion: {:?}, resident {}", begin.elapsed(), resident());
    Ok(())
}

fn cursor(offset: i64) -> Cursor {
    Cursor::new(Source::StdOut, offset)
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
fn now() -> Instant {
    Instant::now()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Resident memory as Linux tells it.
fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.map_or("unknown", str::trim).to_owned()
}
