//! Lines that are JSON objects.

mod scan;

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use diwan_core::resources::FileFormat;
use regex::Regex;

use self::scan::{Member, Value, members};
use super::number::{self, Refusal};
use super::{BadLine, Format, FormatEntry, Miss, Notes, Reading, step};
use crate::{CollectError, Wanted, moment};

pub(super) const ENTRY: FormatEntry = FormatEntry {
    name: "JSON",
    summary: "One JSON object a line. A metric is a key, or a path of keys joined by dots or slashes; its value a number or a \
              string. `timestamp` is an RFC 3339 time or seconds since 1970 (milliseconds and finer are told by their size); \
              `global_step`, `step`, `iteration`, `iter` or `epoch` is the step. A line that is no object is skipped.",
    format: FileFormat::Json,
    make,
};

fn make(wanted: Wanted, filters: &[String]) -> Result<Arc<dyn Format>, CollectError> {
    if filters.is_empty() {
        Ok(Arc::new(Json { wanted }))
    } else {
        Err(CollectError::FilterOnJson)
    }
}

/// The format.
#[derive(Debug)]
struct Json {
    wanted: Wanted,
}

/// What a line has for one wanted metric.
struct Found<'a> {
    metric: &'a str,
    /// How many keys lead to it.
    depth: usize,
    value: Value<'a>,
    span: std::ops::Range<usize>,
}

impl Format for Json {
    fn line(&self, line: &str, out: &mut Vec<Reading>) -> Result<(), BadLine> {
        let Some((object, offset)) = object_in(line) else {
            return Ok(());
        };
        let mut found: Vec<Found<'_>> = Vec::new();
        let mut head = Head::default();
        members(object, &mut |member| {
            head.see(&member);
            self.see(member, &mut found);
        })?;
        found.sort_by_key(|found| found.span.start);
        out.extend(found.into_iter().filter_map(|found| {
            let value = text_of(found.value).ok()?;
            let span = found.span.start + offset..found.span.end + offset;
            Some(Reading {
                metric: found.metric.to_owned(),
                value,
                time_ns: head.time_ns,
                step: head.step(),
                span,
            })
        }));
        Ok(())
    }

    fn explain(&self, line: &str, notes: &mut Notes) {
        let Some((object, offset)) = object_in(line) else {
            return;
        };
        let mut found = Vec::new();
        let outcome = members(object, &mut |member| {
            let is_time = matches!(member.path, [key] if key == "timestamp");
            if is_time && let Value::Number(text) = &member.value {
                notes.unread_time = unread(text);
            } else if is_time && let Value::Text(text) = &member.value {
                notes.unread_time = unread(text);
            }
            if !matches!(member.value, Value::Other(_)) {
                notes.names.insert(member.path.join("."));
            }
            self.see(member, &mut found);
        });
        if outcome.is_err() {
            return;
        }
        for Found {
            metric,
            value,
            span,
            ..
        } in found
        {
            if let Err(why) = text_of(value) {
                let span = span.start + offset..span.end + offset;
                notes.misses.push(Miss {
                    metric: metric.to_owned(),
                    span,
                    why,
                });
            }
        }
    }
}

impl Json {
    /// Keeps the member if it is wanted and no shorter path to the same metric is known; of equal ones the last counts, as
    /// for every reader of JSON.
    fn see<'a>(&'a self, member: Member<'a, '_>, found: &mut Vec<Found<'a>>) {
        let names = self.wanted.names().iter();
        for metric in names.filter(|name| is_path(member.path, name)) {
            let new = Found {
                metric,
                depth: member.path.len(),
                value: member.value.clone(),
                span: member.span.clone(),
            };
            match found.iter_mut().find(|known| known.metric == metric) {
                Some(known) if known.depth < new.depth => {}
                Some(known) => *known = new,
                None => found.push(new),
            }
        }
    }
}

/// The object of a line and where it starts. A line may carry a tag before it, as in `[metrics]: {…}`; blank lines have none.
fn object_in(line: &str) -> Option<(&str, usize)> {
    static TAG: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^\u{feff}?\s*(\[[\w.-]+\]:)?\s*").expect("a constant pattern")
    });
    let start = TAG.find(line).map_or(0, |tag| tag.end());
    let object = line[start..].trim_end();
    (!object.is_empty()).then_some((object, start))
}

/// Whether `keys`, joined by dots or slashes, are `name`.
fn is_path(keys: &[Cow<'_, str>], name: &str) -> bool {
    let mut rest = name;
    for (index, key) in keys.iter().enumerate() {
        let after = if index == 0 {
            Some(rest)
        } else {
            rest.strip_prefix(['.', '/'])
        };
        match after.and_then(|after| after.strip_prefix(&**key)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

/// The text of a metric's value, or why it is none.
fn text_of(value: Value<'_>) -> Result<String, String> {
    match value {
        Value::Number(text) if number::overflows(text) => Err(Refusal::TooLarge.to_string()),
        Value::Text(text) if number::overflows(text.trim()) => Err(Refusal::TooLarge.to_string()),
        Value::Number(text) => Ok(text.to_owned()),
        Value::Text(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Value::Text(_) => Err("it is an empty string; print a number or a word".to_owned()),
        Value::Other(what) => Err(format!("it is {what}; print a number or a string")),
    }
}

/// A time that is none.
fn unread(text: &str) -> Option<String> {
    moment::any(text).is_none().then(|| text.to_owned())
}

/// What the outermost keys say of the whole line.
#[derive(Default)]
struct Head {
    time_ns: Option<i64>,
    steps: [Option<i64>; step::WORDS.len()],
}

impl Head {
    fn see(&mut self, member: &Member<'_, '_>) {
        let [key] = member.path else { return };
        let text = match &member.value {
            Value::Number(text) => text,
            Value::Text(text) => &**text,
            Value::Other(_) => return,
        };
        if key == "timestamp" {
            self.time_ns = moment::any(text);
        } else if let Some(word) = step::WORDS.iter().position(|word| *word == key) {
            self.steps[word] = step::integer(text);
        }
    }

    fn step(&self) -> Option<i64> {
        self.steps.iter().flatten().next().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wanted::wanted;

    fn read(names: &[&str], line: &str) -> Vec<Reading> {
        let mut out = Vec::new();
        Json {
            wanted: wanted(names),
        }
        .line(line, &mut out)
        .unwrap();
        out
    }

    fn values(names: &[&str], line: &str) -> Vec<String> {
        read(names, line)
            .into_iter()
            .map(|reading| format!("{} {}", reading.metric, reading.value))
            .collect()
    }

    #[test]
    fn numbers_that_no_float_holds_are_none() {
        let line = r#"{"a": 1e400, "b": " -1e309 ", "c": 1e308, "d": 1e-400}"#;
        assert_eq!(values(&["a", "b", "c", "d"], line), ["c 1e308", "d 1e-400"]);
    }

    #[test]
    fn numbers_and_strings_are_values() {
        let line = r#"{"loss": 0.30, "acc": "0.9", "word": " skip ", "nan": NaN, "up": Infinity, "esc\u0061pe": 1}"#;
        assert_eq!(
            values(&["acc", "loss", "word", "nan", "up", "escape"], line),
            [
                "loss 0.30",
                "acc 0.9",
                "word skip",
                "nan NaN",
                "up Infinity",
                "escape 1"
            ]
        );
    }

    #[test]
    fn other_things_are_not() {
        assert_eq!(
            values(
                &["a", "b", "c", "d", "e"],
                r#"{"a":true,"b":null,"c":[1],"d":{},"e":" "}"#
            ),
            [""; 0]
        );
    }

    #[test]
    fn nested_keys_by_path_and_the_literal_key_first() {
        let line = r#"{"eval": {"acc": 0.9, "top.5": 1}}"#;
        assert_eq!(values(&["eval.acc"], line), ["eval.acc 0.9"]);
        assert_eq!(
            values(&["eval/acc", "eval/top.5"], line),
            ["eval/acc 0.9", "eval/top.5 1"]
        );
        assert_eq!(
            values(&["eval.acc", "eval/acc"], line),
            ["eval.acc 0.9", "eval/acc 0.9"]
        );
        assert_eq!(values(&["acc"], line), [""; 0]);
        for line in [
            r#"{"eval/acc": 1, "eval": {"acc": 2}}"#,
            r#"{"eval": {"acc": 2}, "eval/acc": 1}"#,
        ] {
            assert_eq!(values(&["eval/acc"], line), ["eval/acc 1"]);
        }
        assert_eq!(values(&["a"], r#"{"a":1,"a":2}"#), ["a 2"]);
    }

    #[test]
    fn time_and_step() {
        let head = |line: &str| {
            let reading = &read(&["a"], line)[0];
            (reading.time_ns, reading.step)
        };
        let time = Some(1_638_422_847_287_210_000);
        assert_eq!(
            head(r#"{"a":1,"timestamp":1638422847.28721,"step":7,"epoch":1}"#),
            (time, Some(7))
        );
        assert_eq!(
            head(r#"{"timestamp":"1638422847.28721","a":1,"epoch":2.0}"#),
            (time, Some(2))
        );
        assert_eq!(
            head(r#"{"a":1,"timestamp":"2021-12-02T05:27:27.28721Z","global_step":"9","step":1}"#),
            (time, Some(9))
        );
        assert_eq!(
            head(r#"{"a":1,"timestamp":1638422847287.21}"#),
            (time, None)
        );
        assert_eq!(
            head(r#"{"a":1,"timestamp":"noon","x":{"step":3}}"#),
            (None, None)
        );
    }

    #[test]
    fn a_tag_and_a_byte_order_mark_may_come_first() {
        let line = "\u{feff}[tune-metric]: {\"a\": 1}";
        let reading = &read(&["a"], line)[0];
        assert_eq!(&line[reading.span.clone()], "\"a\": 1");
        assert_eq!(values(&["a"], "  "), [""; 0]);
    }

    #[test]
    fn a_bad_line_gives_nothing() {
        let mut out = Vec::new();
        let bad = Json {
            wanted: wanted(&["a"]),
        }
        .line(r#"{"a":1"#, &mut out)
        .unwrap_err();
        assert_eq!(
            (bad.to_string().as_str(), out),
            ("column 7: expected `,` or `}`", vec![])
        );
    }

    #[test]
    fn a_miss_says_why() {
        let mut notes = Notes::default();
        Json {
            wanted: wanted(&["a", "b"]),
        }
        .explain(r#"{"a":true,"b":"","c":{"d":1}}"#, &mut notes);
        let why: Vec<_> = notes.misses.iter().map(|miss| miss.why.as_str()).collect();
        assert_eq!(
            why,
            [
                "it is a boolean; print a number or a string",
                "it is an empty string; print a number or a word"
            ]
        );
        assert_eq!(notes.names.iter().collect::<Vec<_>>(), ["b", "c.d"]);
    }

    proptest! {
        #[test]
        fn no_line_panics(line in r#"(\[x\]:|\{|\}|"|a|ä|:|,|[0-9.]|NaN|\[|\]|\\| ){0,24}"#) {
            let format = Json { wanted: wanted(&["a", "a.a"]) };
            let mut out = Vec::new();
            let _ = format.line(&line, &mut out);
            for reading in out {
                prop_assert!(line.get(reading.span.clone()).is_some());
            }
            format.explain(&line, &mut Notes::default());
        }
    }
}
