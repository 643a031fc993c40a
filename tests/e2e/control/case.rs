//! What these tests share.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::harness::{Ran, Running, World, eventually, experiment};

/// An experiment in a file of its own, whose trials run `script` with `$W` as the test's directory.
pub(super) struct Case {
    pub(super) world: World,
    pub(super) file: String,
}

impl Case {
    pub(super) fn new(max: u32, parallel: u32, script: &str) -> Self {
        Self::with(max, parallel, script, |text| text)
    }

    /// The same with a changed file.
    pub(super) fn with(
        max: u32,
        parallel: u32,
        script: &str,
        change: impl Fn(String) -> String,
    ) -> Self {
        let world = World::new();
        let script = format!("W={}; {script}", world.path("").display());
        let text = change(experiment("case", max, parallel, &script));
        let file = world.file("case.yaml", &text).to_str().unwrap().to_owned();
        Self { world, file }
    }

    pub(super) fn run(&self) -> Ran {
        self.world.run(["run", &self.file])
    }

    /// Starts it, and waits until so many trials run.
    pub(super) fn start(&self, trials: usize) -> Running {
        let running = self.world.start(["run", &self.file]);
        eventually("the trials run", || self.lines("started").len() >= trials);
        running
    }

    /// Replaces text of the file.
    pub(super) fn edit(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.file).unwrap();
        assert!(text.contains(from));
        std::fs::write(&self.file, text.replace(from, to)).unwrap();
    }

    /// Where its trials live.
    pub(super) fn directory(&self) -> PathBuf {
        let around = self.world.path("trials/default");
        let entries = std::fs::read_dir(around).unwrap();
        let mut paths = entries.map(|entry| entry.unwrap().path());
        let is_this = |path: &PathBuf| {
            let name = path.file_name().and_then(OsStr::to_str);
            name.is_some_and(|name| name.starts_with("case."))
        };
        paths.find(is_this).expect("it was made")
    }

    /// What trials wrote into a file.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.world.path(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub(super) fn touch(&self, name: &str) {
        self.world.file(name, "");
    }

    /// Names of the trials in a state.
    pub(super) fn trials(&self, state: &str) -> Vec<String> {
        let ran = self
            .world
            .run(["get", "trials", "--state", state, "-o", "name"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout.lines().map(str::to_owned).collect()
    }

    /// What people are told that it does.
    pub(super) fn state(&self) -> String {
        let told = self.world.run(["get", "experiments"]).stdout;
        let row = told.lines().nth(1).unwrap();
        row.split_whitespace().nth(1).unwrap().to_owned()
    }

    pub(super) fn ended_because(&self) -> String {
        let status = self.world.status("case");
        let last = status["conditions"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        assert_eq!(last["status"], "True");
        last["reason"].as_str().unwrap().to_owned()
    }
}

/// Waits for a file named `go`, then reports. Its process group dies of TERM.
// Kubernetes reads `$$` as an escaped `$`.
pub(super) const WAITS: &str = "echo $$$$ >> $W/started; until [ -e $W/go ]; do sleep 0.02; done; echo score=$X; echo $KATIB_TRIAL_NAME >> $W/done";

pub(super) fn insert(field: &str) -> impl Fn(String) -> String {
    move |text| text.replacen("\nspec:\n", &format!("\nspec:\n  {field}\n"), 1)
}

pub(super) fn insert_in_template(field: &str) -> impl Fn(String) -> String {
    move |text| {
        text.replacen(
            "  trialTemplate:\n",
            &format!("  trialTemplate:\n    {field}\n"),
            1,
        )
    }
}

pub(super) fn is_alive(pid: &str) -> bool {
    // A zombie that nobody has waited for yet is gone as well.
    let status =
        std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

pub(super) fn exact_once(mut names: Vec<String>, count: usize) {
    assert_eq!(names.len(), count, "{names:?}");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "{names:?}");
}
