//! Files that are whole whenever they are there.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Puts what `content` gives at `path`, in one step, with this mode whatever the umask: the other container may run as
/// another user.
pub(crate) fn write(path: &Path, content: &mut impl Read, mode: u32) -> io::Result<()> {
    place(path, |file| {
        io::copy(content, file)?;
        file.set_permissions(Permissions::from_mode(mode))
    })
    .map(drop)
}

/// Makes a file with `make`, and puts it at `path` when it is made. It is still open.
pub(crate) fn place(
    path: &Path,
    make: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<File> {
    let unfinished = unfinished(path);
    // One that a killed process left may be another user's, whom the directory lets remove it but not the file write it.
    let _ = fs::remove_file(&unfinished);
    let mut file = File::create(&unfinished)?;
    let made = make(&mut file).and_then(|()| fs::rename(&unfinished, path));
    if made.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    made.map(|()| file)
}

/// Removes a file that need not be there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".unfinished");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_leaves_what_was_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ended");
        write(&path, &mut &b"old"[..], 0o644).unwrap();
        place(&path, |_| Err(io::Error::other("no"))).unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
