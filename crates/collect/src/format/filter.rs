//! Lines that the user's own regular expressions read.

use diwan_core::filter::Filter;
use regex::{Captures, Match};

use super::number::{self, Refusal};
use super::{BadLine, Format, Miss, Notes, Reading, step, text};
use crate::{CollectError, Wanted, moment};

/// The format with filters. They replace the default one.
///
/// A value is kept as it is captured, number or not: an architecture search reports a genotype. Only a number that is too
/// large to be one is not.
#[derive(Debug)]
pub(super) struct Filters {
    wanted: Wanted,
    filters: Vec<Filter>,
}

impl Filters {
    pub(super) fn new(wanted: Wanted, patterns: &[String]) -> Result<Self, CollectError> {
        let filters = patterns.iter().enumerate().map(|(index, pattern)| {
            Filter::new(pattern).map_err(|error| CollectError::Filter { index, error })
        });
        Ok(Self {
            filters: filters.collect::<Result<_, _>>()?,
            wanted,
        })
    }

    /// What the filters capture in a line, wanted or not, by place. Two filters that read the same value count once.
    fn captured<'l>(&self, line: &'l str) -> Vec<Captured<'l>> {
        let mut all: Vec<_> = self
            .filters
            .iter()
            .flat_map(|filter| captures(filter, line))
            .collect();
        all.sort_by_key(|captured| captured.value.start());
        all.dedup_by(|next, kept| {
            next.name == kept.name && next.value.start() == kept.value.start()
        });
        all
    }
}

impl Format for Filters {
    fn line(&self, line: &str, out: &mut Vec<Reading>) -> Result<(), BadLine> {
        if !self.wanted.is_mentioned(line) {
            return Ok(());
        }
        let first = out.len();
        let wanted = self
            .captured(line)
            .into_iter()
            .filter(|captured| self.wanted.contains(captured.name));
        out.extend(wanted.filter_map(|captured| captured.reading()));
        text::date(line, &mut out[first..]);
        Ok(())
    }

    fn explain(&self, line: &str, notes: &mut Notes) {
        notes.unread_time = moment::unread(line).map(str::to_owned);
        let captured = self.captured(line);
        for name in self.wanted.names() {
            let Some(start) = line.find(name.as_str()) else {
                continue;
            };
            let why = match captured.iter().find(|captured| captured.name == name) {
                Some(captured) if captured.value.as_str().trim().is_empty() => {
                    "the filter captures an empty value".to_owned()
                }
                Some(captured) if number::overflows(captured.value.as_str().trim()) => {
                    Refusal::TooLarge.to_string()
                }
                Some(_) => continue,
                None => nearby(&captured, start, name.len()),
            };
            notes.misses.push(Miss {
                metric: name.clone(),
                span: start..start + name.len(),
                why,
            });
        }
        notes.names.extend(
            captured
                .into_iter()
                .map(|captured| captured.name.to_owned()),
        );
    }
}

/// Why no filter captured the name that stands at `start`.
fn nearby(captured: &[Captured<'_>], start: usize, length: usize) -> String {
    match captured
        .iter()
        .find(|captured| captured.whole.start() < start + length && start < captured.whole.end())
    {
        Some(captured) => format!(
            "a filter matches here, but captures the name {:?}",
            captured.name
        ),
        None => "no filter matches here".to_owned(),
    }
}

/// What one match says.
struct Captured<'l> {
    whole: Match<'l>,
    name: &'l str,
    value: Match<'l>,
    step: Option<i64>,
}

impl Captured<'_> {
    fn reading(&self) -> Option<Reading> {
        let value = self.value.as_str().trim();
        let is_value = !value.is_empty() && !number::overflows(value);
        is_value.then(|| Reading {
            metric: self.name.to_owned(),
            value: value.to_owned(),
            time_ns: None,
            step: self.step,
            span: self.whole.range(),
        })
    }
}

fn captures<'l>(filter: &Filter, line: &'l str) -> impl Iterator<Item = Captured<'l>> {
    filter
        .regex
        .captures_iter(line)
        .filter_map(|found| captured(filter, &found))
}

fn captured<'l>(filter: &Filter, found: &Captures<'l>) -> Option<Captured<'l>> {
    Some(Captured {
        whole: found.get(0)?,
        name: found.get(filter.name)?.as_str().trim(),
        value: found.get(filter.value)?,
        step: found
            .name("step")
            .and_then(|step| step::integer(step.as_str())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wanted::wanted;

    fn filters(names: &[&str], patterns: &[&str]) -> Result<Filters, CollectError> {
        Filters::new(
            wanted(names),
            &patterns.iter().map(ToString::to_string).collect::<Vec<_>>(),
        )
    }

    fn read(names: &[&str], patterns: &[&str], line: &str) -> Vec<Reading> {
        let mut out = Vec::new();
        filters(names, patterns)
            .unwrap()
            .line(line, &mut out)
            .unwrap();
        out
    }

    fn values(names: &[&str], patterns: &[&str], line: &str) -> Vec<String> {
        read(names, patterns, line)
            .into_iter()
            .map(|reading| format!("{} {}", reading.metric, reading.value))
            .collect()
    }

    #[test]
    fn katib_filters() {
        let braces = r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}";
        let line = "{metricName: accuracy, metricValue: 0.9};{metricName: loss, metricValue: 0.3}";
        assert_eq!(
            values(&["loss", "accuracy"], &[braces], line),
            ["accuracy 0.9", "loss 0.3"]
        );
        let genotype = r"([\w-]+)=(Genotype.*)";
        assert_eq!(
            values(
                &["Best-Genotype"],
                &[genotype],
                "Best-Genotype=Genotype(normal=[[('skip',0)]])"
            ),
            ["Best-Genotype Genotype(normal=[[('skip',0)]])"]
        );
    }

    #[test]
    fn named_groups_in_any_order() {
        let pattern = r"(?<value>[\d.]+) is (?<name>\w+) at (?<step>\d+)";
        let found = &read(&["acc"], &[pattern], "0.9 is acc at 7")[0];
        assert_eq!(
            (found.value.as_str(), found.step, found.span.clone()),
            ("0.9", Some(7), 0..15)
        );
        assert_eq!(
            values(&["acc"], &[r"(?P<value>[\d.]+) is (\w+)"], "0.9 is acc"),
            ["acc 0.9"]
        );
    }

    #[test]
    fn several_filters_read_by_place_and_the_same_value_once() {
        let patterns = [r"(\w+)=(\S+)", r"(acc)=([\d.]+)", r"(\w+) is (\S+)"];
        assert_eq!(
            values(&["acc", "loss"], &patterns, "loss is 2 acc=0.9"),
            ["loss 2", "acc 0.9"]
        );
    }

    #[test]
    fn captures_are_trimmed_and_never_empty() {
        assert_eq!(
            values(&["acc"], &[r"([^=]+)=(.*)"], " acc = 0.9 "),
            ["acc 0.9"]
        );
        assert_eq!(values(&["acc"], &[r"(\w+)=(\d*)"], "acc=nan"), [""; 0]);
        assert_eq!(values(&["acc"], &[r"(\w+)=(\d+)?"], "acc=nan"), [""; 0]);
        assert_eq!(values(&["acc"], &[r"(\w+)=(\S+)"], "acc=1e400"), [""; 0]);
    }

    #[test]
    fn the_default_filter_is_replaced() {
        assert_eq!(values(&["acc"], &[r"(\w+) is (\S+)"], "acc=0.9"), [""; 0]);
    }

    #[test]
    fn a_bad_filter_is_refused_with_its_index() {
        let refusal = filters(&["acc"], &[r"(\w+)=(\d+)", "(a)=(b"])
            .unwrap_err()
            .to_string();
        assert_eq!(
            refusal,
            "source.filter.metricsFormat[1]: it is no regular expression: unclosed group"
        );
    }

    #[test]
    fn a_miss_says_why() {
        let mut notes = Notes::default();
        let format = filters(&["acc", "loss", "f1", "f2"], &[r"([\w/]+)=(\d*(?:e400)?)"]).unwrap();
        format.explain("train/acc=3 loss is 4 f1=nan f2=1e400", &mut notes);
        let why: Vec<_> = notes.misses.iter().map(|miss| miss.why.as_str()).collect();
        assert_eq!(
            why,
            [
                "a filter matches here, but captures the name \"train/acc\"",
                "no filter matches here",
                "the filter captures an empty value",
                "the number is larger than a 64-bit float can be; print inf if it is meant"
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn no_line_panics(line in r"(acc|=|[0-9.]|\PC){0,30}", pattern in r"(\(|\)|\w|\.|\*|=|\[|\]|\\){0,12}") {
            if let Ok(format) = filters(&["acc"], &[&pattern]) {
                let mut out = Vec::new();
                format.line(&line, &mut out).unwrap();
                format.explain(&line, &mut Notes::default());
            }
        }
    }
}
