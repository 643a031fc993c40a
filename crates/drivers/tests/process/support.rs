//! A place for trials, and ways to wait.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diwan_core::record::ExperimentKey;
use diwan_drivers::{
    Conditions, Driver, End, LaunchId, ProcessDriver, SupervisorCommand, TrialPlan, trial_directory,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// The program of the tests: see `program.rs`.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_test-driver");

/// Longest time that any test waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory for trials, removed at the end.
pub(crate) struct Place {
    root: TempDir,
    trials: AtomicUsize,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            root: tempfile::tempdir().expect("a temporary directory"),
            trials: AtomicUsize::new(0),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// A new trial that runs a shell script. Kubernetes halves `$$`, so it is doubled first.
    pub(crate) fn shell(&self, script: &str) -> TrialPlan {
        self.command(&["sh", "-c", &script.replace("$$", "$$$$")])
    }

    /// A new trial that runs a command.
    pub(crate) fn command(&self, argv: &[&str]) -> TrialPlan {
        self.container(json!({"command": argv}))
    }

    /// A new trial of a Job with this container.
    pub(crate) fn container(&self, mut container: Value) -> TrialPlan {
        container["name"] = json!("main");
        let manifest =
            json!({"kind": "Job", "spec": {"template": {"spec": {"containers": [container]}}}});
        let trial = format!("tune-{}", self.trials.fetch_add(1, Ordering::Relaxed));
        let experiment = ExperimentKey::new("default", "tune");
        TrialPlan {
            directory: trial_directory(self.root(), &trial),
            experiment,
            trial,
            attempt: 1,
            source_directory: Some(self.root().to_owned()),
            manifest: manifest.as_object().cloned().unwrap_or_default(),
            primary_container: "main".to_owned(),
            conditions: Conditions::default(),
        }
    }

    /// Runs a trial to its end.
    pub(crate) async fn run(&self, plan: &TrialPlan) -> End {
        let driver = driver();
        driver.start(plan).await.expect("the trial starts");
        driver
            .ended(&plan.id())
            .await
            .expect("the trial was started")
    }

    /// Why a trial fails.
    pub(crate) async fn failure(&self, plan: &TrialPlan) -> String {
        match self.run(plan).await {
            End::Failed(message) => message,
            end => panic!("{end:?}"),
        }
    }
}

/// A driver as after a start of Diwan.
pub(crate) fn driver() -> ProcessDriver {
    ProcessDriver::new(supervisor())
}

/// A program of the tests acts as the supervisor.
pub(crate) fn supervisor() -> SupervisorCommand {
    SupervisorCommand::new(PROGRAM, ["inherit"])
}

pub(crate) fn stdout(id: &LaunchId) -> String {
    std::fs::read_to_string(id.stdout()).unwrap_or_default()
}

/// Waits until `condition` gives something.
pub(crate) async fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until something holds, looking all the time, so that what follows comes at that moment.
pub(crate) fn at_once_when(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}");
        std::thread::yield_now();
    }
}

/// Waits until a trial has printed a line with this text.
pub(crate) async fn printed(id: &LaunchId, text: &str) {
    eventually(text, || stdout(id).contains(text).then_some(())).await;
}

/// Waits for a number that a trial writes to a file of its working directory.
pub(crate) async fn number(id: &LaunchId, file: &str) -> i32 {
    let path: PathBuf = id.work_directory().join(file);
    let read = || {
        std::fs::read_to_string(&path)
            .ok()?
            .strip_suffix('\n')?
            .parse()
            .ok()
    };
    eventually(file, read).await
}

/// Whether a process runs; zombies don't.
pub(crate) fn is_alive(pid: i32) -> bool {
    let state = ps("state=", pid);
    !state.is_empty() && !state.starts_with('Z')
}

/// Kills a supervisor and its heir, which is the parent of it.
pub(crate) fn kill_with_heir(supervisor: i32) {
    let heir = ps("ppid=", supervisor).parse().expect("it has a parent");
    for pid in [heir, supervisor] {
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it runs");
    }
}

fn ps(column: &str, pid: i32) -> String {
    let output = std::process::Command::new("ps")
        .args(["-o", column, "-p", &pid.to_string()])
        .output()
        .expect("ps runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
