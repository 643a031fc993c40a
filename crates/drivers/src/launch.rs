//! One launch of a trial, and where its files are.

use std::fmt;
use std::path::{Path, PathBuf};

use diwan_core::digest::{EMPTY, fnv1a};
use diwan_core::record::ExperimentKey;

/// File systems take names of at most 255 bytes; this leaves room for suffixes.
const MAX_NAME_BYTES: usize = 200;
/// As much of a uid as tells two experiments of one name apart.
const UID_CHARS: usize = 8;

/// Which launch of which trial.
///
/// On this machine a trial's directory holds `work`, the working directory of all its attempts (so that a retry finds the
/// checkpoints of the attempt before it), and beside it files of each attempt: its logs and its exit status.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LaunchId {
    /// Whose trial.
    pub experiment: ExperimentKey,
    /// Name of the trial.
    pub trial: String,
    /// Number of the launch, from 1.
    pub attempt: u32,
    /// The trial's own directory.
    pub directory: PathBuf,
}

impl LaunchId {
    /// Where the trial works: `work` in its directory, whatever the attempt.
    #[must_use]
    pub fn work_directory(&self) -> PathBuf {
        work_directory(&self.directory)
    }

    /// What it printed on its standard output. Read it with [`crate::logs`].
    #[must_use]
    pub fn stdout(&self) -> PathBuf {
        self.file("stdout.log")
    }

    /// What it printed on its standard error. Read it with [`crate::logs`].
    #[must_use]
    pub fn stderr(&self) -> PathBuf {
        self.file("stderr.log")
    }

    /// A file of this attempt. No directory of its own: making one costs as much as all its files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory
            .join(format!("attempt-{}.{name}", self.attempt))
    }
}

/// Where the trial of a directory works.
pub(crate) fn work_directory(directory: &Path) -> PathBuf {
    directory.join("work")
}

impl fmt::Display for LaunchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "attempt {} of trial {}/{}",
            self.attempt, self.experiment.namespace, self.trial
        )
    }
}

/// Where the trials of an experiment live: `<root>/<namespace>/<name>.<uid>`, each name made safe as a file name, the uid cut
/// to eight characters. The uid keeps experiments of the same name apart that come from different databases.
#[must_use]
pub fn experiment_directory(root: &Path, experiment: &ExperimentKey, uid: &str) -> PathBuf {
    let uid: String = uid.chars().take(UID_CHARS).collect();
    let name = format!("{}.{}", file_name(&experiment.name), file_name(&uid));
    root.join(file_name(&experiment.namespace)).join(name)
}

/// A trial's own directory, in its experiment's.
#[must_use]
pub fn trial_directory(experiment_directory: &Path, trial: &str) -> PathBuf {
    experiment_directory.join(file_name(trial))
}

/// Names that Kubernetes would take stay as they are. Other bytes are written as `%2F`, a long name is cut and gets a hash,
/// so different names never share a directory.
fn file_name(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if plain || (byte == b'.' && index > 0) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    if safe.is_empty() {
        return "%".to_owned();
    }
    if safe.len() > MAX_NAME_BYTES {
        safe.truncate(MAX_NAME_BYTES);
        safe.push_str(&format!("%{:016x}", fnv1a(EMPTY, name.as_bytes())));
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_names_stay() {
        let key = ExperimentKey::new("kubeflow", "tune.v2");
        let experiment = experiment_directory(Path::new("/data"), &key, "0123456789abcdef");
        let path = trial_directory(&experiment, "tune-x7kp2mzq");
        let expected = "/data/kubeflow/tune.v2.01234567/tune-x7kp2mzq";
        assert_eq!(path, Path::new(expected));
    }

    #[test]
    fn no_name_leaves_its_place() {
        let key = ExperimentKey::new("..", "a/b");
        let experiment = experiment_directory(Path::new("/data"), &key, "../x");
        let path = trial_directory(&experiment, "");
        assert_eq!(path, Path::new("/data/%2E./a%2Fb.%2E.%2Fx/%"));
        assert_eq!(file_name("x\0é"), "x%00%C3%A9");
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let (one, two) = ("a".repeat(300), "a".repeat(301));
        assert!(file_name(&one).len() < 255);
        assert_ne!(file_name(&one), file_name(&two));
    }
}
