//! Lines with `name=value` or `name: value` somewhere in them, for the names that are asked for.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use diwan_core::resources::FileFormat;
use regex::Regex;

use super::filter::Filters;
use super::number::{self, Refusal};
use super::{BadLine, Format, FormatEntry, Miss, Notes, Reading, step};
use crate::{CollectError, Wanted, moment};

pub(super) const ENTRY: FormatEntry = FormatEntry {
    name: "TEXT",
    summary: "Lines with `name=value` or `name: value` somewhere in them, names quoted or not; `nan` and `inf` are values. \
              A step or epoch on the same line and an RFC 3339 time before its first blank are kept. \
              `source.filter.metricsFormat` replaces this by regular expressions with a group for the name and one for the value.",
    format: FileFormat::Text,
    make,
};

fn make(wanted: Wanted, filters: &[String]) -> Result<Arc<dyn Format>, CollectError> {
    if filters.is_empty() {
        Ok(Arc::new(Text { wanted }))
    } else {
        Ok(Arc::new(Filters::new(wanted, filters)?))
    }
}

/// The format without filters.
///
/// It looks for the wanted names first and for a value after each; a line without such a name costs one search. Katib's
/// default filter looks for any name; what it reads right is read the same here, and see [`ends_longer_name`] and
/// [`number::whole`] for what is refused.
#[derive(Debug)]
pub(super) struct Text {
    wanted: Wanted,
}

impl Format for Text {
    fn line(&self, line: &str, out: &mut Vec<Reading>) -> Result<(), BadLine> {
        if !self.wanted.is_mentioned(line) {
            return Ok(());
        }
        let first = out.len();
        for (name, value) in Hits::new(&self.wanted, &without_colours(line)) {
            if let Ok(value) = value {
                let span = name.start..value.end;
                out.push(Reading {
                    metric: line[name].to_owned(),
                    value: line[value].to_owned(),
                    time_ns: None,
                    step: None,
                    span,
                });
            }
        }
        date(line, &mut out[first..]);
        Ok(())
    }

    fn explain(&self, line: &str, notes: &mut Notes) {
        notes.unread_time = moment::unread(line).map(str::to_owned);
        let plain = without_colours(line);
        for (name, value) in Hits::new(&self.wanted, &plain) {
            if let Err(refusal) = value {
                notes.misses.push(Miss {
                    metric: line[name.clone()].to_owned(),
                    span: name,
                    why: refusal.to_string(),
                });
            }
        }
        notes.names.extend(
            ANY_METRIC
                .captures_iter(&plain)
                .map(|found| found["name"].to_owned()),
        );
    }
}

/// Anything that looks like a metric.
static ANY_METRIC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?i)(?<name>[\w|/.:-]*[\w|-])["']?\s*[=:]\s*["']?[+-]?(?:[0-9]|\.[0-9]|nan\b|inf)"#,
    )
    .expect("a constant pattern")
});

/// The wanted names in a line, with the value after each or why there is none.
struct Hits<'a> {
    wanted: &'a Wanted,
    line: &'a str,
    at: usize,
}

impl<'a> Hits<'a> {
    fn new(wanted: &'a Wanted, line: &'a str) -> Self {
        Self {
            wanted,
            line,
            at: 0,
        }
    }
}

impl Iterator for Hits<'_> {
    type Item = (Range<usize>, Result<Range<usize>, Refusal>);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.wanted.next(self.line, self.at)?;
        let value = value_of(self.line, &name);
        self.at = match &value {
            Ok(value) => value.end,
            // A shorter name may start within this one.
            Err(_) => {
                name.start
                    + self.line[name.start..]
                        .chars()
                        .next()
                        .map_or(1, char::len_utf8)
            }
        };
        Some((name, value))
    }
}

/// Where the value of the name at `name` stands.
fn value_of(line: &str, name: &Range<usize>) -> Result<Range<usize>, Refusal> {
    if ends_longer_name(line, name.start) {
        return Err(Refusal::LongerName);
    }
    let after = &line[name.end..];
    let opening = line[..name.start]
        .chars()
        .next_back()
        .filter(|quote| is_quote(*quote));
    let after = opening
        .and_then(|quote| after.strip_prefix(quote))
        .unwrap_or(after);
    let Some(after) = after.trim_start().strip_prefix(['=', ':']) else {
        let longer = after.starts_with(|next| is_of_name(next) || matches!(next, '/' | '.'));
        return Err(if longer {
            Refusal::LongerName
        } else {
            Refusal::NoSign
        });
    };
    let text = after.trim_start();
    let quote = text.chars().next().filter(|quote| is_quote(*quote));
    let text = quote.map_or(text, |quote| &text[quote.len_utf8()..]);
    let length = number::whole(text)?;
    if quote.is_some_and(|quote| !text[length..].starts_with(quote)) {
        return Err(Refusal::NoNumber);
    }
    let start = line.len() - text.len();
    Ok(start..start + length)
}

/// Whether the name that starts at byte `start` is only the end of a longer one, as `acc` is in `val_acc` and `train/acc`.
///
/// A slash or full stop joins what is before it, if that is a name. A colon does not: Python's logging puts `INFO:root:`
/// directly before a message. Nor does a bar: it draws tables.
pub(super) fn ends_longer_name(line: &str, start: usize) -> bool {
    let mut before = line[..start].chars().rev();
    match before.next() {
        Some('/' | '.') => before.next().is_some_and(is_of_name),
        Some(last) => is_of_name(last),
        None => false,
    }
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-')
}

fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'')
}

/// Gives the readings of one line its time and step.
pub(super) fn date(line: &str, readings: &mut [Reading]) {
    if readings.is_empty() {
        return;
    }
    let time_ns = moment::leading(line);
    let step = step::in_line(line);
    for reading in readings {
        reading.time_ns = time_ns;
        reading.step = reading.step.or(step);
    }
}

/// The line with its terminal control sequences (`ESC [ … letter`) blanked, every byte in its place.
fn without_colours(line: &str) -> Cow<'_, str> {
    if !line.contains('\x1b') {
        return Cow::Borrowed(line);
    }
    static SEQUENCE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]").expect("a constant pattern"));
    SEQUENCE.replace_all(line, |found: &regex::Captures<'_>| {
        " ".repeat(found[0].len())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wanted::wanted;

    fn read(names: &[&str], line: &str) -> Vec<Reading> {
        let mut out = Vec::new();
        Text {
            wanted: wanted(names),
        }
        .line(line, &mut out)
        .unwrap();
        out
    }

    fn values(names: &[&str], line: &str) -> Vec<(String, String)> {
        read(names, line)
            .into_iter()
            .map(|reading| (reading.metric, reading.value))
            .collect()
    }

    #[track_caller]
    fn one(metric: &str, line: &str, value: &str) {
        assert_eq!(
            values(&[metric], line),
            [(metric.to_owned(), value.to_owned())],
            "{line}"
        );
    }

    #[track_caller]
    fn none(metric: &str, line: &str) {
        assert_eq!(values(&[metric], line), [], "{line}");
    }

    #[test]
    fn what_katib_reads_right_is_read_the_same() {
        one("accuracy", "accuracy=0.93", "0.93");
        one("accuracy", "INFO:root:accuracy=0.93", "0.93");
        one("accuracy", "accuracy = -1.5E-3, loss=2", "-1.5E-3");
        one(
            "Validation-accuracy",
            "INFO:root:Epoch[9] Validation-accuracy=0.98",
            "0.98",
        );
        one("a|b", "a|b=+.5", "+.5");
        one("acc", "acc=95%", "95");
        none("lr", "python train.py --lr=0.1");
        none("acc", "val_acc=0.9");
        none("acc", "acc2=0.9");
    }

    #[test]
    fn slashes_points_and_colons_are_of_the_name() {
        one("train/acc", "train/acc=0.3 val/acc=0.9", "0.3");
        one("eval.acc", "eval.acc: 0.3", "0.3");
        one("eval:acc", "eval:acc=0.3", "0.3");
        one("accuracy:0", "accuracy:0 = 0.93", "0.93");
        none("accuracy", "accuracy:0 = 0.93");
        none("acc", "train/acc=0.3");
        none("acc", "eval.acc=0.3");
        one("acc", "evaluating...acc=0.3", "0.3");
    }

    #[test]
    fn values_that_are_no_finite_numbers() {
        one("acc", "acc=nan", "nan");
        one("acc", "acc=-Inf,", "-Inf");
        one("acc", "acc: Infinity", "Infinity");
        for line in [
            "acc=",
            "acc= ",
            "acc=none",
            "acc==1",
            "acc=>1",
            "acc=info",
            "acc=1,234",
            "acc=1e400",
            "acc=-1e309,",
            "acc=0.9abc",
            "acc",
        ] {
            none("acc", line);
        }
    }

    #[test]
    fn dictionaries_and_colons() {
        one("loss", "{'loss': 0.3, 'epoch': 1.0}", "0.3");
        one("loss", r#"{"loss": "0.3"}"#, "0.3");
        one(
            "loss",
            "469/469 [====] - 2s 4ms/step - loss: 0.3 - acc: 0.9",
            "0.3",
        );
        one("eval-rmse", "[12]\ttrain-rmse:1.2\teval-rmse:1.3", "1.3");
        one("valid_0's auc", "[100]\tvalid_0's auc: 0.93", "0.93");
        none("loss", r#"{"loss": "0.3 or so"}"#);
        none("time", "time: 12:30:05");
    }

    #[test]
    fn several_on_a_line_keep_their_order() {
        let found = values(&["loss", "acc"], "acc=0.1 loss=2 acc=0.2");
        let found: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(found, ["0.1", "2", "0.2"]);
    }

    #[test]
    fn step_and_time_are_kept() {
        let found = &read(&["acc"], "2021-12-02T05:27:27.5Z epoch=3 acc=0.9")[0];
        assert_eq!(
            (found.time_ns, found.step),
            (Some(1_638_422_847_500_000_000), Some(3))
        );
    }

    #[test]
    fn colours_do_not_hide_a_metric_and_spans_stay() {
        let line = "\x1b[1;32macc\x1b[0m=\x1b[1m0.9\x1b[0m";
        let found = &read(&["acc"], line)[0];
        assert_eq!(
            (found.value.as_str(), &line[found.span.clone()]),
            ("0.9", "acc\x1b[0m=\x1b[1m0.9")
        );
    }

    #[test]
    fn a_miss_says_why() {
        let mut notes = Notes::default();
        let format = Text {
            wanted: wanted(&["acc", "loss"]),
        };
        format.explain("train/acc=0.3, better acc soon, loss=1,234", &mut notes);
        let why: Vec<_> = notes
            .misses
            .iter()
            .map(|miss| (miss.metric.as_str(), miss.why.as_str()))
            .collect();
        assert_eq!(
            why,
            [
                (
                    "acc",
                    "it is part of a longer name here; ask for the whole name"
                ),
                ("acc", "no `=` or `:` and a number follow it"),
                (
                    "loss",
                    "the number goes on after its digits; print it without separators or units (% may stay), or give a filter"
                ),
            ]
        );
        assert_eq!(
            notes.names.iter().collect::<Vec<_>>(),
            ["loss", "train/acc"]
        );
    }

    /// Katib's filter, for comparison.
    fn katib(metric: &str, line: &str) -> Vec<String> {
        let filter = Regex::new(r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)").unwrap();
        let found = filter
            .captures_iter(line)
            .filter(|found| &found[1] == metric);
        found.map(|found| found[2].trim().to_owned()).collect()
    }

    proptest! {
        #[test]
        fn no_line_panics(line in r"(acc|loss|[=: '.,/0-9e\x1b\[mäß-]){0,40}") {
            for reading in read(&["acc", "loss", "ä"], &line) {
                prop_assert!(line.get(reading.span.clone()).is_some());
                prop_assert!(reading.value.parse::<f64>().is_ok());
            }
            Text { wanted: wanted(&["acc"]) }.explain(&line, &mut Notes::default());
        }

        #[test]
        fn plain_reports_read_as_in_katib(
            before in "(INFO:root:|INFO |x=1 |)", space in " {0,2}", number in r"[+-]?[0-9]{1,3}(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?",
            after in r"(| |,|;|\.|%|\)| loss=2|, loss=3)",
        ) {
            let line = format!("{before}acc{space}={space}{number}{after}");
            let ours: Vec<String> = read(&["acc"], &line).into_iter().map(|reading| reading.value).collect();
            prop_assert_eq!(ours, katib("acc", &line));
        }
    }
}
