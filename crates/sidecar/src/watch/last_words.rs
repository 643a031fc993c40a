//! What is left for the controller when the pod must end and nobody takes what was read: the container's termination message.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use diwan_core::observation::MetricPoint;
use diwan_core::sidecar::{Left, Row, Undelivered};

use super::deliver::Item;
use crate::say;

/// Bytes of a message where nobody says: Kubernetes keeps three times as many of a pod's containers together.
pub(crate) const MOST_BYTES: usize = 4096;

/// The file, and what it says.
pub(super) struct LastWords {
    path: PathBuf,
    most_bytes: usize,
    said: String,
}

impl LastWords {
    pub(super) fn new(path: PathBuf, most_bytes: usize) -> Self {
        Self {
            path,
            most_bytes,
            said: String::new(),
        }
    }

    /// Says what is not delivered, in place of what it said before; nothing if all is.
    pub(super) fn leave(&mut self, left: &[Item], has_more: bool) {
        let words = match left.is_empty() && !has_more {
            true => String::new(),
            false => self.words(left, has_more),
        };
        if words == self.said {
            return;
        }
        let file = OpenOptions::new()
            .write(true)
            .truncate(true)
            .open(&self.path);
        let written = match file {
            // It is no container, or one that is not asked.
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            file => file.and_then(|mut file| file.write_all(words.as_bytes())),
        };
        match written {
            Ok(()) => self.said = words,
            Err(error) => say(&format!(
                "{} cannot be written: {error}",
                self.path.display()
            )),
        }
    }

    fn words(&self, left: &[Item], has_more: bool) -> String {
        let reports = left.iter().filter_map(|item| match item {
            Item::Report(points) => Some(points.iter().map(row).collect()),
            Item::Stopped => None,
        });
        let points = left.iter().flat_map(|item| match item {
            Item::Report(points) => &**points,
            Item::Stopped => &[],
        });
        let left = Left {
            reports: reports.collect(),
            needed: needed(points).into_iter().map(row).collect(),
            stopped: left.iter().any(|item| matches!(item, Item::Stopped)),
            has_more,
        };
        Undelivered::write(left, self.most_bytes)
    }
}

fn row(point: &MetricPoint) -> Row {
    (point.metric.clone(), point.value.clone(), point.time_ns)
}

/// Of each metric the smallest, the largest and the latest, in their order.
fn needed<'a>(points: impl Iterator<Item = &'a MetricPoint>) -> Vec<&'a MetricPoint> {
    /// A point, and where it stands.
    type Placed<'a> = (usize, &'a MetricPoint);
    #[derive(Default)]
    struct Extremes<'a> {
        bounds: Option<[(f64, Placed<'a>); 2]>,
        latest: Option<Placed<'a>>,
    }
    let mut metrics: HashMap<&str, Extremes<'_>> = HashMap::new();
    for placed in points.enumerate() {
        let (_, point) = placed;
        let extremes = metrics.entry(&point.metric).or_default();
        if let Some(value) = point.number().filter(|value| !value.is_nan()) {
            let [smallest, largest] = extremes.bounds.get_or_insert([(value, placed); 2]);
            if value < smallest.0 {
                *smallest = (value, placed);
            }
            if value > largest.0 {
                *largest = (value, placed);
            }
        }
        let is_later = |(_, known): Placed<'_>| point.time_ns >= known.time_ns;
        if extremes.latest.is_none_or(is_later) {
            extremes.latest = Some(placed);
        }
    }
    let all = metrics.values().flat_map(|extremes| {
        let bounds = extremes.bounds.iter().flatten().map(|(_, placed)| *placed);
        bounds.chain(extremes.latest)
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|(place, _)| *place);
    all.dedup_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, point)| point).collect()
}

#[cfg(test)]
mod tests {
    use super::super::batch::point;
    use super::*;

    #[test]
    fn a_summary_needs_three_points_of_a_metric() {
        let values = ["3", "1", "2", "nan", "5", "word", "4"];
        let points: Vec<MetricPoint> = values
            .iter()
            .zip(0..)
            .flat_map(|(value, time)| {
                [point("acc", value, Some(time)), point("loss", "1", Some(0))]
            })
            .collect();
        let needed = needed(points.iter());
        let told: Vec<_> = needed
            .iter()
            .map(|point| (point.metric.as_str(), point.value.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("loss", "1"),
                ("acc", "1"),
                ("acc", "5"),
                ("acc", "4"),
                ("loss", "1")
            ]
        );
    }

    #[test]
    fn where_there_is_no_such_file_none_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let mut words = LastWords::new(path.clone(), MOST_BYTES);
        words.leave(&[Item::Stopped], false);
        assert!(!path.exists());
        std::fs::write(&path, "").unwrap();
        words.leave(&[Item::Stopped], false);
        let said = std::fs::read_to_string(&path).unwrap();
        assert!(Undelivered::read(&said).unwrap().stopped);
        words.leave(&[], false);
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "",
            "all is delivered"
        );
    }
}
