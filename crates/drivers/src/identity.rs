//! Whether an open file is the one that a path names.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Whether a file is still the one at `path`. A lock on one that was removed or replaced keeps nobody out.
///
/// # Errors
/// What the system says to a look at either; that nothing is at `path` is no error.
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let this = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (this.dev(), this.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
