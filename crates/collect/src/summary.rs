//! The observation of a trial: one row of three values a metric.

use diwan_core::observation::MetricPoint;
use diwan_core::resources::{Metric, ObjectiveSpec, Observation, UNAVAILABLE};

/// Smallest, largest and latest value of each metric, as reported.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    rows: Vec<Row>,
}

#[derive(Clone, Debug, Default)]
struct Row {
    metric: String,
    min: Option<(f64, String)>,
    max: Option<(f64, String)>,
    latest: Option<(Option<i64>, String)>,
}

impl Summary {
    /// A summary of the objective's metrics, without values yet.
    #[must_use]
    pub fn new(objective: &ObjectiveSpec) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        for metric in objective.metric_names() {
            if !rows.iter().any(|row| row.metric == metric) {
                rows.push(Row {
                    metric: metric.to_owned(),
                    ..Row::default()
                });
            }
        }
        Self { rows }
    }

    /// Adds a point; points are to be added in the order of reporting. Others than the objective's metrics are passed over.
    ///
    /// NaN and words are no smallest or largest, but they may be the latest: the one with the latest time, and of equal times,
    /// or without a time, the one added last.
    pub fn add(&mut self, point: &MetricPoint) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.metric == point.metric) {
            row.add(point);
        }
    }

    /// The rows, in the order of the objective's metrics; `unavailable` where there is no value.
    #[must_use]
    pub fn observation(&self) -> Observation {
        Observation {
            metrics: self.rows.iter().map(Row::metric).collect(),
        }
    }
}

impl Row {
    fn add(&mut self, point: &MetricPoint) {
        if let Some(number) = point.number().filter(|number| !number.is_nan()) {
            keep(&mut self.min, number, &point.value, |new, known| {
                new < known
            });
            keep(&mut self.max, number, &point.value, |new, known| {
                new > known
            });
        }
        let known = self.latest.as_ref().and_then(|(time, _)| *time);
        let is_older = point
            .time_ns
            .zip(known)
            .is_some_and(|(new, known)| new < known);
        if !is_older {
            self.latest = Some((point.time_ns.or(known), point.value.clone()));
        }
    }

    fn metric(&self) -> Metric {
        let text =
            |value: Option<&String>| value.cloned().unwrap_or_else(|| UNAVAILABLE.to_owned());
        Metric {
            name: self.metric.clone(),
            min: text(self.min.as_ref().map(|(_, text)| text)),
            max: text(self.max.as_ref().map(|(_, text)| text)),
            latest: text(self.latest.as_ref().map(|(_, text)| text)),
        }
    }
}

fn keep(kept: &mut Option<(f64, String)>, number: f64, text: &str, better: fn(f64, f64) -> bool) {
    if kept
        .as_ref()
        .is_none_or(|(known, _)| better(number, *known))
    {
        *kept = Some((number, text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use diwan_core::observation::{Place, Source};
    use proptest::prelude::*;

    use super::*;
    use crate::wanted::objective;

    fn summary(points: &[(&str, &str, Option<i64>)]) -> Vec<[String; 4]> {
        let mut summary = Summary::new(&objective(&["acc", "loss"]));
        for (metric, value, time_ns) in points {
            let place = Place {
                source: Source::StdOut,
                offset: 0,
                index: 0,
            };
            let (metric, value) = ((*metric).to_owned(), (*value).to_owned());
            summary.add(&MetricPoint {
                metric,
                value,
                time_ns: *time_ns,
                step: None,
                place,
            });
        }
        let rows = summary.observation().metrics.into_iter();
        rows.map(|row| [row.name, row.min, row.max, row.latest])
            .collect()
    }

    fn acc(points: &[(&str, Option<i64>)]) -> [String; 3] {
        let points: Vec<_> = points
            .iter()
            .map(|(value, time)| ("acc", *value, *time))
            .collect();
        let [_, min, max, latest] = summary(&points).swap_remove(0);
        [min, max, latest]
    }

    #[test]
    fn values_stay_as_written() {
        assert_eq!(
            acc(&[("0.50", None), ("1e1", None), (" 2", None)]),
            ["0.50", "1e1", " 2"]
        );
    }

    #[test]
    fn nan_and_words_are_only_latest() {
        assert_eq!(acc(&[("nan", None)]), ["unavailable", "unavailable", "nan"]);
        assert_eq!(
            acc(&[("1", None), ("NaN", None), ("word", None)]),
            ["1", "1", "word"]
        );
        assert_eq!(
            acc(&[("1", None), ("-inf", None), ("inf", None)]),
            ["-inf", "inf", "inf"]
        );
    }

    #[test]
    fn latest_goes_by_time_then_by_arrival() {
        assert_eq!(acc(&[("1", Some(5)), ("2", Some(3))])[2], "1");
        assert_eq!(acc(&[("1", Some(5)), ("2", Some(5))])[2], "2");
        assert_eq!(acc(&[("1", Some(5)), ("2", None), ("3", Some(4))])[2], "2");
    }

    #[test]
    fn every_metric_has_its_row_in_order() {
        assert_eq!(
            summary(&[("loss", "2", None), ("other", "3", None)]),
            [
                ["acc", "unavailable", "unavailable", "unavailable"],
                ["loss", "2", "2", "2"]
            ]
        );
    }

    proptest! {
        #[test]
        fn min_and_max_are_of_the_values(numbers in prop::collection::vec(any::<f64>(), 1..20)) {
            let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            let points: Vec<_> = texts.iter().map(|text| (text.as_str(), None)).collect();
            let [min, max, latest] = acc(&points);
            prop_assert_eq!(Some(&latest), texts.last());
            let real = || numbers.iter().copied().filter(|number| !number.is_nan());
            let expected = real().reduce(f64::min).map_or(UNAVAILABLE.to_owned(), |number| number.to_string());
            prop_assert_eq!(min.parse::<f64>(), expected.parse::<f64>());
            let expected = real().reduce(f64::max).map_or(UNAVAILABLE.to_owned(), |number| number.to_string());
            prop_assert_eq!(max.parse::<f64>(), expected.parse::<f64>());
        }
    }
}
