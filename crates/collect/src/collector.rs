//! From an experiment's metrics collector to the points of a stream.

use std::borrow::Cow;
use std::sync::Arc;

use diwan_core::filter::FilterError;
use diwan_core::observation::{MetricPoint, Place, Source};
use diwan_core::resources::{
    CollectorKind, FileSystemKind, FileSystemPath, MetricsCollectorSpec, ObjectiveSpec,
};

use crate::format::{self, Format, Reading};
use crate::lines::{Line, LineSplitter};
use crate::wanted::Wanted;

/// Why an experiment's metrics cannot be collected so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// The collector reads no lines.
    #[error("a collector of kind {0:?} reads no lines of output; StdOut and File do")]
    Kind(CollectorKind),
    /// The path is a directory.
    #[error("source.fileSystemPath.kind is Directory; a File is read line by line")]
    Directory,
    /// No metric is asked for.
    #[error("objective.objectiveMetricName is empty; name the metric to optimise")]
    NoMetrics,
    /// So many metrics, or so long names, that searching for them takes too much memory.
    #[error("the names of the {0} metrics in objective are too much to search for; ask for fewer")]
    TooManyMetrics(usize),
    /// A filter cannot be used.
    #[error("source.filter.metricsFormat[{index}]: {error}")]
    Filter {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        error: FilterError,
    },
    /// Filters read text, not JSON.
    #[error(
        "source.filter.metricsFormat is for the format TEXT; remove it, or remove source.fileSystemPath.format: JSON"
    )]
    FilterOnJson,
}

/// How the trials of an experiment are read. Made once; cheap to clone.
#[derive(Clone, Debug)]
pub struct Collector {
    format: Arc<dyn Format>,
    wanted: Wanted,
    sources: &'static [Source],
}

impl Collector {
    /// Chooses the format and compiles the filters.
    ///
    /// # Errors
    /// When the kind of collector does not read lines (`Push` and others are somebody else's), or the filters or the metrics
    /// cannot be used.
    pub fn new(
        spec: &MetricsCollectorSpec,
        objective: &ObjectiveSpec,
    ) -> Result<Self, CollectError> {
        let sources: &[Source] = match spec.kind() {
            CollectorKind::StdOut => &[Source::StdOut, Source::StdErr],
            CollectorKind::File => &[Source::File],
            other => return Err(CollectError::Kind(other)),
        };
        let path = spec
            .source
            .as_ref()
            .and_then(|source| source.file_system_path.as_ref());
        if path.and_then(|path| path.kind) == Some(FileSystemKind::Directory) {
            return Err(CollectError::Directory);
        }
        let wanted = Wanted::new(objective)?;
        let entry = format::entry(path.and_then(|path: &FileSystemPath| path.format));
        let format = (entry.make)(wanted.clone(), spec.filters())?;
        Ok(Self {
            format,
            wanted,
            sources,
        })
    }

    /// The streams of a trial that it reads.
    #[must_use]
    pub fn sources(&self) -> &'static [Source] {
        self.sources
    }

    /// The metrics that it looks for.
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// The format of a line.
    #[must_use]
    pub fn format(&self) -> &dyn Format {
        &*self.format
    }

    /// Starts to read a stream at `cursor`: 0, or what [`Stream::cursor`] gave for the same stream before.
    #[must_use]
    pub fn stream(&self, source: Source, cursor: u64) -> Stream {
        let reader = Reader {
            format: Arc::clone(&self.format),
            source,
            readings: Vec::new(),
            stats: Stats::default(),
        };
        Stream {
            lines: LineSplitter::new(cursor),
            reader,
        }
    }
}

/// What a stream has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Lines that are not empty.
    pub lines: u64,
    /// Of those, lines that are not in the format.
    pub bad: u64,
    /// Of those, lines longer than [`MAX_LINE`](crate::MAX_LINE), of which the rest was passed over.
    pub cut: u64,
    /// Values read.
    pub points: u64,
}

/// Turns the bytes of one stream of one trial into points.
#[derive(Clone, Debug)]
pub struct Stream {
    lines: LineSplitter,
    reader: Reader,
}

impl Stream {
    /// Takes the next bytes, appends the points of every line that ends in them.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<MetricPoint>) {
        let Self { lines, reader } = self;
        lines.push(bytes, |line| reader.read(&line, out));
    }

    /// Ends a last line that has no end: no more bytes come.
    pub fn finish(&mut self, out: &mut Vec<MetricPoint>) {
        let Self { lines, reader } = self;
        lines.finish(|line| reader.read(&line, out));
    }

    /// Where to start again, in bytes: the points of all lines before it were given out.
    #[must_use]
    pub fn cursor(&self) -> u64 {
        self.lines.cursor()
    }

    /// Where the next byte to push stands in the stream.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.lines.position()
    }

    /// Which stream it is.
    #[must_use]
    pub fn source(&self) -> Source {
        self.reader.source
    }

    /// What it has seen.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.reader.stats
    }
}

/// The part of a stream that knows lines.
#[derive(Clone, Debug)]
struct Reader {
    format: Arc<dyn Format>,
    source: Source,
    readings: Vec<Reading>,
    stats: Stats,
}

impl Reader {
    fn read(&mut self, line: &Line<'_>, out: &mut Vec<MetricPoint>) {
        let bad = readings(&*self.format, line, &mut self.readings).is_err();
        self.stats.lines += 1;
        self.stats.bad += u64::from(bad);
        self.stats.cut += u64::from(line.is_cut);
        for (index, reading) in self.readings.drain(..).enumerate() {
            self.stats.points += 1;
            let offset = i64::try_from(line.offset).unwrap_or(i64::MAX);
            let place = Place {
                source: self.source,
                offset,
                index: i32::try_from(index).unwrap_or(i32::MAX),
            };
            let Reading {
                metric,
                value,
                time_ns,
                step,
                ..
            } = reading;
            out.push(MetricPoint {
                metric,
                value,
                time_ns,
                step,
                place,
            });
        }
    }
}

/// The text of a line; what is not UTF-8 is replaced.
pub(crate) fn text<'a>(line: &Line<'a>) -> Cow<'a, str> {
    // The check alone is much faster than the replacing reader.
    str::from_utf8(line.bytes).map_or_else(|_| String::from_utf8_lossy(line.bytes), Cow::Borrowed)
}

/// A value in the last bytes of a cut line may be half of one; numbers are shorter than this.
const CUT_MARGIN: usize = 64;

/// Appends what a line of bytes reports.
pub(crate) fn readings(
    format: &dyn Format,
    line: &Line<'_>,
    out: &mut Vec<Reading>,
) -> Result<(), format::BadLine> {
    let text = text(line);
    let first = out.len();
    format.line(&text, out)?;
    if line.is_cut {
        let sure = text.len().saturating_sub(CUT_MARGIN);
        let last = out.len();
        out.truncate(
            first
                + out[first..last]
                    .iter()
                    .take_while(|reading| reading.span.end <= sure)
                    .count(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use diwan_core::resources::{CollectorSpec, FileFormat, FilterSpec, SourceSpec};
    use proptest::prelude::*;

    use super::*;
    use crate::MAX_LINE;
    use crate::wanted::objective;

    fn spec(
        kind: CollectorKind,
        format: Option<FileFormat>,
        filters: &[&str],
    ) -> MetricsCollectorSpec {
        MetricsCollectorSpec {
            collector: Some(CollectorSpec {
                kind: Some(kind),
                custom_collector: None,
            }),
            source: Some(SourceSpec {
                http_get: None,
                file_system_path: Some(FileSystemPath {
                    path: "/m".into(),
                    kind: None,
                    format,
                }),
                filter: Some(FilterSpec {
                    metrics_format: filters.iter().map(ToString::to_string).collect(),
                }),
            }),
        }
    }

    fn collector(format: FileFormat) -> Collector {
        Collector::new(
            &spec(CollectorKind::StdOut, Some(format), &[]),
            &objective(&["acc", "loss"]),
        )
        .unwrap()
    }

    fn points(
        collector: &Collector,
        bytes: &[u8],
        chunks: &[usize],
    ) -> (Vec<MetricPoint>, Vec<u64>) {
        let mut stream = collector.stream(Source::StdOut, 0);
        let (mut out, mut cursors, mut rest) = (Vec::new(), Vec::new(), bytes);
        for length in chunks.iter().chain([&usize::MAX]) {
            let (chunk, later) = rest.split_at((*length).min(rest.len()));
            stream.push(chunk, &mut out);
            cursors.push(stream.cursor());
            rest = later;
        }
        stream.finish(&mut out);
        (out, cursors)
    }

    #[test]
    fn points_know_their_place() {
        let (points, _) = points(
            &collector(FileFormat::Text),
            b"hello\nacc=0.9 loss=0.1\r\nacc=0.8",
            &[],
        );
        let places: Vec<_> = points
            .iter()
            .map(|point| (point.place.offset, point.place.index))
            .collect();
        assert_eq!(places, [(6, 0), (6, 1), (24, 0)]);
        assert_eq!(points[2].value, "0.8");
    }

    #[test]
    fn standard_output_means_both_streams() {
        let made = Collector::new(&MetricsCollectorSpec::default(), &objective(&["acc"])).unwrap();
        assert_eq!(made.sources(), [Source::StdOut, Source::StdErr]);
        let made =
            Collector::new(&spec(CollectorKind::File, None, &[]), &objective(&["acc"])).unwrap();
        assert_eq!(made.sources(), [Source::File]);
    }

    #[test]
    fn what_reads_no_lines_is_refused() {
        let refusal = |spec| {
            Collector::new(&spec, &objective(&["acc"]))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refusal(spec(CollectorKind::Push, None, &[])),
            "a collector of kind Push reads no lines of output; StdOut and File do"
        );
        assert_eq!(
            refusal(spec(
                CollectorKind::File,
                Some(FileFormat::Json),
                &[r"(\w)=(\d)"]
            )),
            "source.filter.metricsFormat is for the format TEXT; remove it, or remove source.fileSystemPath.format: JSON"
        );
    }

    #[test]
    fn a_value_at_the_cut_is_not_read() {
        let mut line = vec![b' '; MAX_LINE - 6];
        line.splice(0..7, *b"loss=1 ");
        line.extend(b"acc=0.95\nacc=1\n");
        let (points, _) = points(&collector(FileFormat::Text), &line, &[]);
        let values: Vec<_> = points.iter().map(|point| point.value.as_str()).collect();
        assert_eq!(values, ["1", "1"]);
    }

    #[test]
    fn bad_lines_are_counted() {
        let mut stream = collector(FileFormat::Json).stream(Source::File, 0);
        let mut out = Vec::new();
        stream.push(b"oops\n{\"acc\":1}\n\n{\"acc\":\n\xff\xfe\n", &mut out);
        assert_eq!(out.len(), 1);
        assert_eq!(
            stream.stats(),
            Stats {
                lines: 4,
                bad: 3,
                cut: 0,
                points: 1
            }
        );
    }

    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            &b"acc=0.9"[..],
            b"loss: nan",
            b"\n",
            b"\r\n",
            b"\r",
            b" ",
            b"ac",
            b"{\"acc\":",
            b"\"1\"",
            b"}",
            b"\xc3",
            b"\xa4",
            b"epoch=3 ",
            b"\0\0",
            b",",
        ]);
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_chunking_and_any_cursor_give_the_same_points(
            bytes in pieces(), chunks in prop::collection::vec(0_usize..16, 0..20), json: bool,
        ) {
            let collector = collector(if json { FileFormat::Json } else { FileFormat::Text });
            let (all, cursors) = points(&collector, &bytes, &chunks);
            prop_assert_eq!(&points(&collector, &bytes, &[]).0, &all);
            for cursor in cursors {
                let mut union: Vec<_> = all.iter().filter(|point| point.place.offset < i64::try_from(cursor).unwrap()).cloned().collect();
                let mut stream = collector.stream(Source::StdOut, cursor);
                stream.push(&bytes[usize::try_from(cursor).unwrap()..], &mut union);
                stream.finish(&mut union);
                prop_assert_eq!(&union, &all);
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), json: bool) {
            points(&collector(if json { FileFormat::Json } else { FileFormat::Text }), &bytes, &[7, 50]);
        }
    }
}
