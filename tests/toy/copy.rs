//! A copy of the workspace that can be changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo needs to build the workspace.
const PARTS: [&str; 7] = [
    ".clippy.toml",
    "Cargo.lock",
    "algorithms",
    "crates",
    "examples",
    "proto",
    "tests",
];

/// Where the version of all packages stands.
const MANIFEST: &str = "Cargo.toml";

/// Not optimised: the toys do not calculate much, and compiling is what takes time.
const FAST: [&str; 2] = ["algorithms", "simulate"];

pub(crate) struct Copy {
    /// Where it is.
    directory: PathBuf,
    /// Where its binaries are.
    binaries: PathBuf,
    /// Where the workspace keeps what it has built.
    built: PathBuf,
}

impl Copy {
    /// A copy as the workspace is, but for files that will be `changed`.
    pub(crate) fn new(changed: &[&str]) -> Self {
        let temporary = Path::new(env!("CARGO_TARGET_TMPDIR")).join("toy");
        let copy = Self {
            directory: temporary.join("workspace"),
            binaries: temporary.join("binaries"),
            built: Path::new(env!("CARGO_TARGET_TMPDIR")).join(".."),
        };
        for part in PARTS {
            copy.take(Path::new(part), changed);
        }
        // Cargo tells packages apart by version and place in their workspace: of one version, those of the copy would be
        // built over the workspace's own.
        let manifest = copy.original(MANIFEST);
        let version = concat!("version = \"", env!("CARGO_PKG_VERSION"));
        assert!(manifest.contains(version), "the version is elsewhere");
        let manifest = manifest.replace(version, &format!("{version}-toy"));
        copy.put(MANIFEST, manifest.as_bytes());
        copy
    }

    /// Copies a file or directory, as far as it has changed: files that keep their times are not built again.
    fn take(&self, path: &Path, changed: &[&str]) {
        if changed.iter().any(|changed| path == Path::new(changed)) {
            return;
        }
        let from = top().join(path);
        if !from.is_dir() {
            return self.put(path.to_str().unwrap(), &fs::read(from).unwrap());
        }
        for entry in fs::read_dir(from).unwrap() {
            self.take(&path.join(entry.unwrap().file_name()), changed);
        }
    }

    /// Writes a file, unless it is as wanted.
    pub(crate) fn put(&self, path: &str, text: &[u8]) {
        let path = self.directory.join(path);
        if fs::read(&path).is_ok_and(|found| found == text) {
            return;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file of the copy.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.directory.join(path)).unwrap()
    }

    /// A file of the workspace.
    pub(crate) fn original(&self, path: &str) -> String {
        fs::read_to_string(top().join(path)).unwrap()
    }

    /// Cargo on the copy, without a network.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(&self.directory);
        command.args(["--offline", "--quiet"]);
        for part in FAST {
            let flag = format!("profile.dev.package.diwan-{part}.opt-level=0");
            command.args(["--config", &flag]);
        }
        command.env("CARGO_TARGET_DIR", &self.binaries);
        command.env("CARGO_BUILD_BUILD_DIR", &self.built);
        command
    }

    /// Builds some of it.
    pub(crate) fn build(&self, what: &[&str]) {
        let output = self.cargo().arg("build").args(what).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
    }

    /// A binary that was built.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.binaries.join("debug").join(name)
    }
}

fn top() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
