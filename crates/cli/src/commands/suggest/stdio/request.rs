//! What comes in.

use std::borrow::Cow;

use diwan_core::record::TrialState;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::parameters::Parameter;

/// A request.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Request {
    New(New),
    Ask {
        #[serde(default = "one")]
        n: usize,
    },
    Tell {
        id: u64,
        #[serde(flatten)]
        result: TrialResult,
    },
    Observe {
        trials: Vec<Observed>,
    },
    Report {
        id: u64,
        #[serde(flatten)]
        progress: Progress,
    },
    Prune {
        id: u64,
        #[serde(flatten)]
        progress: Progress,
    },
    Close,
}

/// The beginning of a study.
#[derive(Debug, Deserialize)]
pub(super) struct New {
    pub(super) space: Vec<Parameter>,
    #[serde(default)]
    pub(super) direction: Directions,
    #[serde(default = "one")]
    pub(super) objectives: usize,
    #[serde(default)]
    pub(super) seed: i64,
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

/// A trial that was not asked for here.
#[derive(Debug, Deserialize)]
pub(super) struct Observed {
    pub(super) params: Map<String, Value>,
    #[serde(flatten)]
    pub(super) result: TrialResult,
}

/// How a trial ended.
#[derive(Debug, Deserialize)]
pub(super) struct TrialResult {
    /// `Some(None)`: it says that there are none.
    #[serde(default, deserialize_with = "given")]
    values: Option<Option<Vec<Option<f64>>>>,
    #[serde(default)]
    state: Option<End>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    Succeeded,
    Failed,
    Killed,
}

/// What a running trial has reached.
#[derive(Debug, Deserialize)]
pub(super) struct Progress {
    pub(super) step: i64,
    /// None: it is no number.
    pub(super) value: Option<f64>,
}

// === impl Request ===

impl Request {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let first = match serde_json::from_slice(line) {
            Ok(request) => return Ok(request),
            Err(error) => error,
        };
        let text = String::from_utf8_lossy(line);
        match without_nan(&text) {
            Cow::Owned(text) => serde_json::from_str(&text).map_err(|error| error.to_string()),
            Cow::Borrowed(_) => Err(first.to_string()),
        }
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

// === impl TrialResult ===

impl TrialResult {
    /// The state of the trial and its value, if it has one.
    ///
    /// # Errors
    /// When it has not exactly one and says nothing of a failure.
    pub(super) fn outcome(&self) -> Result<(TrialState, Option<f64>), String> {
        let value = match &self.values {
            Some(Some(values)) => match values.as_slice() {
                [value] => Some(*value),
                [] => None,
                _ => {
                    return Err(format!(
                        "{} values; one objective is supported",
                        values.len()
                    ));
                }
            },
            Some(None) | None => None,
        };
        match (self.state, &self.values, value) {
            (Some(End::Failed), ..) | (None, Some(None), _) => Ok((TrialState::Failed, None)),
            (Some(End::Killed), ..) => Ok((TrialState::Killed, value.flatten())),
            (Some(End::Succeeded) | None, _, Some(value)) => Ok((TrialState::Succeeded, value)),
            (Some(End::Succeeded) | None, _, None) => {
                let wanted =
                    r#"a value is missing: "values" is [NUMBER], or null if the trial failed"#;
                Err(wanted.to_owned())
            }
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
            let result: TrialResult = serde_json::from_str(text).unwrap();
            result.outcome()
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
        for wrong in [
            "{}",
            r#"{"values":[]}"#,
            r#"{"values":[1,2]}"#,
            r#"{"values":null,"state":"succeeded"}"#,
        ] {
            assert!(outcome(wrong).is_err(), "{wrong}");
        }
    }
}
