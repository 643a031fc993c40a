//! The file of the report with plots.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use diwan_simulate::bench::{Summary, html};

use crate::failure::Failure;

/// A file that can be written.
pub(super) struct Report {
    path: PathBuf,
    file: File,
}

impl Report {
    /// What an existing file holds is kept until there is something to write.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        let file = options.create(true).write(true).truncate(false).open(path);
        Ok(Self {
            path: path.to_owned(),
            file: file.map_err(|error| unwritable(path, error))?,
        })
    }

    pub(super) fn write(mut self, summary: &Summary) -> Result<(), Failure> {
        let page = html::page(summary);
        let written = self.replace(page.as_bytes());
        written.map_err(|error| unwritable(&self.path, error))?;
        eprintln!("the report is in {}", self.path.display());
        Ok(())
    }

    fn replace(&mut self, content: &[u8]) -> io::Result<()> {
        // A pipe has no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(content)
    }
}

fn unwritable(path: &Path, error: io::Error) -> Failure {
    Failure::usage(format!("cannot write the report to {}", path.display())).cause(error)
}
