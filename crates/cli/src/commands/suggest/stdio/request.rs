//! What comes in.

use std::borrow::Cow;
use std::collections::BTreeMap;

use diwan_core::defaults::ALGORITHM;
use diwan_core::record::TrialState;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::parameters::Parameter;

/// A request.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Request {
    New(New),
    Ask {
        #[serde(default = "one")]
        n: usize,
    },
    Tell(Told),
    Observe {
        trials: Vec<Observed>,
    },
    Report(Progress),
    Prune(Progress),
    Close {},
}

/// The beginning of a study.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    pub(super) space: Vec<Parameter>,
    #[serde(default)]
    pub(super) direction: Directions,
    #[serde(default = "one")]
    pub(super) objectives: usize,
    #[serde(default)]
    pub(super) seed: i64,
    #[serde(default = "chooser")]
    pub(super) algorithm: String,
    #[serde(default)]
    pub(super) settings: Map<String, Value>,
    #[serde(default)]
    pub(super) parallel: Option<u32>,
    #[serde(default)]
    pub(super) max_trials: Option<u64>,
}

/// One direction, or a list with one for each objective.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "\"direction\" must be \"minimize\" or \"maximize\""
)]
pub(super) enum Directions {
    One(Direction),
    Each(Vec<Direction>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Minimize,
    Maximize,
}

/// How a trial that was asked for ended.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    pub(super) id: u64,
    #[serde(default, deserialize_with = "given")]
    values: Option<TrialValues>,
    #[serde(default)]
    state: Option<End>,
}

/// A trial that was not asked for here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Observed {
    pub(super) params: Map<String, Value>,
    /// Its number where it was asked for.
    #[serde(default)]
    pub(super) id: Option<u64>,
    /// What came with it there.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// What it has reached at which steps.
    #[serde(default)]
    pub(super) reports: Vec<(i64, Option<f64>)>,
    #[serde(default, deserialize_with = "given")]
    values: Option<TrialValues>,
    #[serde(default)]
    state: Option<Standing>,
}

/// One for each objective, none where it is no number; or it says that there are none.
type TrialValues = Option<Vec<Option<f64>>>;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    Succeeded,
    Failed,
    Killed,
}

/// Where a trial stands that was not asked for here.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Standing {
    Running,
    Pruned,
    Succeeded,
    Failed,
    Killed,
}

/// What a running trial has reached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Progress {
    pub(super) id: u64,
    pub(super) step: i64,
    /// None: it is no number, which must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) value: Option<f64>,
}

// === impl Request ===

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it, and at which column if that is known.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let line = line.trim_ascii_end();
        let first = match serde_json::from_slice(line) {
            Ok(request) => return Ok(request),
            Err(error) => error,
        };
        let text = String::from_utf8_lossy(line);
        match without_nan(&text) {
            // Its columns are not those of the line.
            Cow::Owned(text) => serde_json::from_str(&text).map_err(|error| told(&error).0),
            Cow::Borrowed(_) => Err(match told(&first) {
                (what, Some(column)) => format!("{what} at column {column}"),
                (what, None) => what,
            }),
        }
    }
}

/// What is wrong with a line, and the column.
fn told(error: &serde_json::Error) -> (String, Option<usize>) {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(what) => (what.to_owned(), Some(error.column())),
        None => (text, None),
    }
}

/// The line with null in place of the numbers that JSON does not have.
fn without_nan(line: &str) -> Cow<'_, str> {
    const NUMBERS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];
    let mut clean = String::new();
    let (mut rest, mut in_string) = (line, false);
    let mut is_changed = false;
    while let Some(first) = rest.chars().next() {
        let number = NUMBERS
            .iter()
            .find(|number| !in_string && rest.starts_with(**number));
        let taken = match (first, number) {
            (_, Some(number)) => {
                is_changed = true;
                clean.push_str("null");
                rest = &rest[number.len()..];
                continue;
            }
            ('\\', None) if in_string => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            _ => first.len_utf8(),
        };
        in_string ^= first == '"';
        let (head, tail) = rest.split_at(taken);
        clean.push_str(head);
        rest = tail;
    }
    if is_changed {
        Cow::Owned(clean)
    } else {
        Cow::Borrowed(line)
    }
}

/// Who chooses where no algorithm is named.
fn chooser() -> String {
    ALGORITHM.to_owned()
}

fn one() -> usize {
    1
}

/// A field that is there, be it null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

// === impl Directions ===

impl Default for Directions {
    fn default() -> Self {
        Self::One(Direction::Minimize)
    }
}

impl Directions {
    /// That of the only objective.
    ///
    /// # Errors
    /// When there are several.
    pub(super) fn only(&self) -> Result<Direction, String> {
        match self {
            Self::One(direction) => Ok(*direction),
            Self::Each(each) => match each.as_slice() {
                [direction] => Ok(*direction),
                _ => Err(format!(
                    "{} directions; one objective is supported",
                    each.len()
                )),
            },
        }
    }
}

// === impl Told, Observed ===

impl Told {
    /// The state of the trial and its value, if it has one.
    ///
    /// # Errors
    /// When it has not exactly one and says nothing of a failure.
    pub(super) fn outcome(&self) -> Result<(TrialState, Option<f64>), String> {
        outcome(self.state, self.values.as_ref())
    }
}

impl Observed {
    /// As [`Told::outcome`], of a trial that may not have ended or was stopped: that has reached what it last reported, if
    /// nothing else is said.
    ///
    /// # Errors
    /// The same.
    pub(super) fn outcome(&self) -> Result<(TrialState, Option<f64>), String> {
        let values = self.values.as_ref();
        let reached = || {
            let reported = self.reports.last().map(|(_, value)| *value);
            Ok::<_, String>(single(values)?.or(reported).flatten())
        };
        match self.state {
            None => outcome(None, values),
            Some(Standing::Running) => Ok((TrialState::Running, reached()?)),
            Some(Standing::Pruned) => Ok((TrialState::EarlyStopped, reached()?)),
            Some(Standing::Succeeded) => outcome(Some(End::Succeeded), values),
            Some(Standing::Failed) => outcome(Some(End::Failed), values),
            Some(Standing::Killed) => outcome(Some(End::Killed), values),
        }
    }
}

/// The only value, if there is one.
fn single(values: Option<&TrialValues>) -> Result<Option<Option<f64>>, String> {
    let values = values.and_then(Option::as_deref).unwrap_or_default();
    match values {
        [] => Ok(None),
        [value] => Ok(Some(*value)),
        _ => Err(format!(
            "{} values; one objective is supported",
            values.len()
        )),
    }
}

fn outcome(
    state: Option<End>,
    values: Option<&TrialValues>,
) -> Result<(TrialState, Option<f64>), String> {
    let value = single(values)?;
    match (state, values, value) {
        (Some(End::Failed), ..) | (None, Some(None), _) => Ok((TrialState::Failed, None)),
        (Some(End::Killed), ..) => Ok((TrialState::Killed, value.flatten())),
        (Some(End::Succeeded) | None, _, Some(value)) => Ok((TrialState::Succeeded, value)),
        (Some(End::Succeeded) | None, _, None) => {
            let wanted = r#"a value is missing: "values" is [NUMBER], or null if the trial failed"#;
            Err(wanted.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_json_lacks_are_none() {
        let line = r#"{"a\"NaN": [NaN, -Infinity, 1.5, Infinity], "b": "Infinity \\"}"#;
        let clean = r#"{"a\"NaN": [null, null, 1.5, null], "b": "Infinity \\"}"#;
        assert_eq!(without_nan(line), clean);
        assert_eq!(without_nan(clean), clean);
        assert_eq!(without_nan(r#"{"a\"#), r#"{"a\"#);
    }

    #[test]
    fn an_end_says_what_the_trial_has_reached() {
        let outcome = |text: &str| {
            let text = text.replacen('{', r#"{"params":{},"#, 1).replace(",}", "}");
            let trial: Observed = serde_json::from_str(&text).unwrap();
            trial.outcome()
        };
        assert_eq!(
            outcome(r#"{"values":[1.5]}"#),
            Ok((TrialState::Succeeded, Some(1.5)))
        );
        assert_eq!(
            outcome(r#"{"values":[null]}"#),
            Ok((TrialState::Succeeded, None))
        );
        assert_eq!(
            outcome(r#"{"values":null}"#),
            Ok((TrialState::Failed, None))
        );
        assert_eq!(
            outcome(r#"{"values":[1],"state":"failed"}"#),
            Ok((TrialState::Failed, None))
        );
        assert_eq!(
            outcome(r#"{"state":"killed"}"#),
            Ok((TrialState::Killed, None))
        );
        assert_eq!(
            outcome(r#"{"reports":[[1,0.5],[2,0.25]],"state":"running"}"#),
            Ok((TrialState::Running, Some(0.25)))
        );
        assert_eq!(
            outcome(r#"{"reports":[[1,0.5]],"values":[0.75],"state":"pruned"}"#),
            Ok((TrialState::EarlyStopped, Some(0.75)))
        );
        assert_eq!(
            outcome(r#"{"reports":[[1,null]],"state":"running"}"#),
            Ok((TrialState::Running, None))
        );
        for wrong in [
            "{}",
            r#"{"values":[1,2],"state":"running"}"#,
            r#"{"reports":[[1,0.5]]}"#,
            r#"{"values":[]}"#,
            r#"{"values":[1,2]}"#,
            r#"{"values":null,"state":"succeeded"}"#,
        ] {
            assert!(outcome(wrong).is_err(), "{wrong}");
        }
    }

    fn refusal(line: &str) -> String {
        Request::read(line.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_field_that_is_none_is_named() {
        let new =
            |parameter: &str| format!(r#"{{"op":"new","algorithm":"tpe","space":[{parameter}]}}"#);
        for (line, field) in [
            (
                new(r#"{"name":"a","type":"float","low":0,"hgih":3,"high":1}"#),
                "hgih",
            ),
            (
                new(r#"{"name":"a","type":"int","low":0,"high":1,"choices":[1]}"#),
                "choices",
            ),
            (
                new(r#"{"name":"a","type":"categorical","choices":[1],"log":true}"#),
                "log",
            ),
            (
                new(
                    r#"{"name":"a","type":"int","low":0,"high":1,"condition":{"parent":"b","values":[1],"value":1}}"#,
                ),
                "value",
            ),
            (
                r#"{"op":"new","algorithm":"tpe","space":[],"sead":1}"#.to_owned(),
                "sead",
            ),
            (r#"{"op":"ask","m":1}"#.to_owned(), "m"),
            (r#"{"op":"tell","id":0,"value":[1]}"#.to_owned(), "value"),
            (
                r#"{"op":"observe","trials":[{"params":{},"values":[1],"step":0}]}"#.to_owned(),
                "step",
            ),
            (
                r#"{"op":"report","id":0,"step":1,"values":1}"#.to_owned(),
                "values",
            ),
            (
                r#"{"op":"prune","id":0,"step":1,"value":1,"why":""}"#.to_owned(),
                "why",
            ),
            (r#"{"op":"close","now":true}"#.to_owned(), "now"),
        ] {
            let told = refusal(&line);
            assert!(
                told.starts_with(&format!("unknown field `{field}`")),
                "{line}: {told}"
            );
        }
    }

    #[test]
    fn a_line_that_is_no_json_has_its_column() {
        assert_eq!(
            refusal("{\"op\":\"ask\"\n"),
            "EOF while parsing an object at column 11"
        );
        assert_eq!(refusal("{\"op\":}\r\n"), "expected value at column 7");
        assert_eq!(
            refusal(r#"{"op":"tell","id":0,"values":[NaN],"stat":1}"#),
            "unknown field `stat`, expected one of `id`, `values`, `state`"
        );
    }
}
