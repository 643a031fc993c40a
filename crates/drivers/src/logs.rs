//! What trials print, kept within bounds.
//!
//! A trial appends to its log for as long as it runs, whether or not Diwan does, so a log is never renamed or cut. When it
//! outgrows its cap, [`trim`] copies the oldest part to `<log>.1` and gives that part's disk blocks back, leaving a hole:
//! every byte keeps its offset. `<log>.1` has the same offsets and holds the last part that was trimmed, at most a cap of
//! it. Together they are one log whose beginning may be missing; [`tail`] and [`read_from`] read it so.

mod sparse;
mod trim;

use std::io;
use std::path::Path;

use sparse::Sparse;

pub use trim::{DEFAULT_CAP, Trimmed, trim};

/// Most bytes that [`read_from`] returns at once.
const CHUNK: u64 = 1 << 20;
/// How far [`tail`] reads back at once.
const STEP: u64 = 64 << 10;

/// A part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Where it begins: what was asked for, or later when that is gone.
    pub offset: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// Where the next part begins.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// A log with the part that was trimmed.
struct Log {
    current: Sparse,
    older: Option<Sparse>,
}

impl Log {
    fn open(path: &Path) -> io::Result<Self> {
        let older = match Sparse::open(&trim::older(path)) {
            Ok(older) => Some(older),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let current = Sparse::open(path)?;
        Ok(Self { current, older })
    }

    /// The oldest byte that is still there.
    fn start(&self) -> u64 {
        let current = self.current.start();
        let older = self.older.as_ref().filter(|older| older.len() >= current);
        older.map_or(current, |older| older.start().min(current))
    }

    /// Bytes from `offset`, at most `limit`; none at the end.
    fn read(&self, offset: u64, limit: u64) -> io::Result<Vec<u8>> {
        let border = self.current.start();
        match &self.older {
            Some(older) if offset < border => older.read(offset, limit.min(border - offset)),
            _ => self.current.read(offset, limit),
        }
    }
}

/// The log from a byte on, at most 1 MiB of it. Empty at the end. Offsets that are gone are skipped.
///
/// # Errors
/// When the log cannot be read.
pub fn read_from(path: &Path, offset: u64) -> io::Result<Chunk> {
    let log = Log::open(path)?;
    let offset = offset.max(log.start());
    let bytes = log.read(offset, CHUNK)?;
    Ok(Chunk { offset, bytes })
}

/// The last `lines` lines of a log, or all there are. A last line without a newline counts.
///
/// # Errors
/// When the log cannot be read.
pub fn tail(path: &Path, lines: usize) -> io::Result<Chunk> {
    let log = Log::open(path)?;
    let (start, end) = (log.start(), log.current.len());
    let mut chunk = Chunk {
        offset: end,
        bytes: Vec::new(),
    };
    while lines > 0 && chunk.offset > start {
        let from = chunk.offset.saturating_sub(STEP).max(start);
        let mut bytes = read_exactly(&log, from, chunk.offset)?;
        bytes.append(&mut chunk.bytes);
        chunk = Chunk {
            offset: from,
            bytes,
        };
        if let Some(cut) = line_start(&chunk.bytes, lines) {
            chunk.bytes.drain(..cut);
            chunk.offset += cut as u64;
            return Ok(chunk);
        }
    }
    Ok(chunk)
}

/// The last bytes of a log, at most `limit`, from the start of a line if there is one.
///
/// # Errors
/// When the log cannot be read.
pub fn last_bytes(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let log = Log::open(path)?;
    let end = log.current.len();
    let from = end.saturating_sub(limit).max(log.start());
    let mut bytes = read_exactly(&log, from, end)?;
    let newline = bytes.iter().position(|byte| *byte == b'\n');
    if let Some(newline) = newline.filter(|newline| from > 0 && newline + 1 < bytes.len()) {
        bytes.drain(..=newline);
    }
    Ok(bytes)
}

fn read_exactly(log: &Log, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut offset = from;
    while offset < to {
        let part = log.read(offset, to - offset)?;
        if part.is_empty() {
            break;
        }
        offset += part.len() as u64;
        bytes.extend(part);
    }
    Ok(bytes)
}

/// Where the last `lines` lines begin, if that many newlines are there.
fn line_start(bytes: &[u8], lines: usize) -> Option<usize> {
    let body = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let newlines = body
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n');
    newlines
        .map(|(index, _)| index + 1)
        .nth(lines.saturating_sub(1))
}

#[cfg(test)]
mod tests;
