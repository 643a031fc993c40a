//! What the tests share: a database and a directory of their own each, and the binary on them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest time that any test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// One test's world.
pub(crate) struct World {
    directory: tempfile::TempDir,
    database: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("diwan.db");
        Self {
            directory,
            database,
        }
    }

    /// The same with the database elsewhere; trials stay here.
    pub(crate) fn with_database(self, database: &Path) -> Self {
        Self {
            database: database.to_owned(),
            ..self
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The binary on this test's database.
    pub(crate) fn diwan<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diwan"));
        command
            .arg("--db")
            .arg(&self.database)
            .arg("--work-dir")
            .arg(self.path("trials"))
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end; what it printed.
    pub(crate) fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Ran {
        Ran::of(self.diwan(arguments).output().unwrap())
    }

    /// Runs the binary, which must succeed, and reads what it printed as JSON.
    pub(crate) fn json<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Value {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
    }

    /// Starts the binary, silent, and leaves it running.
    pub(crate) fn start<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Running {
        let mut command = self.diwan(arguments);
        Running(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }

    /// All trials of an experiment.
    pub(crate) fn trials(&self, experiment: &str) -> Vec<Value> {
        let list = self.json([
            "get",
            "trials",
            "--experiment",
            experiment,
            "--limit",
            "10000",
            "-o",
            "json",
        ]);
        list["items"].as_array().unwrap().clone()
    }

    pub(crate) fn status(&self, experiment: &str) -> Value {
        self.json(["get", "experiments", experiment, "-o", "json"])["status"].clone()
    }
}

/// What a command printed and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A process that does not outlive its test.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Its exit code, within the patience.
    pub(crate) fn code(&mut self) -> i32 {
        eventually("the process ends", || self.has_ended());
        self.0.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits, with a bound, until something holds.
#[expect(clippy::disallowed_methods, reason = "a bounded wait needs a clock")]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The workspace's top.
pub(crate) fn top() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The Python that has what the tests need.
pub(crate) fn python() -> PathBuf {
    let python = top().join("target/test-venv/bin/python");
    assert!(
        python.exists(),
        "run tests/run once: it installs what the tests need"
    );
    python
}

/// An experiment whose trials run `script` with `sh`; its parameter is `$X`, a double from 0 to 1.
pub(crate) fn experiment(name: &str, max: u32, parallel: u32, script: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!(
        r#"
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  name: {name}
spec:
  objective:
    type: maximize
    objectiveMetricName: score
  algorithm:
    algorithmName: random
    algorithmSettings:
      - name: random_state
        value: "7"
  parallelTrialCount: {parallel}
  maxTrialCount: {max}
  parameters:
    - name: x
      parameterType: double
      feasibleSpace:
        min: "0"
        max: "1"
  trialTemplate:
    primaryContainerName: main
    trialParameters:
      - name: x
        reference: x
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            terminationGracePeriodSeconds: 2
            containers:
              - name: main
                image: unused
                env:
                  - name: X
                    value: "${{trialParameters.x}}"
                command: ["sh", "-c", {script}]
            restartPolicy: Never
"#
    )
}
