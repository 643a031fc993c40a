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
        match lock(&file) {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(io(source)),
            Err(TryLockError::WouldBlock) => {
                return Err(HoldError::Taken {
                    experiment: experiment.clone(),
                    holder: signature(&mut file).map_err(io)?,
                });
            }
        }
        sign(&mut file).map_err(io)?;
        Ok(Self { _file: file })
    }

    /// Who runs `experiment` now; `None`: nobody. Leaves no trace.
    ///
    /// # Errors
    /// [`HoldError::Io`].
    pub fn holder(
        work_directory: &Path,
        experiment: &ExperimentKey,
    ) -> Result<Option<String>, HoldError> {
        let path = super::plan::experiment_directory(work_directory, experiment).join("lock");
        let holder = match File::open(&path) {
            Ok(mut file) => match file.try_lock_shared() {
                Ok(()) => Ok(None),
                Err(TryLockError::WouldBlock) => signature(&mut file).map(Some),
                Err(TryLockError::Error(source)) => Err(source),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(source),
        };
        holder.map_err(|source| HoldError::Io { path, source })
    }
}

/// Those who only look ([`Hold::holder`]) share the lock for a moment: it is taken only if it cannot be shared either.
fn lock(file: &File) -> Result<(), TryLockError> {
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                file.try_lock_shared()?;
                file.unlock().map_err(TryLockError::Error)?;
            }
            other => return other,
        }
    }
}

/// What the holder wrote.
fn signature(file: &mut File) -> io::Result<String> {
    let mut holder = String::new();
    file.read_to_string(&mut holder)?;
    Ok(holder.trim().to_owned())
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

    #[test]
    fn looking_takes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let key = ExperimentKey::new("default", "tune");
        let holder = || Hold::holder(directory.path(), &key).unwrap();
        assert_eq!(holder(), None);
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
        let hold = Hold::acquire(directory.path(), &key).unwrap();
        let me = format!("process {} on ", std::process::id());
        assert!(holder().unwrap().starts_with(&me));
        drop(hold);
        assert_eq!(holder(), None);
    }

    #[test]
    fn whoever_looks_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        let key = ExperimentKey::new("default", "tune");
        drop(Hold::acquire(directory.path(), &key).unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..500 {
                    Hold::holder(directory.path(), &key).unwrap();
                }
            });
            for _ in 0..500 {
                Hold::acquire(directory.path(), &key).unwrap();
            }
        });
    }
}
