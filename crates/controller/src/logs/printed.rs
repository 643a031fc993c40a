//! The points in what a container has printed, piece by piece: a log can be larger than memory should be.

use std::io;

use diwan_collect::Stream;
use diwan_core::observation::MetricPoint;
use futures_util::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use k8s_openapi::jiff::Timestamp;

/// Bytes of a line that are looked at together. The kubelet's moment before it is shorter.
const PIECE: u64 = 1 << 16;

/// A log with the moments that the kubelet writes before its lines.
pub(super) struct Printed<R> {
    log: R,
    stream: Stream,
    piece: Vec<u8>,
    /// The moment of the line that is being read, in nanoseconds.
    time_ns: Option<i64>,
    /// Whether the next piece begins a line.
    is_at_start: bool,
}

impl<R: AsyncBufRead + Unpin> Printed<R> {
    /// `stream` finds the points, and knows how far it was read.
    pub(super) fn new(log: R, stream: Stream) -> Self {
        Self {
            log,
            stream,
            piece: Vec::new(),
            time_ns: None,
            is_at_start: true,
        }
    }

    /// Appends the points of the next piece; false at the end of the log.
    pub(super) async fn read(&mut self, points: &mut Vec<MetricPoint>) -> io::Result<bool> {
        self.piece.clear();
        let mut next = (&mut self.log).take(PIECE);
        let before = points.len();
        let is_more = next.read_until(b'\n', &mut self.piece).await? > 0;
        if is_more {
            let mut piece = &self.piece[..];
            if self.is_at_start {
                (self.time_ns, piece) = moment(piece);
            }
            self.is_at_start = piece.ends_with(b"\n");
            self.stream.push(piece, points);
        } else {
            self.stream.finish(points);
        }
        for point in &mut points[before..] {
            point.time_ns = point.time_ns.or(self.time_ns);
        }
        Ok(is_more)
    }

    /// How far it was read, in bytes of what was printed.
    pub(super) fn cursor(&self) -> i64 {
        i64::try_from(self.stream.cursor()).unwrap_or(i64::MAX)
    }
}

/// The moment at which a line was printed, in nanoseconds, and the line.
fn moment(line: &[u8]) -> (Option<i64>, &[u8]) {
    let end = line.iter().position(|byte| *byte == b' ');
    let read = |end: usize| {
        let text = str::from_utf8(&line[..end]).ok()?;
        let time = text.parse::<Timestamp>().ok()?;
        let time_ns = i64::try_from(time.as_nanosecond()).ok()?;
        Some((Some(time_ns), &line[end + 1..]))
    };
    end.and_then(read).unwrap_or((None, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_collect::Collector;
    use diwan_core::observation::Source;
    use futures_util::io::Cursor;
    use serde_json::json;

    #[test]
    fn lines_have_moments() {
        let line = b"1970-01-01T00:00:01.000000002Z acc = 1\n";
        assert_eq!(moment(line), (Some(1_000_000_002), &b"acc = 1\n"[..]));
        assert_eq!(moment(b"acc = 1"), (None, &b"acc = 1"[..]));
        assert_eq!(moment(b"\xff 1"), (None, &b"\xff 1"[..]));
    }

    #[tokio::test]
    async fn points_have_the_moments_and_places_of_their_lines() {
        let objective = serde_json::from_value(json!({"objectiveMetricName": "acc"})).unwrap();
        let collector = Collector::new(&Default::default(), &objective).unwrap();
        let long = "x".repeat(3 * usize::try_from(PIECE).unwrap());
        let log = format!(
            "1970-01-01T00:00:01Z acc=1\n1970-01-01T00:00:02Z {long}\n1970-01-01T00:00:03Z acc=3"
        );
        let stream = collector.stream(Source::StdOut, 0);
        let mut printed = Printed::new(Cursor::new(log), stream);
        let mut points = Vec::new();
        while printed.read(&mut points).await.unwrap() {}
        let found = points.iter().map(|point| {
            let seconds = point.time_ns.map(|time| time / 1_000_000_000);
            (point.value.as_str(), seconds, point.place.offset)
        });
        let third = 6 + i64::try_from(long.len()).unwrap() + 1;
        let expected = [("1", Some(1), 0), ("3", Some(3), third)];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert_eq!(printed.cursor(), third + 5);
    }
}
