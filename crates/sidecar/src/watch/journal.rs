//! What was read, kept until the pod goes, so that a collector that was killed goes on where it was.
//!
//! A line an entry; one that has no end was being written when the collector was killed, and what it says was not done.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use diwan_core::observation::{MetricPoint, Place};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Entry {
    /// These points are to be reported; the collector has read as far as `mark`.
    Read {
        /// Where the next ones are read.
        mark: Value,
        /// Metric, value, nanoseconds.
        points: Vec<(String, String, Option<i64>)>,
    },
    /// The trial is stopped, which is to be told.
    Fired(String),
    /// So many things in all were delivered, or refused for good.
    Done(u64),
}

impl Entry {
    pub(super) fn read(mark: Value, points: &[MetricPoint]) -> Self {
        let row = |point: &MetricPoint| (point.metric.clone(), point.value.clone(), point.time_ns);
        Self::Read {
            mark,
            points: points.iter().map(row).collect(),
        }
    }
}

/// The points of an entry. Where they stood does not matter any more.
pub(super) fn points(rows: Vec<(String, String, Option<i64>)>) -> Vec<MetricPoint> {
    rows.into_iter()
        .map(|(metric, value, time_ns)| MetricPoint {
            metric,
            value,
            time_ns,
            step: None,
            place: Place::pushed(0),
        })
        .collect()
}

/// The file.
pub(super) struct Journal(File);

impl Journal {
    /// Opens it, and gives `each` what an earlier collector has written. A line that it did not finish is removed.
    pub(super) fn open(path: &Path, mut each: impl FnMut(Entry)) -> io::Result<Self> {
        let mut file = OpenOptions::new();
        let file = file.read(true).append(true).create(true).open(path)?;
        let mut lines = BufReader::new(&file);
        let (mut whole, mut line) = (0, Vec::new());
        loop {
            line.clear();
            let length = lines.read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                break;
            }
            match serde_json::from_slice(&line) {
                Ok(entry) => each(entry),
                Err(error) => return Err(error.into()),
            }
            whole += length as u64;
        }
        file.set_len(whole)?;
        Ok(Self(file))
    }

    /// Writes an entry. The file outlives the container, not the node: nor does the pod.
    pub(super) fn write(&mut self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let before = self.0.metadata()?.len();
        let written = self.0.write_all(&line);
        if written.is_err() {
            // Of a full disk: half a line would hide those after it.
            self.0.set_len(before)?;
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::batch::point;
    use super::*;

    fn read(path: &Path) -> Vec<Entry> {
        let mut entries = Vec::new();
        Journal::open(path, |entry| entries.push(entry)).unwrap();
        entries
    }

    #[test]
    fn entries_come_back_and_an_unfinished_one_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("journal");
        let entries = [
            Entry::read(json!({"offset": 7}), &[point("acc", "nan", Some(5))]),
            Entry::Fired("acc 0.1 is less than 0.5".to_owned()),
            Entry::Done(2),
        ];
        let mut journal = Journal::open(&path, |_| {}).unwrap();
        for entry in &entries {
            journal.write(entry).unwrap();
        }
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let found = read(&path);
            assert_eq!(found, entries[..found.len()]);
            Journal::open(&path, |_| {})
                .unwrap()
                .write(&Entry::Done(9))
                .unwrap();
            assert_eq!(read(&path).last(), Some(&Entry::Done(9)));
        }
    }
}
