//! What a sample log would give, before anything is spent on trials.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read};

use diwan_core::observation::{MetricPoint, Place, Source};
use diwan_core::resources::{MetricsCollectorSpec, ObjectiveSpec, Observation};

use crate::collector::{CollectError, Collector, Stats, readings, text};
use crate::format::{Miss, Notes, Reading};
use crate::lines::{Line, LineSplitter};
use crate::summary::Summary;

/// How many lines of a kind an [`Explanation`] shows; the others are only counted.
pub const SHOWN_LINES: usize = 1000;

/// How many names of other metrics are kept to find near ones.
const KEPT_NAMES: usize = 10_000;

/// How alike two names must be for a hint, from 0 to 1.
const ALIKE: f64 = 0.8;

/// Why a sample cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The experiment's collector cannot be used.
    #[error(transparent)]
    Collect(#[from] CollectError),
    /// The sample cannot be read.
    #[error("the sample log cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// What a sample log would give.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Explanation {
    /// Lines that report something; the first [`SHOWN_LINES`].
    pub matched: Vec<ExplainedLine>,
    /// Lines that name a metric and report nothing for it, or are not in the format; the first [`SHOWN_LINES`].
    pub missed: Vec<ExplainedLine>,
    /// A row a metric, the objective's first.
    pub totals: Vec<MetricTotal>,
    /// What would stand in the trial's status.
    pub observation: Observation,
    /// Counts over the whole sample.
    pub stats: Stats,
}

/// One line of the sample.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedLine {
    /// Its number, from 1.
    pub number: u64,
    /// Its text, without its end; what is not UTF-8 is replaced.
    pub text: String,
    /// What it reports.
    pub readings: Vec<Reading>,
    /// Metrics that it names without reporting them.
    pub misses: Vec<Miss>,
    /// A time in it that cannot be read, as it is written.
    pub unread_time: Option<String>,
    /// Why it is not in the format.
    pub bad: Option<String>,
}

/// What a sample has of one metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricTotal {
    /// The metric.
    pub metric: String,
    /// How many values.
    pub count: u64,
    /// Of those, how many are no numbers (NaN is one).
    pub words: u64,
    /// The name in the sample that is most like it, if it has no value.
    pub nearest: Option<String>,
}

/// Reads a sample log as a trial's output would be read, and says what came of each line.
///
/// # Errors
/// When the experiment's collector cannot be used, or the sample cannot be read.
pub fn explain(
    spec: &MetricsCollectorSpec,
    objective: &ObjectiveSpec,
    mut sample: impl Read,
) -> Result<Explanation, ExplainError> {
    let collector = Collector::new(spec, objective)?;
    let mut explainer = Explainer::new(&collector, objective);
    let mut lines = LineSplitter::new(0);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match sample.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => lines.push(&buffer[..count], |line| explainer.line(&line)),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    lines.finish(|line| explainer.line(&line));
    Ok(explainer.explanation())
}

struct Explainer<'a> {
    collector: &'a Collector,
    summary: Summary,
    names: BTreeSet<String>,
    explanation: Explanation,
}

impl<'a> Explainer<'a> {
    fn new(collector: &'a Collector, objective: &ObjectiveSpec) -> Self {
        let names = collector.wanted().names().iter();
        let totals = names
            .map(|metric| MetricTotal {
                metric: metric.clone(),
                ..MetricTotal::default()
            })
            .collect();
        let explanation = Explanation {
            totals,
            ..Explanation::default()
        };
        Self {
            collector,
            summary: Summary::new(objective),
            names: BTreeSet::new(),
            explanation,
        }
    }

    fn line(&mut self, line: &Line<'_>) {
        let mut found = Vec::new();
        let bad = readings(self.collector.format(), line, &mut found)
            .err()
            .map(|bad| bad.to_string());
        let text = text(line);
        let mut notes = Notes::default();
        self.collector.format().explain(&text, &mut notes);
        if self.names.len() < KEPT_NAMES {
            self.names.append(&mut notes.names);
        }
        self.count(line, &found, bad.is_some());
        let misses = unread(notes.misses, &found);
        self.show(ExplainedLine {
            number: line.number + 1,
            text: text.into_owned(),
            readings: found,
            misses,
            unread_time: notes.unread_time,
            bad,
        });
    }

    fn count(&mut self, line: &Line<'_>, found: &[Reading], is_bad: bool) {
        let stats = &mut self.explanation.stats;
        stats.lines += 1;
        stats.bad += u64::from(is_bad);
        stats.cut += u64::from(line.is_cut);
        for reading in found {
            stats.points += 1;
            let point = point(reading);
            let total = self
                .explanation
                .totals
                .iter_mut()
                .find(|total| total.metric == reading.metric);
            if let Some(total) = total {
                total.count += 1;
                total.words += u64::from(point.number().is_none());
            }
            self.summary.add(&point);
        }
    }

    fn show(&mut self, line: ExplainedLine) {
        let list = if !line.readings.is_empty() {
            &mut self.explanation.matched
        } else if !line.misses.is_empty() || line.bad.is_some() {
            &mut self.explanation.missed
        } else {
            return;
        };
        if list.len() < SHOWN_LINES {
            list.push(line);
        }
    }

    fn explanation(mut self) -> Explanation {
        for total in self
            .explanation
            .totals
            .iter_mut()
            .filter(|total| total.count == 0)
        {
            total.nearest = nearest(&total.metric, &self.names);
        }
        self.explanation.observation = self.summary.observation();
        self.explanation
    }
}

/// The first miss of each metric that the line does not report elsewhere.
fn unread(misses: Vec<Miss>, found: &[Reading]) -> Vec<Miss> {
    let mut kept: Vec<Miss> = Vec::new();
    for miss in misses {
        let is_read = found.iter().any(|reading| reading.metric == miss.metric);
        if !is_read && !kept.iter().any(|known| known.metric == miss.metric) {
            kept.push(miss);
        }
    }
    kept
}

/// The point of a reading, at no place: it is only summed up.
fn point(reading: &Reading) -> MetricPoint {
    let place = Place {
        source: Source::StdOut,
        offset: 0,
        index: 0,
    };
    let Reading {
        metric,
        value,
        time_ns,
        step,
        ..
    } = reading.clone();
    MetricPoint {
        metric,
        value,
        time_ns,
        step,
        place,
    }
}

/// The name most like `metric`: the same but for case, or its end or start, or spelled alike.
fn nearest(metric: &str, names: &BTreeSet<String>) -> Option<String> {
    let scored = names
        .iter()
        .filter(|name| *name != metric)
        .map(|name| (likeness(metric, name), name));
    let best = scored
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, name)| name.clone())
}

fn likeness(metric: &str, name: &str) -> f64 {
    let (metric, name) = (metric.to_lowercase(), name.to_lowercase());
    let (short, long) = if metric.len() < name.len() {
        (&metric, &name)
    } else {
        (&name, &metric)
    };
    let is_part = |rest: Option<&str>, separates: fn(&str) -> bool| rest.is_some_and(separates);
    let ends = is_part(long.strip_suffix(short.as_str()), |rest| {
        rest.ends_with(['/', '.', ':', '_', '-', '|'])
    });
    let starts = is_part(long.strip_prefix(short.as_str()), |rest| {
        rest.starts_with(['/', '.', ':', '_', '-', '|'])
    });
    match () {
        () if metric == name => 3.0,
        () if ends => 2.0,
        () if starts => 1.5,
        () => strsim::jaro_winkler(&metric, &name),
    }
}

#[cfg(test)]
mod tests {
    use diwan_core::resources::{FileFormat, FileSystemPath, SourceSpec};

    use super::*;
    use crate::wanted::objective;

    fn explained(format: FileFormat, names: &[&str], sample: &str) -> Explanation {
        let path = FileSystemPath {
            format: Some(format),
            ..FileSystemPath::default()
        };
        let source = SourceSpec {
            file_system_path: Some(path),
            ..SourceSpec::default()
        };
        let spec = MetricsCollectorSpec {
            collector: None,
            source: Some(source),
        };
        explain(&spec, &objective(names), sample.as_bytes()).unwrap()
    }

    #[test]
    fn times_that_cannot_be_read_are_noted() {
        let text = "2021-12-02 05:27:27 acc=1\n2021-12-02T05:27:27.5Z acc=2\nacc=3\n";
        let json = "{\"acc\": 1, \"timestamp\": \"noon\"}\n{\"acc\": 2, \"timestamp\": 1638422847.5}\n{\"acc\": 3}\n";
        for (format, sample, unread) in [
            (FileFormat::Text, text, "2021-12-02 05:27:27"),
            (FileFormat::Json, json, "noon"),
        ] {
            let found = explained(format, &["acc"], sample).matched;
            let unread_times: Vec<_> = found.iter().map(|l| l.unread_time.as_deref()).collect();
            assert_eq!(unread_times, [Some(unread), None, None]);
            let times: Vec<_> = found.iter().map(|line| line.readings[0].time()).collect();
            assert_eq!(
                times,
                [None, Some("2021-12-02T05:27:27.5Z".to_owned()), None]
            );
        }
    }

    fn numbers(lines: &[ExplainedLine]) -> Vec<u64> {
        lines.iter().map(|line| line.number).collect()
    }

    #[test]
    fn each_line_is_accounted_for() {
        let sample =
            "start\r\nepoch=1 acc=0.5\n\ntrain/acc=0.3\rbar\nacc=1,5\nacc=nan\nacc ok, acc=0.7\n";
        let found = explained(FileFormat::Text, &["acc", "loss"], sample);
        assert_eq!(numbers(&found.matched), [2, 6, 7]);
        assert_eq!(numbers(&found.missed), [4, 5]);
        let line = &found.matched[0];
        assert_eq!(&line.text[line.readings[0].span.clone()], "acc=0.5");
        assert_eq!(
            found.matched[2].misses,
            [],
            "a metric that is read elsewhere in the line is not missed"
        );
        assert_eq!(
            found.stats,
            Stats {
                lines: 7,
                bad: 0,
                cut: 0,
                points: 3
            }
        );
        let acc = found.observation.metric("acc").unwrap();
        assert_eq!([&acc.min, &acc.max, &acc.latest], ["0.5", "0.7", "0.7"]);
    }

    #[test]
    fn a_metric_never_seen_gets_a_hint() {
        let nearest = |metric: &str, sample: &str| {
            explained(FileFormat::Text, &[metric], sample).totals[0]
                .nearest
                .clone()
        };
        assert_eq!(
            nearest("acc", "loss=1 val/acc=2 accu=3").as_deref(),
            Some("val/acc")
        );
        assert_eq!(
            nearest("Accuracy", "accuracy=1 val_accuracy=2").as_deref(),
            Some("accuracy")
        );
        assert_eq!(nearest("accuracy", "acuracy=1").as_deref(), Some("acuracy"));
        assert_eq!(nearest("accuracy", "x=1"), None);
        assert_eq!(nearest("acc", "acc=1 val/acc=2"), None);
    }

    #[test]
    fn bad_json_is_shown_with_its_reason() {
        let found = explained(
            FileFormat::Json,
            &["acc"],
            "{\"acc\": 1}\noops\n{\"eval\":{\"acc\":2}}\n{\"acc\":\"good\"}\n",
        );
        assert_eq!(
            (numbers(&found.matched), numbers(&found.missed)),
            (vec![1, 4], vec![2])
        );
        assert_eq!(
            found.missed[0].bad.as_deref(),
            Some("column 1: expected a JSON object")
        );
        assert_eq!((found.totals[0].count, found.totals[0].words), (2, 1));
    }

    #[test]
    fn long_samples_are_counted_and_not_kept() {
        let found = explained(
            FileFormat::Text,
            &["acc"],
            &"acc=1\nacc=\n".repeat(SHOWN_LINES + 5),
        );
        assert_eq!(
            (found.matched.len(), found.missed.len()),
            (SHOWN_LINES, SHOWN_LINES)
        );
        assert_eq!(found.totals[0].count, 1005);
    }
}
