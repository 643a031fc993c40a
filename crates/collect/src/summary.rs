//! The observation of a trial: one row of three values a metric.

use std::collections::BTreeMap;

use diwan_core::observation::{MetricPoint, Source};
use diwan_core::resources::{Metric, ObjectiveSpec, Observation, UNAVAILABLE};

/// Smallest, largest and latest value of each metric, as reported.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    rows: Vec<Row>,
}

/// A metric. Its streams are kept apart, because two that are read as they grow mix differently from two that are read
/// afterwards, and the summary must not depend on that.
#[derive(Clone, Debug, Default)]
struct Row {
    metric: String,
    streams: BTreeMap<Source, Values>,
}

#[derive(Clone, Debug, Default)]
struct Values {
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

    /// Adds a point. Those of one stream are to be added in the order of their places; how streams mix changes nothing. Other
    /// metrics than the objective's are passed over.
    ///
    /// NaN and words are no smallest or largest, but they may be the latest: of a stream, the one with the latest time, and of
    /// equal times, or without a time, the last one; of several streams, by the same rule, in the order of [`Source::ALL`].
    pub fn add(&mut self, point: &MetricPoint) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.metric == point.metric) {
            row.streams
                .entry(point.place.source)
                .or_default()
                .add(point);
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
    fn metric(&self) -> Metric {
        let mut all = Values::default();
        for values in self.streams.values() {
            all.join(values);
        }
        let text = |value: Option<String>| value.unwrap_or_else(|| UNAVAILABLE.to_owned());
        Metric {
            name: self.metric.clone(),
            min: text(all.min.map(|(_, text)| text)),
            max: text(all.max.map(|(_, text)| text)),
            latest: text(all.latest.map(|(_, text)| text)),
        }
    }
}

impl Values {
    fn add(&mut self, point: &MetricPoint) {
        if let Some(number) = point.number().filter(|number| !number.is_nan()) {
            self.bound(number, &point.value);
        }
        self.follow(point.time_ns, &point.value);
    }

    fn join(&mut self, other: &Self) {
        for (number, text) in other.min.iter().chain(&other.max) {
            self.bound(*number, text);
        }
        if let Some((time, text)) = &other.latest {
            self.follow(*time, text);
        }
    }

    fn bound(&mut self, number: f64, text: &str) {
        if self.min.as_ref().is_none_or(|(known, _)| number < *known) {
            self.min = Some((number, text.to_owned()));
        }
        if self.max.as_ref().is_none_or(|(known, _)| number > *known) {
            self.max = Some((number, text.to_owned()));
        }
    }

    fn follow(&mut self, time: Option<i64>, text: &str) {
        let known = self.latest.as_ref().and_then(|(time, _)| *time);
        let is_older = time.zip(known).is_some_and(|(new, known)| new < known);
        if !is_older {
            self.latest = Some((time.or(known), text.to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use diwan_core::observation::Place;
    use proptest::prelude::*;

    use super::*;
    use crate::wanted::objective;

    fn summary(points: &[(&str, &str, Option<i64>)]) -> Vec<[String; 4]> {
        let mut summary = Summary::new(&objective(&["acc", "loss"]));
        for (metric, value, time_ns) in points {
            summary.add(&MetricPoint {
                metric: (*metric).to_owned(),
                ..point(Source::StdOut, value, *time_ns)
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

    fn point(source: Source, value: &str, time_ns: Option<i64>) -> MetricPoint {
        MetricPoint {
            metric: "acc".to_owned(),
            value: value.to_owned(),
            time_ns,
            step: None,
            place: Place {
                source,
                offset: 0,
                index: 0,
            },
        }
    }

    proptest! {
        #[test]
        fn how_streams_mix_changes_nothing(
            points in prop::collection::vec((any::<bool>(), "[0-3]|0[0-3]|nan", prop::option::of(0..3_i64)), 0..12),
        ) {
            let points: Vec<_> = points
                .iter()
                .map(|(err, value, time)| {
                    point(if *err { Source::StdErr } else { Source::StdOut }, value, *time)
                })
                .collect();
            let mut as_they_came = Summary::new(&objective(&["acc"]));
            points.iter().for_each(|point| as_they_came.add(point));
            let mut by_stream = Summary::new(&objective(&["acc"]));
            for source in [Source::StdErr, Source::StdOut] {
                let stream = points.iter().filter(|point| point.place.source == source);
                stream.for_each(|point| by_stream.add(point));
            }
            prop_assert_eq!(as_they_came.observation(), by_stream.observation());
        }

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
