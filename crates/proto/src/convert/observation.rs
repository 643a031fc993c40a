//! What trials report.

use diwan_core::observation::{MetricPoint, ReportedPoint};
use diwan_core::problem::{Problem, Problems};

use super::path::{Path, required};
use super::time::{nanoseconds, write_nanoseconds};
use crate::katib;

/// The points of a report, in its order.
///
/// # Errors
/// When a metric is missing or has no name, or a time is none.
pub fn read(log: Option<katib::ObservationLog>) -> Result<Vec<ReportedPoint>, Problems> {
    let at = Path::root("observation_log");
    let at = at.field("metric_logs");
    let mut problems = Vec::new();
    let points = log
        .unwrap_or_default()
        .metric_logs
        .into_iter()
        .enumerate()
        .map(|(index, message)| read_point(message, at.index(index), &mut problems))
        .collect();
    Problems(problems).or(points)
}

fn read_point(
    message: katib::MetricLog,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> ReportedPoint {
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
    ReportedPoint {
        metric: metric.name,
        value: metric.value,
        time_ns,
        step: None,
    }
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
    use diwan_core::observation::Place;

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

    fn write_all(points: Vec<ReportedPoint>) -> Vec<katib::MetricLog> {
        let placed = points.into_iter().zip(0..);
        let placed: Vec<_> = placed
            .map(|(point, number)| point.at(Place::pushed(number)))
            .collect();
        write(&placed).metric_logs
    }

    #[test]
    fn the_same_moment_in_another_zone_is_the_same_point() {
        let a = read(log(&[("2024-03-04T17:55:08Z", "loss", "0.3")])).unwrap();
        let b = read(log(&[("2024-03-04T18:55:08.000+01:00", "loss", "0.3")])).unwrap();
        assert_eq!(a, b);
    }

    #[test]
    fn go_s_zero_time_is_no_time() {
        let points = read(log(&[("0001-01-01T00:00:00Z", "loss", "unavailable")])).unwrap();
        assert_eq!(points[0].time_ns, None);
        let written = write_all(points);
        assert_eq!(written[0].time_stamp, "0001-01-01T00:00:00Z");
    }

    #[test]
    fn nanoseconds_survive() {
        let text = "2024-03-04T17:55:08.123456789Z";
        let points = read(log(&[(text, "loss", "nan")])).unwrap();
        assert_eq!(write_all(points)[0].time_stamp, text);
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
