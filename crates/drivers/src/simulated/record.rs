//! The files of a simulated launch: what it has printed, and how it ended.
//!
//! A simulation that nobody plays any more goes on where its output ends, so its output is all it needs to remember.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::PathBuf;

use diwan_core::engine::End;

use crate::launch::LaunchId;

/// The first words of the file that tells an end.
const SUCCEEDED: &str = "succeeded";
const FAILED: &str = "failed";
const LEFT: &str = "left";

/// How a launch ended, if it has.
pub(super) fn end(id: &LaunchId) -> io::Result<Option<End>> {
    let text = match fs::read_to_string(path(id)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (word, why) = text.split_once(' ').unwrap_or((&text, ""));
    Ok(Some(match word {
        SUCCEEDED => End::Succeeded,
        FAILED => End::Failed(why.to_owned()),
        LEFT => End::Left(why.to_owned()),
        _ => End::Lost(format!("{} does not tell how it ended", path(id).display())),
    }))
}

/// Records an end; it is there as a whole or not at all.
pub(super) fn set_end(id: &LaunchId, end: &End) -> io::Result<()> {
    let (word, why) = match end {
        End::Succeeded => (SUCCEEDED, ""),
        End::Left(why) => (LEFT, why.as_str()),
        End::Failed(why) | End::Truncated(why) | End::Lost(why) => (FAILED, why.as_str()),
    };
    fs::create_dir_all(&id.directory)?;
    let unfinished = id.file("simulated.new");
    fs::write(&unfinished, format!("{word} {why}"))?;
    fs::rename(unfinished, path(id))
}

fn path(id: &LaunchId) -> PathBuf {
    id.file("simulated")
}

/// What a launch prints.
pub(super) struct Output {
    file: File,
    /// Lines that an earlier process has written.
    pub(super) lines: usize,
}

impl Output {
    /// Opens a launch's output behind its last whole line, and makes it if there is none.
    pub(super) fn open(id: &LaunchId) -> io::Result<Self> {
        fs::create_dir_all(&id.directory)?;
        let path = id.stdout();
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let written = fs::read(&path)?;
        let whole = written.iter().rposition(|byte| *byte == b'\n');
        file.set_len(whole.map_or(0, |last| last as u64 + 1))?;
        Ok(Self {
            file,
            lines: written.iter().filter(|byte| **byte == b'\n').count(),
        })
    }

    /// Writes lines, each with its end.
    pub(super) fn write(&mut self, lines: &str) -> io::Result<()> {
        self.file.write_all(lines.as_bytes())
    }
}
