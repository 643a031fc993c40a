//! What is wrong with a resource: where, what, and what would be right.
//!
//! The text of a problem has the form of a Kubernetes field error (`spec.objective: Required value: must be specified`), so
//! that tools that know Katib's refusals know Diwan's.

mod nearest;

use std::fmt;

use serde_json::Value;

pub use nearest::nearest;

/// Longest text of a value that a message repeats, in characters.
const SHOWN: usize = 120;

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// The class of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// A value is missing.
    Required,
    /// A value is wrong.
    Invalid,
    /// A word is none of those allowed.
    Unsupported,
    /// A value may not be given or changed.
    Forbidden,
    /// A value that must be unique is there twice.
    Duplicate,
    /// There is no such field.
    Unknown,
    /// The text is no YAML or JSON.
    Syntax,
}

impl ProblemKind {
    fn words(self) -> &'static str {
        match self {
            Self::Required => "Required value",
            Self::Invalid => "Invalid value",
            Self::Unsupported => "Unsupported value",
            Self::Forbidden => "Forbidden",
            Self::Duplicate => "Duplicate value",
            Self::Unknown => "Unknown field",
            Self::Syntax => "Syntax error",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Field path such as `spec.parameters[0].feasibleSpace.max`; empty when it concerns the whole text.
    pub path: String,
    /// Its class.
    pub kind: ProblemKind,
    /// The offending value as JSON text (`"max"`, `0`), cut short when long.
    pub value: Option<String>,
    /// What is wrong; may be empty when the class says all.
    pub message: String,
    /// What would be right, if that is known.
    pub hint: Option<String>,
    /// Where in the file, if it came from one.
    pub at: Option<Position>,
}

impl Problem {
    fn new(kind: ProblemKind, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            kind,
            value: None,
            message: message.into(),
            hint: None,
            at: None,
        }
    }

    /// A value is missing.
    #[must_use]
    pub fn required(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Required, path, message)
    }

    /// A value is wrong.
    #[must_use]
    pub fn invalid(
        path: impl Into<String>,
        value: impl Into<Value>,
        message: impl Into<String>,
    ) -> Self {
        Self::new(ProblemKind::Invalid, path, message).with_value(value)
    }

    /// A value is wrong, and the message says which.
    #[must_use]
    pub fn refused(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Invalid, path, message)
    }

    /// A word is none of those allowed; the nearest becomes the hint.
    #[must_use]
    pub fn unsupported(path: impl Into<String>, value: &str, supported: &[&str]) -> Self {
        let list: Vec<String> = supported.iter().map(|word| format!("{word:?}")).collect();
        let message = format!("supported values: {}", list.join(", "));
        Self::new(ProblemKind::Unsupported, path, message)
            .with_value(value)
            .hinting_at(value, supported.iter().copied())
    }

    /// A value may not be given or changed.
    #[must_use]
    pub fn forbidden(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Forbidden, path, message)
    }

    /// A value that must be unique is there twice.
    #[must_use]
    pub fn duplicate(path: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(ProblemKind::Duplicate, path, "").with_value(value)
    }

    /// There is no such field; the nearest known one becomes the hint.
    #[must_use]
    pub fn unknown<'a>(
        path: impl Into<String>,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::new(ProblemKind::Unknown, path, "")
            .with_value(name)
            .hinting_at(name, known)
    }

    /// The text is no YAML or JSON.
    #[must_use]
    pub fn syntax(at: Option<Position>, message: impl Into<String>) -> Self {
        Self {
            at,
            ..Self::new(ProblemKind::Syntax, "", message)
        }
    }

    /// The same, with the offending value.
    #[must_use]
    pub fn with_value(self, value: impl Into<Value>) -> Self {
        let value = Some(shown(&value.into()));
        Self { value, ..self }
    }

    /// The same, with what would be right.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The same, asking whether the nearest of the `known` words was meant, if one is near.
    #[must_use]
    pub fn hinting_at<'a>(self, given: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(given, known) {
            Some(word) => self.with_hint(format!("did you mean {word:?}?")),
            None => self,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = self.at {
            write!(f, "{at}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(self.kind.words())?;
        if let Some(value) = &self.value {
            write!(f, ": {value}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// All that is wrong, in the order of the file. Never empty when it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// `Ok(value)` if nothing is wrong.
    ///
    /// # Errors
    /// All the problems, if there is one.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
            if let Some(hint) = &problem.hint {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A value as JSON text, cut short when long.
pub(crate) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The path of a field of the object at `path`. Names that are no plain word stand in brackets.
#[must_use]
pub fn child(path: &str, name: &str) -> String {
    let plain = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    match (plain, path.is_empty()) {
        (true, true) => name.to_owned(),
        (true, false) => format!("{path}.{name}"),
        (false, _) => format!("{path}[{name}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_a_kubernetes_field_error() {
        let problem =
            Problem::invalid("spec.objective.type", "max", "must be minimize or maximize");
        let text = "spec.objective.type: Invalid value: \"max\": must be minimize or maximize";
        assert_eq!(problem.to_string(), text);
        assert_eq!(
            Problem::invalid("spec.maxTrialCount", 0, "must be greater than 0").to_string(),
            "spec.maxTrialCount: Invalid value: 0: must be greater than 0"
        );
        assert_eq!(
            Problem::duplicate("a[1]", "x").to_string(),
            "a[1]: Duplicate value: \"x\""
        );
        assert_eq!(
            Problem::required("spec.objective", "must be specified").to_string(),
            "spec.objective: Required value: must be specified"
        );
        assert_eq!(
            Problem::forbidden("spec", "no").to_string(),
            "spec: Forbidden: no"
        );
        assert_eq!(
            Problem::unsupported("k", "fil", &["File", "Push"]).to_string(),
            "k: Unsupported value: \"fil\": supported values: \"File\", \"Push\""
        );
    }

    #[test]
    fn a_list_shows_positions_and_hints() {
        let mut problem = Problem::unknown("spec.paralel", "paralel", ["parallel"]);
        problem.at = Some(Position { line: 3, column: 7 });
        let list = Problems(vec![problem, Problem::syntax(None, "unexpected end")]);
        assert_eq!(
            list.to_string(),
            "3:7: spec.paralel: Unknown field: \"paralel\" (did you mean \"parallel\"?)\nSyntax error: unexpected end"
        );
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        let shown = Problem::invalid("a", "ü".repeat(500), "no").value.unwrap();
        assert_eq!(shown.chars().count(), SHOWN + 1);
    }

    #[test]
    fn names_with_dots_stand_in_brackets() {
        assert_eq!(child("metadata.labels", "a.b/c"), "metadata.labels[a.b/c]");
        assert_eq!(child("", "spec"), "spec");
    }
}
