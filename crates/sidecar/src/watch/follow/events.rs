//! Event files of TensorBoard, in a directory and those below it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use diwan_collect::events::{self, Scalar, Tags};
use diwan_core::defaults::TF_EVENT_DIRECTORY;
use diwan_core::observation::{MetricPoint, Place, Source};
use diwan_core::resources::CollectorKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Follow, Kind, path_of};
use crate::say;

pub(super) const EVENTS: Kind = Kind {
    kind: CollectorKind::TensorFlowEvent,
    open: |config, mark| {
        let tags = Tags::new(&config.objective).map_err(|error| error.to_string())?;
        let mark = mark.and_then(|mark| Mark::deserialize(mark).ok());
        Ok(Box::new(EventFiles {
            directory: path_of(config, TF_EVENT_DIRECTORY),
            tags,
            mark: mark.unwrap_or_default(),
            damaged: BTreeSet::new(),
        }))
    },
};

/// What is in the name of every event file.
const IN_NAME: &str = "tfevents";

/// How deep below the directory files are looked for.
const DEPTH: usize = 8;

/// How much of a file is read at once, in bytes. A longer record is no number, and passed over.
const CHUNK: u64 = 4 << 20;

/// How far the files were read, and what was in them that matters for what follows.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Mark {
    offsets: BTreeMap<PathBuf, u64>,
    /// Of each directory, the tags that a metric's name is.
    known: BTreeMap<PathBuf, BTreeSet<String>>,
}

struct EventFiles {
    directory: PathBuf,
    tags: Tags,
    mark: Mark,
    /// Files that cannot be read on.
    damaged: BTreeSet<PathBuf>,
}

impl Follow for EventFiles {
    fn poll(&mut self, out: &mut Vec<MetricPoint>) -> io::Result<u64> {
        let mut files = Vec::new();
        find(&self.directory, DEPTH, &mut files)?;
        files.sort();
        let mut read = 0;
        for path in files {
            if !self.damaged.contains(&path) {
                read += self.read(&path, out)?;
            }
        }
        Ok(read)
    }

    /// A record that is not whole is none.
    fn finish(&mut self, _: &mut Vec<MetricPoint>) {}

    fn mark(&self) -> Value {
        serde_json::to_value(&self.mark).unwrap_or_default()
    }

    fn name(&self) -> String {
        format!("{}/**/*{IN_NAME}*", self.directory.display())
    }
}

impl EventFiles {
    fn read(&mut self, path: &Path, out: &mut Vec<MetricPoint>) -> io::Result<u64> {
        let offset = self.mark.offsets.get(path).copied().unwrap_or(0);
        let mut file = File::open(path)?;
        let left = file.metadata()?.len().saturating_sub(offset);
        if left == 0 {
            return Ok(0);
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(CHUNK).read_to_end(&mut bytes)?;
        let events = match events::read(&bytes) {
            Ok(events) => events,
            Err(error) => {
                let name = path.display();
                say(&format!(
                    "{name} is not read from byte {offset} on: {error}"
                ));
                self.damaged.insert(path.to_owned());
                return Ok(0);
            }
        };
        let too_long = events
            .next
            .filter(|next| events.whole == 0 && *next > CHUNK && *next <= left);
        let read = too_long.unwrap_or(events.whole as u64);
        self.mark.offsets.insert(path.to_owned(), offset + read);
        self.take(path, offset, &events.scalars, out);
        Ok(read)
    }

    fn take(&mut self, path: &Path, offset: u64, scalars: &[Scalar], out: &mut Vec<MetricPoint>) {
        let directory = path.parent().unwrap_or(Path::new(""));
        let known = self.mark.known.entry(directory.to_owned()).or_default();
        for scalar in scalars {
            if self.tags.is_name(&scalar.tag) && !known.contains(&scalar.tag) {
                known.insert(scalar.tag.clone());
            }
        }
        let mut index = 0;
        for scalar in scalars {
            let is_known = |tag: &str| known.contains(tag);
            for metric in self.tags.metrics(&scalar.tag, directory, is_known) {
                out.push(MetricPoint {
                    metric: metric.to_owned(),
                    value: scalar.value.clone(),
                    time_ns: scalar.time_ns,
                    step: Some(scalar.step),
                    place: Place {
                        source: Source::File,
                        offset: i64::try_from(offset).unwrap_or(i64::MAX),
                        index,
                    },
                });
                index += 1;
            }
        }
    }
}

/// Appends the event files in a directory that may not be there yet.
fn find(directory: &Path, depth: usize, out: &mut Vec<PathBuf>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && depth > 0 {
            find(&entry.path(), depth - 1, out)?;
        } else if kind.is_file() && entry.file_name().to_string_lossy().contains(IN_NAME) {
            out.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use diwan_core::sidecar::SidecarConfig;
    use serde_json::json;

    use super::*;

    const FILE: &[u8] = include_bytes!("../../../../collect/tests/data/train.tfevents");

    fn open(directory: &Path, mark: Option<&Value>) -> Box<dyn Follow> {
        let config = json!({
            "version": 1, "trial": "t", "dbManager": "db:1", "dir": "/d", "log": "/l",
            "objective": {"objectiveMetricName": "train/accuracy", "additionalMetricNames": ["loss"]},
            "metricsCollector": {
                "collector": {"kind": "TensorFlowEvent"},
                "source": {"fileSystemPath": {"kind": "Directory", "path": directory}},
            },
        });
        let config = SidecarConfig::read(&config.to_string()).unwrap();
        super::super::open(&config, mark).unwrap()
    }

    fn read(files: &mut dyn Follow) -> Vec<String> {
        let mut out = Vec::new();
        while files.poll(&mut out).unwrap() > 0 {}
        out.iter()
            .map(|point| format!("{}={}", point.metric, point.value))
            .collect()
    }

    #[test]
    fn any_stop_gives_the_same() {
        let expected = [
            "train/accuracy=0.5",
            "loss=1",
            "train/accuracy=0.75",
            "loss=0.5",
            "train/accuracy=0.9",
            "loss=NaN",
        ];
        let directory = tempfile::tempdir().unwrap();
        let mut first = open(directory.path(), None);
        assert!(read(&mut *first).is_empty(), "nothing yet");
        let below = directory.path().join("train");
        fs::create_dir(&below).unwrap();
        let file = below.join("events.out.tfevents.1.host");
        for length in (0..FILE.len()).step_by(7) {
            let mut first = open(directory.path(), None);
            fs::write(&file, &FILE[..length]).unwrap();
            let mut found = read(&mut *first);
            let mut second = open(directory.path(), Some(&first.mark()));
            fs::write(&file, FILE).unwrap();
            found.extend(read(&mut *second));
            assert_eq!(found, expected, "{length}");
        }
    }

    #[test]
    fn other_files_and_damaged_ones_hide_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("train");
        fs::create_dir(&below).unwrap();
        fs::write(below.join("checkpoint"), "no event file").unwrap();
        fs::write(below.join("a.tfevents"), "nor is this one").unwrap();
        fs::write(below.join("b.tfevents"), FILE).unwrap();
        assert_eq!(read(&mut *open(directory.path(), None)).len(), 6);
    }
}
