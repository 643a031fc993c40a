//! Who runs an experiment: one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use diwan_core::record::ExperimentKey;
use thiserror::Error;

/// The right to run an experiment. The operating system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct Hold {
    _file: File,
}

/// The right could not be had.
#[derive(Debug, Error)]
pub enum HoldError {
    /// Another process has it.
    #[error("experiment {experiment} is being run by {holder}")]
    Taken {
        /// Which experiment.
        experiment: ExperimentKey,
        /// Process and machine, as it wrote itself down.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error("cannot lock {path}: {source}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Hold {
    /// Takes the right to run `experiment` with trials below `work_directory`.
    ///
    /// # Errors
    /// [`HoldError::Taken`] at once when another process has it.
    pub fn acquire(work_directory: &Path, experiment: &ExperimentKey) -> Result<Self, HoldError> {
        let directory = super::plan::experiment_directory(work_directory, experiment);
        let path = directory.join("lock");
        let io = |source| HoldError::Io {
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(&directory).map_err(io)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(io(source)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(io)?;
                return Err(HoldError::Taken {
                    experiment: experiment.clone(),
                    holder: holder.trim().to_owned(),
                });
            }
        }
        sign(&mut file).map_err(io)?;
        Ok(Self { _file: file })
    }
}

/// Leaves word of who holds the lock, for whoever finds it taken.
fn sign(file: &mut File) -> io::Result<()> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() {
        "this machine"
    } else {
        host.trim()
    };
    file.set_len(0)?;
    file.rewind()?;
    writeln!(
        file,
        "process {} on {host} since {}",
        std::process::id(),
        crate::clock::now()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_is_told_who_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let key = ExperimentKey::new("default", "tune");
        let first = Hold::acquire(directory.path(), &key).unwrap();
        let refused = Hold::acquire(directory.path(), &key)
            .unwrap_err()
            .to_string();
        let me = format!(
            "experiment default/tune is being run by process {} on ",
            std::process::id()
        );
        assert!(refused.starts_with(&me), "{refused}");
        drop(first);
        Hold::acquire(directory.path(), &key).unwrap();
    }
}
