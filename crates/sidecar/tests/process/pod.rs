//! A trial's pod: a directory that two containers share, and the program in each.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_diwan-collect");

/// Longest time that any test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Pod(TempDir);

impl Pod {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// How the command ended; its time is left out.
    pub(crate) fn ended(&self) -> Value {
        let mut ended: Value = serde_json::from_str(&self.text("ended")).unwrap();
        ended.as_object_mut().unwrap().remove("time").unwrap();
        ended
    }

    /// `exec` with the log.
    pub(crate) fn exec(&self, words: &[&str]) -> Command {
        self.exec_with_log(&self.path("log"), words)
    }

    pub(crate) fn exec_with_log(&self, log: &Path, words: &[&str]) -> Command {
        let mut command = program();
        command.arg("exec").arg("--dir").arg(self.0.path());
        command.arg("--log").arg(log).arg("--").args(words);
        command
    }

    pub(crate) fn shell(&self, script: &str) -> Command {
        self.exec(&["sh", "-c", script])
    }

    /// What the webhook would tell `watch`.
    pub(crate) fn config(&self, db_manager: &str) -> Value {
        json!({
            "version": 1,
            "trial": "tune-a",
            "namespace": "team",
            "dbManager": db_manager,
            "objective": {"type": "maximize", "objectiveMetricName": "acc"},
            "dir": self.0.path(),
            "log": self.path("log"),
        })
    }
}

fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) fn watch(config: &Value) -> Command {
    let mut command = program();
    command
        .args(["watch", "--grace", "2"])
        .env("DIWAN_COLLECT", config.to_string());
    command
}

/// Runs it to its end.
pub(crate) async fn run(mut command: Command) -> Output {
    in_time(command.output()).await.unwrap()
}

pub(crate) async fn finish(child: Child) -> Output {
    in_time(child.wait_with_output()).await.unwrap()
}

pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it never happened: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn send(child: &Child, signal: Signal) {
    let id = child.id().expect("it runs");
    kill(Pid::from_raw(id.try_into().unwrap()), signal).unwrap();
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
