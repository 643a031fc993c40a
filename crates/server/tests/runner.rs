//! The runner on a real database with scripted trials: restarts, other people's edits, a store and a driver that fail.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::engine::{Event, Point, Snapshot};
use diwan_core::load;
use diwan_core::observation::ReportedPoint;
use diwan_core::record::{ExperimentKey, ExperimentRecord, Progress, TrialRecord, TrialState};
use diwan_core::resources::ParameterAssignment;
use diwan_core::validate::Context;
use diwan_drivers::{End, LaunchId};
use diwan_server::clock::now;
use diwan_server::edit::change;
use diwan_server::runner::{Control, Options, Report, RunError, Runner};
use diwan_server::suggester::{LocalSuggester, Next, SuggestError, Suggester, Suggestions};
use diwan_store::{ObservationQuery, Store, StoreError, TrialQuery, TrialRef};
use diwan_testkit::driver::{Script, Scripted};
use diwan_testkit::postgres::{empty, lossy};
use diwan_testkit::store::{Access, Faulty};
use tokio::sync::watch;

/// Longest time that any test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

struct Bench {
    directory: tempfile::TempDir,
    store: Arc<dyn Store>,
    key: ExperimentKey,
}

impl Bench {
    /// A new experiment; `more` are further lines of its specification.
    async fn new(more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("diwan.db").display().to_string();
        Self::on(&path, directory, more).await
    }

    /// The same in the database at a URL.
    async fn on(url: &str, directory: tempfile::TempDir, more: &str) -> Self {
        let store = diwan_store::open(url).await.unwrap();
        let record = record(more);
        let key = record.key();
        store
            .create(&mut Snapshot::create(record, now()))
            .await
            .unwrap();
        Self {
            directory,
            store,
            key,
        }
    }

    fn runner(&self, driver: &Scripted) -> Runner {
        let options = Options {
            poll: Duration::from_millis(10),
            ..Options::new(self.directory.path().join("trials"))
        };
        Runner {
            store: self.store.clone(),
            driver: Arc::new(driver.clone()),
            suggester: Arc::new(LocalSuggester::new(self.store.clone())),
            options,
        }
    }

    /// Starts a run; the sender ends it when told so.
    fn start(
        &self,
        driver: &Scripted,
    ) -> (
        watch::Sender<Control>,
        tokio::task::JoinHandle<Result<ExperimentRecord, RunError>>,
    ) {
        let (control, controls) = watch::channel(Control::Run);
        let (runner, key) = (self.runner(driver), self.key.clone());
        let run = tokio::spawn(async move {
            runner
                .run(&key, controls, watch::channel(Report::default()).0)
                .await
        });
        (control, run)
    }

    async fn run(&self, driver: &Scripted) -> ExperimentRecord {
        let (_control, run) = self.start(driver);
        within(run).await.unwrap().unwrap()
    }

    async fn trials(&self) -> BTreeMap<u64, TrialRecord> {
        let trials = self
            .store
            .trials(&TrialQuery::of(self.key.clone()))
            .await
            .unwrap();
        trials
            .into_iter()
            .map(|trial| (trial.number, trial))
            .collect()
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it ends in time")
}

/// Waits until something holds.
async fn eventually(holds: impl Fn() -> bool) {
    within(async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn record(more: &str) -> ExperimentRecord {
    let text = format!(
        r#"
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {{name: tune, namespace: default, uid: u1}}
spec:
  objective: {{type: maximize, objectiveMetricName: score}}
  algorithm: {{algorithmName: random}}
  parameters:
    - {{name: x, parameterType: double, feasibleSpace: {{min: "0", max: "1"}}}}
{more}
  trialTemplate:
    primaryContainerName: main
    retryLimit: 1
    trialParameters: [{{name: x, reference: x}}]
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec: {{template: {{spec: {{restartPolicy: Never, containers: [{{name: main, command: ["train", "${{trialParameters.x}}"]}}]}}}}}}
"#
    );
    let context = Context {
        algorithms: &["random"],
        ..Context::default()
    };
    let experiment = load::check(&text, &context).unwrap().remove(0);
    ExperimentRecord {
        metadata: experiment.metadata,
        spec: experiment.spec,
        progress: Progress::default(),
    }
}

/// What a trial writes to its standard output.
fn print(id: &LaunchId, text: &str) {
    std::fs::create_dir_all(&id.directory).unwrap();
    std::fs::write(id.stdout(), text).unwrap();
}

fn end(driver: &Scripted, id: &LaunchId) {
    driver.end(id, End::Succeeded);
}

/// Every trial prints a score that only it has, and ends well.
fn scores() -> Scripted {
    Scripted::new(|plan| {
        Script::prints(format!(
            "epoch=1 score=0.1\nepoch=2 score=0.{}\n",
            plan.trial.len()
        ))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_all_trials_and_never_too_many_at_once() {
    let bench = Bench::new("  maxTrialCount: 60\n  parallelTrialCount: 4").await;
    let driver = scores();
    let record = bench.run(&driver).await;
    assert_eq!(record.progress.counts.trials_succeeded, 60);
    assert_eq!(driver.started(), 60);
    assert!(driver.most_running() <= 4, "{}", driver.most_running());
    for trial in bench.trials().await.values() {
        let stored = bench
            .store
            .observations(&ObservationQuery::of(TrialRef::new(&record, trial)))
            .await
            .unwrap();
        assert_eq!(stored.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_latest_of_what_is_pushed_is_what_arrived_last() {
    let pushed = "  metricsCollectorSpec: {collector: {kind: Push}}";
    let bench = Bench::new(&format!(
        "{pushed}\n  maxTrialCount: 1\n  parallelTrialCount: 1"
    ))
    .await;
    let driver = Scripted::new(|_| Script::Runs);
    let (_control, run) = bench.start(&driver);
    eventually(|| driver.running().len() == 1).await;
    let snapshot = bench.store.load(&bench.key).await.unwrap().unwrap();
    let trial = TrialRef::new(&snapshot.record, &snapshot.active[&0]);
    // Whole seconds, as clients write them; the last one is sent twice.
    for (value, seconds) in [
        ("0.7", 9),
        ("0.6", 9),
        ("0.5", 8),
        ("0.9", 9),
        ("0.6", 9),
        ("0.6", 9),
    ] {
        let point = ReportedPoint {
            metric: "score".to_owned(),
            value: value.to_owned(),
            time_ns: Some(seconds * 1_000_000_000),
            step: None,
        };
        bench.store.report(&trial, &[point]).await.unwrap();
    }
    end(&driver, &driver.running()[0]);
    within(run).await.unwrap().unwrap();
    let trial = &bench.trials().await[&0];
    let row = &trial.observation.as_ref().unwrap().metrics[0];
    assert_eq!(
        [&row.min, &row.max, &row.latest].map(String::as_str),
        ["0.5", "0.9", "0.6"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_vanishes_is_taken_up_where_it_was() {
    let bench = Bench::new("  maxTrialCount: 6\n  parallelTrialCount: 3").await;
    let driver = Scripted::new(|_| Script::Runs);
    let (control, run) = bench.start(&driver);
    eventually(|| driver.running().len() == 3).await;
    run.abort();
    assert!(run.await.is_err());
    drop(control);
    // One ends while nobody looks.
    let ended = driver.running().remove(0);
    print(&ended, "score=0.9\n");
    driver.end(&ended, End::Succeeded);

    let (_control, run) = bench.start(&driver);
    for started in 4..=6 {
        eventually(|| driver.started() == started).await;
        assert!(driver.running().len() <= 3);
        let id = driver.running().remove(0);
        print(&id, "score=0.5\n");
        driver.end(&id, End::Succeeded);
    }
    eventually(|| {
        driver.running().iter().for_each(|id| end(&driver, id));
        run.is_finished()
    })
    .await;
    let record = run.await.unwrap().unwrap();
    assert_eq!(driver.started(), 6, "none was launched twice");
    assert_eq!(record.progress.counts.finished(), 6);
    assert_eq!(record.progress.best.best_trial_name, ended.trial);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_power_cut_took_runs_again() {
    let bench = Bench::new("  maxTrialCount: 2\n  parallelTrialCount: 2").await;
    let driver = Scripted::new(|plan| {
        if plan.attempt == 1 {
            Script::Runs
        } else {
            Script::prints("score=0.5\n")
        }
    });
    let (_control, run) = bench.start(&driver);
    eventually(|| driver.running().len() == 2).await;
    driver.lose_all();
    let record = within(run).await.unwrap().unwrap();
    assert_eq!(record.progress.counts.trials_succeeded, 2);
    assert!(
        bench
            .trials()
            .await
            .values()
            .all(|trial| trial.attempt == 2 && trial.losses == 1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_from_elsewhere_are_taken_while_it_runs() {
    let bench = Bench::new("  maxTrialCount: 100\n  parallelTrialCount: 2").await;
    let driver = Scripted::new(|_| Script::Runs);
    let (_control, run) = bench.start(&driver);
    eventually(|| driver.running().len() == 2).await;
    let edited = |snapshot: &mut Snapshot| {
        let mut spec = snapshot.record.spec.clone();
        spec.max_trial_count = Some(3);
        spec.parallel_trial_count = Some(1);
        vec![Event::Edited(Box::new(spec))]
    };
    change(&*bench.store, &bench.key, edited).await.unwrap();
    eventually(|| {
        driver.running().iter().for_each(|id| end(&driver, id));
        run.is_finished()
    })
    .await;
    assert_eq!(run.await.unwrap().unwrap().progress.counts.trials, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_run_stops_its_trials_and_keeps_them() {
    let bench = Bench::new("  maxTrialCount: 4\n  parallelTrialCount: 2").await;
    let driver = Scripted::new(|_| Script::Runs);
    let (control, run) = bench.start(&driver);
    eventually(|| driver.running().len() == 2).await;
    control.send(Control::Interrupt).unwrap();
    let record = within(run).await.unwrap().unwrap();
    assert!(record.progress.completion_time.is_none());
    assert!(driver.running().is_empty());
    assert!(
        bench
            .trials()
            .await
            .values()
            .all(|trial| trial.state == TrialState::Pending && trial.attempt == 2)
    );
    assert_eq!(
        bench.run(&scores()).await.progress.counts.trials_succeeded,
        4
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_experiment_stops_what_it_runs() {
    let bench = Bench::new("  maxTrialCount: 4\n  parallelTrialCount: 2").await;
    let driver = Scripted::new(|_| Script::Runs);
    let (_control, run) = bench.start(&driver);
    eventually(|| driver.running().len() == 2).await;
    let running = driver.running();
    bench.store.delete(&bench.key).await.unwrap();
    // Whether the loop or a launch is the first to find out.
    print(&running[0], "score=0.5\n");
    end(&driver, &running[1]);
    assert!(matches!(
        within(run).await.unwrap(),
        Err(RunError::Deleted(_))
    ));
    eventually(|| driver.running().is_empty()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_for_good_ends_the_run_and_its_trials_go_on() {
    let mut bench = Bench::new("  maxTrialCount: 4\n  parallelTrialCount: 2").await;
    let sound = bench.store.clone();
    let is_broken = Arc::new(AtomicBool::new(false));
    let told = is_broken.clone();
    // Reading goes on, so only the launch can find out.
    let fault = move |access| {
        let is_due = access == Access::Write && told.load(Ordering::Relaxed);
        is_due.then(|| StoreError::Damaged {
            what: "a test says so".to_owned(),
            source: None,
        })
    };
    bench.store = Arc::new(Faulty::new(sound.clone(), fault));
    let driver = Scripted::new(|_| Script::Runs);
    let (_control, run) = bench.start(&driver);
    eventually(|| driver.running().len() == 2).await;
    is_broken.store(true, Ordering::Relaxed);
    print(&driver.running()[0], "score=0.5\n");
    let ended = within(run).await.unwrap();
    assert!(
        matches!(ended, Err(RunError::Store(StoreError::Damaged { .. }))),
        "{ended:?}"
    );
    assert_eq!((driver.running().len(), driver.started()), (2, 2));

    bench.store = sound;
    let (_control, run) = bench.start(&driver);
    eventually(|| {
        driver.running().iter().for_each(|id| end(&driver, id));
        run.is_finished()
    })
    .await;
    let record = run.await.unwrap().unwrap();
    assert_eq!(record.progress.counts.finished(), 4);
    assert_eq!(driver.started(), 4, "none was launched twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_full_or_away_now_and_then_loses_nothing() {
    faults_lose_nothing(|| StoreError::Full).await;
    faults_lose_nothing(|| StoreError::Unreachable("nobody answers".into())).await;
}

async fn faults_lose_nothing(error: impl Fn() -> StoreError + Send + Sync + 'static) {
    let mut bench = Bench::new("  maxTrialCount: 8\n  parallelTrialCount: 2").await;
    let writes = Arc::new(AtomicU64::new(0));
    let counted = writes.clone();
    // Every fourth write.
    let fault = move |access| {
        let is_due = access == Access::Write && counted.fetch_add(1, Ordering::Relaxed) % 4 == 3;
        is_due.then(&error)
    };
    bench.store = Arc::new(Faulty::new(bench.store.clone(), fault));
    let driver = scores();
    let record = bench.run(&driver).await;
    let writes = writes.load(Ordering::Relaxed);
    assert!(writes >= 12, "{writes} writes are too few to meet faults");
    each_once(&bench, &driver, &record, 8).await;
}

/// So many trials have succeeded, each launched once and with both of its observations.
async fn each_once(bench: &Bench, driver: &Scripted, record: &ExperimentRecord, count: u64) {
    assert_eq!(record.progress.counts.trials_succeeded, count);
    assert_eq!(driver.started(), count, "none was launched twice");
    let trials = bench.trials().await;
    assert_eq!(trials.len() as u64, count);
    for trial in trials.values() {
        let stored = bench
            .store
            .observations(&ObservationQuery::of(TrialRef::new(record, trial)))
            .await
            .unwrap();
        assert_eq!(stored.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a server: tests/postgres"]
async fn a_database_whose_answers_are_lost_loses_and_doubles_nothing() {
    let url = empty().await;
    // Shut for longer than one call waits.
    let way = lossy(&url, 40, Duration::from_secs(8)).await;
    let directory = tempfile::tempdir().unwrap();
    let more = "  maxTrialCount: 150\n  parallelTrialCount: 4";
    let mut bench = Bench::on(&way, directory, more).await;
    let driver = scores();
    let record = bench.run(&driver).await;
    bench.store = diwan_store::open(&url).await.unwrap();
    each_once(&bench, &driver, &record, 150).await;
}

/// Two running trials and a store that is full from a moment on, until it is not.
async fn running_on_a_full_disk(
    bench: &mut Bench,
) -> (
    Scripted,
    Arc<AtomicBool>,
    watch::Sender<Control>,
    tokio::task::JoinHandle<Result<ExperimentRecord, RunError>>,
) {
    let is_full = Arc::new(AtomicBool::new(false));
    let told = is_full.clone();
    let fault = move |access| {
        let is_due = access == Access::Write && told.load(Ordering::Relaxed);
        is_due.then_some(StoreError::Full)
    };
    bench.store = Arc::new(Faulty::new(bench.store.clone(), fault));
    let driver = Scripted::new(|_| Script::Runs);
    let (control, run) = bench.start(&driver);
    eventually(|| driver.running().len() == 2).await;
    is_full.store(true, Ordering::Relaxed);
    (driver, is_full, control, run)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_stops_trials_and_leaves_although_the_disk_is_full() {
    let mut bench = Bench::new("  maxTrialCount: 2\n  parallelTrialCount: 2").await;
    let (driver, is_full, control, run) = running_on_a_full_disk(&mut bench).await;
    // A launch that is kept busy by the full disk is stopped as well.
    print(&driver.running()[0], "score=0.5\n");
    control.send(Control::Interrupt).unwrap();
    let ended = within(run).await.unwrap();
    assert!(
        matches!(ended, Err(RunError::Store(StoreError::Full))),
        "{ended:?}"
    );
    assert!(driver.running().is_empty());
    is_full.store(false, Ordering::Relaxed);
    // Nobody knows that they were told to stop, but they were: they are not failures.
    let (_control, run) = bench.start(&driver);
    eventually(|| driver.running().len() == 2).await;
    driver.running().iter().for_each(|id| {
        print(id, "score=0.5\n");
        end(&driver, id);
    });
    let record = within(run).await.unwrap().unwrap();
    assert_eq!(record.progress.counts.trials_succeeded, 2);
}

/// Gives a point, and waits for its result. It finds out so slowly that the result is there when it says so.
struct Slow {
    store: Arc<dyn Store>,
}

#[async_trait]
impl Suggester for Slow {
    async fn validate(&self, _: &ExperimentRecord) -> Result<(), SuggestError> {
        Ok(())
    }

    async fn suggest(&self, snapshot: &Snapshot, _: u64) -> Result<Suggestions, SuggestError> {
        let asked = &snapshot.record.progress.counts;
        let is_waiting = asked.trials > asked.finished();
        let mut is_there = !is_waiting;
        while !is_there {
            tokio::task::yield_now().await;
            let now = self.store.load(&snapshot.record.key()).await.unwrap();
            is_there = now.is_some_and(|now| now.record.progress.counts.finished() == asked.trials);
        }
        let why = "a result".to_owned();
        let (points, next) = match is_waiting {
            true => (Vec::new(), Next::Waiting { why }),
            false => (vec![x("0.5")], Next::Ready),
        };
        Ok(Suggestions {
            points,
            settings: Vec::new(),
            next,
        })
    }
}

fn x(value: &str) -> Point {
    let assignment = ParameterAssignment {
        name: "x".to_owned(),
        value: value.to_owned(),
    };
    Point {
        assignments: vec![assignment],
        ..Point::default()
    }
}

#[tokio::test]
async fn a_result_that_comes_while_the_optimizer_is_asked_is_no_result_to_wait_for() {
    let bench = Bench::new("  parallelTrialCount: 2\n  maxTrialCount: 3").await;
    let runner = Runner {
        suggester: Arc::new(Slow {
            store: bench.store.clone(),
        }),
        ..bench.runner(&scores())
    };
    let (_control, controls) = watch::channel(Control::Run);
    let run = runner.run(&bench.key, controls, watch::channel(Report::default()).0);
    let record = within(Box::pin(run)).await.unwrap();
    assert_eq!(record.progress.counts.trials_succeeded, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_hundreds_of_starts() {
    let bench = Bench::new("  maxTrialCount: 300\n  parallelTrialCount: 300").await;
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&asked);
    let driver = Scripted::new(move |plan| {
        seen.lock().unwrap().insert(plan.trial.clone());
        Script::Refused
    });
    let (control, run) = bench.start(&driver);
    eventually(|| !asked.lock().unwrap().is_empty()).await;
    control.send(Control::Interrupt).unwrap();
    let record = within(run).await.unwrap().unwrap();
    assert_eq!(record.progress.counts.trials_pending, 300);
    let asked = asked.lock().unwrap().len();
    assert!(asked < 100, "{asked} were started first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_for_a_moment_at_a_trials_end_is_read_later() {
    let bench = Bench::new("  maxTrialCount: 1\n  parallelTrialCount: 1").await;
    let driver = Scripted::new(|_| Script::Runs);
    let (_control, controls) = watch::channel(Control::Run);
    let (report, mut reports) = watch::channel(Report::default());
    let (runner, key) = (bench.runner(&driver), bench.key.clone());
    let run = tokio::spawn(async move { runner.run(&key, controls, report).await });
    eventually(|| !driver.running().is_empty()).await;
    let id = driver.running().remove(0);
    // A link to itself can be opened no more than any file when too many are open.
    std::fs::create_dir_all(&id.directory).unwrap();
    std::os::unix::fs::symlink(id.stdout(), id.stdout()).unwrap();
    assert!(driver.end(&id, End::Succeeded));
    let told = reports.wait_for(|report| {
        let trouble = report.trouble.as_deref().unwrap_or_default();
        trouble.contains("stdout.log cannot be read")
    });
    within(told).await.unwrap();
    std::fs::remove_file(id.stdout()).unwrap();
    print(&id, "score=0.5\n");
    let record = within(run).await.unwrap().unwrap();
    assert_eq!(record.progress.counts.trials_succeeded, 1);
    assert_eq!(record.progress.best.best_trial_name, id.trial);
}
