//! What trials report.

use std::collections::HashMap;

use diwan_core::observation::{MetricPoint, Place, Source};
use diwan_core::problem::{Problem, Problems};

use super::path::{Path, required};
use super::time::{nanoseconds, write_nanoseconds};
use crate::katib;

/// The points of a report.
///
/// A report says of a point neither where it was read nor which report it is, so a point's [`Place`] is made of what it is:
/// `offset` is a hash of metric, time and value, and `index` counts equal points within the report. A report that is sent
/// again therefore has the same places and adds nothing. The price: of equal points in *different* reports with equal
/// times only one is kept.
///
/// # Errors
/// When a metric is missing or has no name, or a time is none.
pub fn read(log: Option<katib::ObservationLog>) -> Result<Vec<MetricPoint>, Problems> {
    let at = Path::root("observation_log");
    let at = at.field("metric_logs");
    let mut problems = Vec::new();
    let mut seen = HashMap::new();
    let points = log
        .unwrap_or_default()
        .metric_logs
        .into_iter()
        .enumerate()
        .map(|(index, message)| read_point(message, &mut seen, at.index(index), &mut problems))
        .collect();
    Problems(problems).or(points)
}

fn read_point(
    message: katib::MetricLog,
    seen: &mut HashMap<i64, i32>,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> MetricPoint {
    let time_ns = nanoseconds(&message.time_stamp, at.field("time_stamp"), problems);
    let metric_at = at.field("metric");
    let metric = match message.metric {
        Some(metric) if metric.name.is_empty() => {
            let path = metric_at.field("name").to_string();
            problems.push(Problem::required(path, "must be specified"));
            metric
        }
        metric => required(metric, metric_at, problems),
    };
    let offset = identity(&metric.name, time_ns, &metric.value);
    let equal_ones = seen.entry(offset).or_insert(0);
    let index = *equal_ones;
    *equal_ones = equal_ones.saturating_add(1);
    MetricPoint {
        metric: metric.name,
        value: metric.value,
        time_ns,
        step: None,
        place: Place {
            source: Source::Push,
            offset,
            index,
        },
    }
}

/// 63 bits of FNV-1a. They are stored: never change how they are made.
fn identity(metric: &str, time_ns: Option<i64>, value: &str) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    eat(metric.as_bytes());
    // No UTF-8 has this byte, so no name ends where another one's time begins.
    eat(&[0xff]);
    eat(&time_ns.unwrap_or(i64::MIN).to_le_bytes());
    eat(value.as_bytes());
    (hash >> 1).cast_signed()
}

/// The message of some points, in their order. Steps do not travel.
#[must_use]
pub fn write(points: &[MetricPoint]) -> katib::ObservationLog {
    let write = |point: &MetricPoint| katib::MetricLog {
        time_stamp: write_nanoseconds(point.time_ns),
        metric: Some(katib::Metric {
            name: point.metric.clone(),
            value: point.value.clone(),
        }),
    };
    katib::ObservationLog {
        metric_logs: points.iter().map(write).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(rows: &[(&str, &str, &str)]) -> Option<katib::ObservationLog> {
        let row = |(time_stamp, name, value): &(&str, &str, &str)| katib::MetricLog {
            time_stamp: (*time_stamp).to_owned(),
            metric: Some(katib::Metric {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            }),
        };
        Some(katib::ObservationLog {
            metric_logs: rows.iter().map(row).collect(),
        })
    }

    #[test]
    fn a_report_sent_again_has_the_same_places() {
        let rows = [
            ("2024-03-04T17:55:08.5Z", "loss", "0.3"),
            ("2024-03-04T17:55:08.5Z", "loss", "0.3"),
            ("2024-03-04T17:55:08.5Z", "loss", "0.4"),
            ("", "loss", "0.3"),
        ];
        let points = read(log(&rows)).unwrap();
        assert_eq!(points, read(log(&rows)).unwrap());
        let mut places: Vec<Place> = points.iter().map(|point| point.place).collect();
        assert_eq!(places[1].index, 1);
        assert!(places.iter().all(|place| place.offset >= 0));
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), rows.len());
    }

    #[test]
    fn the_same_moment_in_another_zone_is_the_same_point() {
        let a = read(log(&[("2024-03-04T17:55:08Z", "loss", "0.3")])).unwrap();
        let b = read(log(&[("2024-03-04T18:55:08.000+01:00", "loss", "0.3")])).unwrap();
        assert_eq!(a, b);
    }

    #[test]
    fn places_are_stored_and_never_change() {
        assert_eq!(identity("loss", Some(1), "0.3"), 5_858_013_895_303_989_590);
        assert_eq!(identity("", None, ""), 1_160_150_459_006_091_095);
    }

    #[test]
    fn go_s_zero_time_is_no_time() {
        let points = read(log(&[("0001-01-01T00:00:00Z", "loss", "unavailable")])).unwrap();
        assert_eq!(points[0].time_ns, None);
        let written = write(&points).metric_logs;
        assert_eq!(written[0].time_stamp, "0001-01-01T00:00:00Z");
    }

    #[test]
    fn nanoseconds_survive() {
        let text = "2024-03-04T17:55:08.123456789Z";
        let points = read(log(&[(text, "loss", "nan")])).unwrap();
        assert_eq!(write(&points).metric_logs[0].time_stamp, text);
    }

    #[test]
    fn says_which_row_is_wrong() {
        let mut bad = log(&[
            ("yesterday", "loss", "1"),
            ("", "", "1"),
            ("9999-01-01T00:00:00Z", "a", "1"),
        ]);
        bad.as_mut()
            .unwrap()
            .metric_logs
            .push(katib::MetricLog::default());
        let text = read(bad).unwrap_err().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "observation_log.metric_logs[0].time_stamp: Invalid value: \"yesterday\": must be an RFC 3339 time such as 2026-11-21T10:00:00.5Z",
                "observation_log.metric_logs[1].metric.name: Required value: must be specified",
                "observation_log.metric_logs[2].time_stamp: Invalid value: \"9999-01-01T00:00:00Z\": must be a time from 1678 to 2261",
                "observation_log.metric_logs[3].metric: Required value: must be set",
            ]
        );
    }
}
