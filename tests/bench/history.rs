//! Whether a long history slows an experiment down: scripted trials, a real database, the real runner.

use std::sync::Arc;
use std::time::Instant;

use diwan_core::engine::Snapshot;
use diwan_core::load;
use diwan_core::record::{ExperimentRecord, Progress};
use diwan_core::resources::DEFAULT_NAMESPACE;
use diwan_core::validate::Context;
use diwan_server::clock;
use diwan_server::runner::{Control, Options, Report, Runner};
use diwan_server::suggester::LocalSuggester;
use diwan_testkit::driver::{Script, Scripted};
use tokio::sync::watch;

use crate::experiment::experiment;
use crate::{Effort, median};

pub(crate) fn measure(effort: Effort) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(run(effort));
}

async fn run(effort: Effort) {
    // Times of so many trials are taken together, those before an early one and a late one.
    let (window, early, late) = effort.of((200, 1_000, 100_000), (50, 100, 300));
    let directory = crate::directory();
    let path = directory.path().join("history.db");
    let store = diwan_store::open(&path.to_string_lossy())
        .await
        .expect("a database");
    let mut snapshot = Snapshot::create(record(late), clock::now());
    store.create(&mut snapshot).await.expect("a new experiment");
    let key = snapshot.record.key();
    let runner = Runner {
        store: store.clone(),
        driver: Arc::new(Scripted::new(|_| Script::prints("score=0.5\n"))),
        suggester: Arc::new(LocalSuggester::new(store)),
        options: Options::new(directory.path().join("trials")),
    };
    let (_control, controls) = watch::channel(Control::Run);
    let (report, mut reports) = watch::channel(Report::default());
    let watcher = tokio::spawn(async move {
        let mut ends = Vec::new();
        while reports.changed().await.is_ok() {
            let finished = reports
                .borrow()
                .record
                .as_ref()
                .map_or(0, |record| record.progress.counts.finished());
            if [early, late]
                .iter()
                .any(|number| (number - window..=*number).contains(&finished))
            {
                ends.push((finished, now(), resident()));
            }
        }
        ends
    });
    runner
        .run(&key, controls, report)
        .await
        .expect("the experiment runs");
    let ends = watcher.await.expect("the watcher ends");
    let per_trial = |number| per_trial(&ends, window, number);
    let (first, last) = (per_trial(early), per_trial(late));
    println!("scripted trials, one at a time, SQLite (medians of {window} trials)");
    println!(
        "  trial number {early}    {:.0} µs, {:.1} MB resident",
        first.0, first.1
    );
    println!(
        "  trial number {late}  {:.0} µs, {:.1} MB resident",
        last.0, last.1
    );
    println!("  ratio                {:.2}", last.0 / first.0);
}

/// Median time of one trial before the `number`th, in µs, and the memory there, in MB.
fn per_trial(ends: &[(u64, Instant, f64)], window: u64, number: u64) -> (f64, f64) {
    let window: Vec<_> = ends
        .iter()
        .filter(|(count, ..)| (number - window..=number).contains(count))
        .collect();
    let times = window.windows(2).filter(|pair| pair[1].0 == pair[0].0 + 1);
    let times: Vec<f64> = times
        .map(|pair| (pair[1].1 - pair[0].1).as_secs_f64() * 1e6)
        .collect();
    (
        median(times),
        window.last().expect("the trial was reached").2,
    )
}

fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0 / 1e6
}

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn now() -> Instant {
    Instant::now()
}

fn record(max: u64) -> ExperimentRecord {
    let context = Context {
        algorithms: &["random"],
        ..Context::default()
    };
    let mut experiment = load::check(&experiment("history", 1, max), &context)
        .expect("a valid experiment")
        .remove(0);
    experiment.metadata.namespace = DEFAULT_NAMESPACE.to_owned();
    experiment.metadata.uid = "history".to_owned();
    ExperimentRecord {
        metadata: experiment.metadata,
        spec: experiment.spec,
        progress: Progress::default(),
    }
}
