//! Who runs an experiment: one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use diwan_core::record::ExperimentKey;
use diwan_drivers::is_at;
use thiserror::Error;

/// What the directories of deleted experiments are called until they are removed. No name of an experiment makes a directory
/// that starts with a dot.
const DELETED: &str = ".deleted-";
/// Tries to lock a file that others remove meanwhile.
const TRIES: u32 = 100;

/// The right to run an experiment. The operating system takes it back when the process ends, however it ends.
#[derive(Debug)]
pub struct Hold {
    file: File,
    /// The experiment's, with the lock in it.
    directory: PathBuf,
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
    /// The experiment's files cannot be removed.
    #[error("cannot remove {path}: {source}")]
    Removal {
        /// The directory that is still there.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Hold {
    /// Takes the right to run `experiment`, whose trials live in `directory`.
    ///
    /// # Errors
    /// [`HoldError::Taken`] at once when another process has it.
    pub fn acquire(directory: &Path, experiment: &ExperimentKey) -> Result<Self, HoldError> {
        let path = directory.join("lock");
        let io = |source| HoldError::Io {
            path: path.clone(),
            source,
        };
        for _ in 0..TRIES {
            let Some(mut file) = open(directory, &path).map_err(io)? else {
                continue;
            };
            match lock(&file) {
                Ok(()) if !is_at(&file, &path).map_err(io)? => {}
                Ok(()) => {
                    sign(&mut file).map_err(io)?;
                    return Ok(Self {
                        file,
                        directory: directory.to_owned(),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(io(source)),
                Err(TryLockError::WouldBlock) => {
                    return Err(HoldError::Taken {
                        experiment: experiment.clone(),
                        holder: signature(&mut file).map_err(io)?,
                    });
                }
            }
        }
        Err(io(io::Error::other("others remove it again and again")))
    }

    /// Removes the experiment's directory, and what earlier removals left beside it when they were interrupted. The directory
    /// gets another name first, so that a new experiment of the same name can begin at once and loses nothing.
    ///
    /// # Errors
    /// [`HoldError::Removal`].
    pub fn remove(self) -> Result<(), HoldError> {
        let failed = |path: &Path, source| HoldError::Removal {
            path: path.to_owned(),
            source,
        };
        self.move_away()
            .map_err(|source| failed(&self.directory, source))?;
        let around = self.directory.parent().unwrap_or(&self.directory);
        let entries = std::fs::read_dir(around).map_err(|source| failed(around, source))?;
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(DELETED) {
                let path = entry.path();
                missing_is_fine(std::fs::remove_dir_all(&path))
                    .map_err(|source| failed(&path, source))?;
            }
        }
        Ok(())
    }

    /// Gives the directory a name that no experiment's has, nor another that is being removed.
    fn move_away(&self) -> io::Result<()> {
        let inode = self.file.metadata()?.ino();
        for number in 0_u64.. {
            let name = format!("{DELETED}{inode}-{number}");
            match std::fs::rename(&self.directory, self.directory.with_file_name(name)) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                other => return missing_is_fine(other),
            }
        }
        Ok(())
    }

    /// Who runs the experiment whose trials live in `directory`; `None`: nobody. Leaves no trace.
    ///
    /// # Errors
    /// [`HoldError::Io`].
    pub fn holder(directory: &Path) -> Result<Option<String>, HoldError> {
        let path = directory.join("lock");
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

/// The lock file, made when missing. None: its directory was moved away at this moment.
fn open(directory: &Path, path: &Path) -> io::Result<Option<File>> {
    std::fs::create_dir_all(directory)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    match options.open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
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

/// What this machine, or the pod that this is, is called; `None` where that cannot be told.
#[must_use]
pub fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Leaves word of who holds the lock, for whoever finds it taken.
fn sign(file: &mut File) -> io::Result<()> {
    let host = host().unwrap_or_else(|| "this machine".to_owned());
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
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn the_second_one_is_told_who_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let key = ExperimentKey::new("default", "tune");
        let first = Hold::acquire(&directory.path().join("tune"), &key).unwrap();
        let refused = Hold::acquire(&directory.path().join("tune"), &key)
            .unwrap_err()
            .to_string();
        let me = format!(
            "experiment default/tune is being run by process {} on ",
            std::process::id()
        );
        assert!(refused.starts_with(&me), "{refused}");
        drop(first);
        Hold::acquire(&directory.path().join("tune"), &key).unwrap();
    }

    #[test]
    fn looking_takes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let key = ExperimentKey::new("default", "tune");
        let holder = || Hold::holder(&directory.path().join("tune")).unwrap();
        assert_eq!(holder(), None);
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
        let hold = Hold::acquire(&directory.path().join("tune"), &key).unwrap();
        let me = format!("process {} on ", std::process::id());
        assert!(holder().unwrap().starts_with(&me));
        drop(hold);
        assert_eq!(holder(), None);
    }

    #[test]
    fn whoever_looks_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        let key = ExperimentKey::new("default", "tune");
        drop(Hold::acquire(&directory.path().join("tune"), &key).unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..500 {
                    Hold::holder(&directory.path().join("tune")).unwrap();
                }
            });
            for _ in 0..500 {
                Hold::acquire(&directory.path().join("tune"), &key).unwrap();
            }
        });
    }

    #[test]
    fn whoever_comes_after_a_removal_is_alone() {
        let directory = tempfile::tempdir().unwrap();
        let key = ExperimentKey::new("default", "tune");
        let acquire = || Hold::acquire(&directory.path().join("tune"), &key);
        let late = directory.path().join("tune/lock");
        let old = acquire().unwrap();
        let found = File::open(&late).unwrap();
        old.remove().unwrap();
        assert!(found.try_lock().is_ok(), "its inode is free");
        let hold = acquire().unwrap();
        assert!(matches!(acquire(), Err(HoldError::Taken { .. })));
        drop(hold);
    }

    #[test]
    fn one_at_a_time_holds_it_while_others_remove_it() {
        let directory = tempfile::tempdir().unwrap();
        let key = ExperimentKey::new("default", "tune");
        let holders = std::sync::atomic::AtomicU32::new(0);
        let work = || {
            for round in 0..300 {
                let Ok(hold) = Hold::acquire(&directory.path().join("tune"), &key) else {
                    continue;
                };
                assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                std::thread::yield_now();
                holders.fetch_sub(1, Ordering::SeqCst);
                if round % 2 == 0 {
                    hold.remove().unwrap();
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(work);
            }
        });
    }

    #[test]
    fn a_removal_takes_interrupted_ones_along() {
        let directory = tempfile::tempdir().unwrap();
        let [key, other] = ["tune", "other"].map(|name| ExperimentKey::new("default", name));
        let left = directory.path().join(".deleted-1-0/trial");
        std::fs::create_dir_all(&left).unwrap();
        let kept = Hold::acquire(&directory.path().join("other"), &other).unwrap();
        let hold = Hold::acquire(&directory.path().join("tune"), &key).unwrap();
        hold.remove().unwrap();
        let names: Vec<_> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["other"]);
        drop(kept);
    }
}
