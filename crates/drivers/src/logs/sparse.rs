//! Files with a hole at the front.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use nix::unistd::{Whence, lseek};

/// A file whose first part may be a hole.
pub(super) struct Sparse {
    file: File,
    start: u64,
    len: u64,
}

impl Sparse {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        let start = data_start(&file, len);
        Ok(Self { file, start, len })
    }

    /// The first byte that is there.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The end of the file when it was opened.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Bytes from `offset`, at most `limit`; none at the end.
    pub(super) fn read(&self, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        let size = limit.min(self.len.saturating_sub(offset));
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        let mut filled = 0;
        while filled < bytes.len() {
            match self
                .file
                .read_at(&mut bytes[filled..], offset + filled as u64)?
            {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

/// Where the data begins. File systems that know no holes say 0; a file that is all hole has its data at its end.
fn data_start(file: &File, len: u64) -> u64 {
    if len == 0 {
        return 0;
    }
    match lseek(file, 0, Whence::SeekData) {
        Ok(start) => u64::try_from(start).unwrap_or(0),
        Err(nix::errno::Errno::ENXIO) => len,
        Err(_) => 0,
    }
}
