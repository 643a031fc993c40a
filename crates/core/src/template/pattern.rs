//! Texts with placeholders, and trees of them.

use serde_json::{Map, Value};

use super::RenderError;
use crate::manifest::{Content, Node, scalar};

const OPEN: &str = "${trialParameters.";

/// How a placeholder is written.
pub(super) fn placeholder(name: &str) -> String {
    format!("{OPEN}{name}}}")
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// As it stands.
    Text(String),
    /// `${trialParameters.<name>}`.
    Placeholder(String),
    /// A placeholder whose parameter has been found, by its number.
    Parameter(usize),
}

/// Takes a text apart.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let inside = &rest[start + OPEN.len()..];
        let Some(end) = inside.find('}') else { break };
        if start > 0 {
            parts.push(Part::Text(rest[..start].to_owned()));
        }
        parts.push(Part::Placeholder(inside[..end].to_owned()));
        rest = &inside[end + 1..];
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest.to_owned()));
    }
    parts
}

/// A text with placeholders. `plain`: it stood in YAML without quotes, so that its value may become a number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pattern {
    pub(super) parts: Vec<Part>,
    plain: bool,
}

impl Pattern {
    fn new(text: &str, plain: bool) -> Self {
        Self {
            parts: parts(text),
            plain,
        }
    }

    fn has_placeholder(&self) -> bool {
        self.parts.iter().any(|part| !matches!(part, Part::Text(_)))
    }

    fn text(&self, values: &[&str]) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) | Part::Placeholder(text) => text.as_str(),
                Part::Parameter(number) => values.get(*number).copied().unwrap_or_default(),
            })
            .collect()
    }

    /// The text with its values; a number or boolean if it stood without quotes and is nothing else.
    fn value(&self, values: &[&str]) -> Value {
        let text = self.text(values);
        match scalar::resolve(&text) {
            typed @ (Value::Number(_) | Value::Bool(_)) if self.plain => typed,
            _ => Value::String(text),
        }
    }
}

/// A job with placeholders in its strings and keys.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    /// Without any.
    Fixed(Value),
    /// A string.
    Text(Pattern),
    /// A list.
    List(Vec<Tree>),
    /// An object.
    Object(Vec<(Pattern, Tree)>),
}

impl Tree {
    /// From a job in an experiment: its strings stay strings.
    pub(super) fn from_value(value: &Value) -> Self {
        match value {
            Value::String(text) => Self::text(Pattern::new(text, false), value),
            Value::Array(items) => Self::List(items.iter().map(Self::from_value).collect()),
            Value::Object(fields) => Self::Object(
                fields
                    .iter()
                    .map(|(key, value)| (Pattern::new(key, false), Self::from_value(value)))
                    .collect(),
            ),
            other => Self::Fixed(other.clone()),
        }
    }

    /// From the YAML text of a `ConfigMap`.
    pub(super) fn from_node(node: &Node) -> Self {
        match &node.content {
            Content::Scalar { text, plain } => {
                Self::text(Pattern::new(text, *plain), &node.to_value())
            }
            Content::Sequence(items) => Self::List(items.iter().map(Self::from_node).collect()),
            Content::Mapping(entries) => Self::Object(
                entries
                    .iter()
                    .map(|e| (Pattern::new(&e.key, false), Self::from_node(&e.value)))
                    .collect(),
            ),
        }
    }

    fn text(pattern: Pattern, value: &Value) -> Self {
        if pattern.has_placeholder() {
            Self::Text(pattern)
        } else {
            Self::Fixed(value.clone())
        }
    }

    /// Every part of every text and key, to look at or to resolve.
    pub(super) fn for_each_part(&mut self, visit: &mut impl FnMut(&mut Part)) {
        match self {
            Self::Fixed(_) => {}
            Self::Text(pattern) => pattern.parts.iter_mut().for_each(visit),
            Self::List(items) => items.iter_mut().for_each(|item| item.for_each_part(visit)),
            Self::Object(fields) => fields.iter_mut().for_each(|(key, value)| {
                key.parts.iter_mut().for_each(&mut *visit);
                value.for_each_part(visit);
            }),
        }
    }

    /// The tree with its values.
    pub(super) fn render(&self, values: &[&str]) -> Result<Value, RenderError> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(pattern) => pattern.value(values),
            Self::List(items) => items
                .iter()
                .map(|item| item.render(values))
                .collect::<Result<_, _>>()?,
            Self::Object(fields) => {
                let mut object = Map::with_capacity(fields.len());
                for (key, value) in fields {
                    let key = key.text(values);
                    if object.contains_key(&key) {
                        return Err(RenderError::DuplicateKey(key));
                    }
                    object.insert(key, value.render(values)?);
                }
                Value::Object(object)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart_at_placeholders() {
        let text = |text: &str| Part::Text(text.to_owned());
        let placeholder = |name: &str| Part::Placeholder(name.to_owned());
        assert_eq!(
            parts("--lr=${trialParameters.lr}${trialParameters.n-1}!"),
            [
                text("--lr="),
                placeholder("lr"),
                placeholder("n-1"),
                text("!")
            ]
        );
        assert_eq!(
            parts("${HOME} $${trialParameters.a}"),
            [text("${HOME} $"), placeholder("a")]
        );
        assert_eq!(parts("${trialParameters.a"), [text("${trialParameters.a")]);
        assert_eq!(parts(""), []);
    }
}
