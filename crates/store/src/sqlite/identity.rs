//! Whether a path still leads to the file that was opened.
//!
//! SQLite holds the file, not the path: when the file is deleted or another one takes its place, SQLite goes on with what
//! nobody will find again.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::StoreError;

/// A file, and where it was found.
pub(super) struct Identity {
    path: PathBuf,
    file: (u64, u64),
}

impl Identity {
    /// The file at a path.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: device_and_inode(path)?,
        })
    }

    /// Costs a system call and no disk access. When the path cannot be looked at, nothing is known to be wrong.
    ///
    /// # Errors
    /// [`StoreError::Gone`].
    pub(super) fn check(&self) -> Result<(), StoreError> {
        use io::ErrorKind::{NotADirectory, NotFound};
        let how = match device_and_inode(&self.path) {
            Ok(found) if found == self.file => return Ok(()),
            Ok(_) => "replaced by another file",
            Err(error) if matches!(error.kind(), NotFound | NotADirectory) => {
                "deleted or moved away"
            }
            Err(_) => return Ok(()),
        };
        Err(StoreError::Gone {
            path: self.path.clone(),
            how,
        })
    }
}

fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
