//! The files of one launch: read as they grow, and kept below the cap.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use diwan_collect::{Collector, Origin, Tail};
use diwan_core::observation::{MetricPoint, Source};
use diwan_drivers::{LaunchId, logs};
use diwan_store::Cursor;
use tracing::warn;

/// Bytes that may be read again after a crash because no metric in them made it worth a write.
const UNSAVED_BYTES: u64 = 1 << 20;

/// The files. By default there are none.
#[derive(Default)]
pub(super) struct Tails {
    read: Vec<Follow>,
    logs: Vec<(Source, PathBuf)>,
    complaints: Complaints,
}

/// What a look at the files has brought.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// Bytes that were read.
    pub(super) read: u64,
    /// Why there may be more that could not be read now.
    pub(super) trouble: Option<String>,
}

/// A file that is read, and how far it is stored.
struct Follow {
    tail: Tail,
    saved: u64,
}

impl Tails {
    /// The files of a launch: those that `collector` reads, from where the `cursors` say that an earlier run stopped, and its
    /// logs, whoever reads them.
    pub(super) fn new(
        id: &LaunchId,
        collector: Option<&Collector>,
        metrics_file: Option<&Path>,
        cursors: &[Cursor],
    ) -> Self {
        let follow = |collector: &Collector, source: Source| {
            let path = match source {
                Source::StdOut => id.stdout(),
                Source::StdErr => id.stderr(),
                Source::File => metrics_file?.to_owned(),
                Source::Push => return None,
            };
            let known = cursors.iter().find(|cursor| cursor.source == source);
            let saved = known.map_or(0, |cursor| u64::try_from(cursor.offset).unwrap_or(0));
            let stream = collector.stream(source, saved);
            let tail = match known.map(origin) {
                Some(origin) => Tail::resumed(path, stream, origin),
                None => Tail::new(path, stream),
            };
            Some(Follow { tail, saved })
        };
        let read = collector.into_iter().flat_map(|collector| {
            let sources = collector.sources().iter();
            sources.filter_map(|source| follow(collector, *source))
        });
        Self {
            read: read.collect(),
            logs: vec![(Source::StdOut, id.stdout()), (Source::StdErr, id.stderr())],
            complaints: Complaints::default(),
        }
    }

    /// Reads on.
    pub(super) fn poll(&mut self, points: &mut Vec<MetricPoint>) -> Look {
        let mut look = Look::default();
        for follow in &mut self.read {
            match follow.tail.poll(points) {
                Ok(bytes) => look.read += bytes,
                Err(error) => {
                    let path = follow.tail.path();
                    self.complaints.say(path, "read", &error);
                    if may_pass(&error) {
                        look.trouble = Some(format!("{} cannot be read: {error}", path.display()));
                    }
                }
            }
        }
        look
    }

    /// Nothing more is coming: a last line needs no end.
    pub(super) fn finish(&mut self, points: &mut Vec<MetricPoint>) {
        for follow in &mut self.read {
            follow.tail.finish(points);
        }
    }

    /// What is gone of the logs that were read, if anything is: nobody knows what was in the rest of it.
    pub(super) fn vanished(&self) -> Option<String> {
        let logs = self.read.iter().filter(|follow| {
            let source = follow.tail.stream().source();
            matches!(source, Source::StdOut | Source::StdErr)
        });
        let gone = logs
            .filter(|follow| follow.tail.stream().cursor() > 0)
            .find(|follow| !follow.tail.path().exists())?;
        let (path, read) = (gone.tail.path(), gone.tail.stream().cursor());
        let path = path.display();
        Some(format!(
            "its output {path} was removed while it ran; the first {read} bytes were read"
        ))
    }

    /// The cursors that are worth a write, or go along with one.
    pub(super) fn moved(&self, with_points: bool) -> Vec<Cursor> {
        let moved = self.read.iter().filter(|follow| {
            let unsaved = follow.unsaved();
            unsaved > UNSAVED_BYTES || (with_points && unsaved > 0)
        });
        moved.map(Follow::cursor).collect()
    }

    /// What was read is stored.
    pub(super) fn save(&mut self) {
        for follow in &mut self.read {
            follow.saved = follow.tail.stream().cursor();
        }
    }

    /// Keeps the logs below the cap; never what is still to be read.
    pub(super) fn trim(&mut self, cap: u64) {
        for (source, path) in &self.logs {
            let reader = self
                .read
                .iter()
                .find(|follow| follow.tail.stream().source() == *source);
            let end = reader.map_or(u64::MAX, |follow| follow.saved);
            if end == 0 {
                continue;
            }
            if let Err(error) = logs::trim(path, cap, end) {
                self.complaints.say(path, "trimmed", &error);
            }
        }
    }
}

impl Follow {
    fn unsaved(&self) -> u64 {
        self.tail.stream().cursor().saturating_sub(self.saved)
    }

    fn cursor(&self) -> Cursor {
        let number = |offset: u64| i64::try_from(offset).unwrap_or(i64::MAX);
        let Origin { base, print } = self.tail.origin();
        Cursor {
            source: self.tail.stream().source(),
            offset: number(self.tail.stream().cursor()),
            base: number(base),
            print: print.cast_signed(),
        }
    }
}

fn origin(cursor: &Cursor) -> Origin {
    Origin {
        base: u64::try_from(cursor.base).unwrap_or(0),
        print: cursor.print.cast_unsigned(),
    }
}

/// Whether the file itself is not to blame.
fn may_pass(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::InvalidInput
            | ErrorKind::Unsupported
    )
}

/// What was said of the files, so that it is said once and not at every look.
#[derive(Default)]
struct Complaints(HashSet<String>);

impl Complaints {
    fn say(&mut self, path: &Path, what: &str, error: &io::Error) {
        let text = format!("{} cannot be {what}: {error}", path.display());
        if !self.0.contains(&text) {
            warn!("{text}");
            self.0.insert(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use diwan_core::record::ExperimentKey;
    use diwan_core::resources::{MetricsCollectorSpec, ObjectiveSpec};

    use super::*;

    const CAP: u64 = 1 << 20;

    /// Whether a log of three times the cap is trimmed.
    fn is_trimmed(collector: Option<&Collector>, read: bool) -> bool {
        let directory = tempfile::tempdir().unwrap();
        let id = LaunchId {
            experiment: ExperimentKey::new("default", "tune"),
            trial: "tune-a".to_owned(),
            attempt: 1,
            directory: directory.path().to_owned(),
        };
        let line = b"no metric here\n";
        std::fs::write(id.stdout(), line.repeat(3 * CAP as usize / line.len())).unwrap();
        std::fs::write(id.stderr(), "").unwrap();
        let mut tails = Tails::new(&id, collector, None, &[]);
        if read {
            while tails.poll(&mut Vec::new()).read > 0 {}
            assert!(!tails.moved(false).is_empty());
            tails.save();
        }
        tails.trim(CAP);
        std::fs::read_dir(directory.path()).unwrap().count() > 2
    }

    #[test]
    fn logs_are_trimmed_as_far_as_their_reader_is_done_with_them() {
        let objective = ObjectiveSpec {
            objective_metric_name: "score".to_owned(),
            ..ObjectiveSpec::default()
        };
        let collector = Collector::new(&MetricsCollectorSpec::default(), &objective).unwrap();
        assert!(!is_trimmed(Some(&collector), false));
        assert!(is_trimmed(Some(&collector), true));
        assert!(is_trimmed(None, false), "nobody reads it");
    }
}
