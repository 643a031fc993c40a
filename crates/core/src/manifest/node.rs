//! The tree of a document: what was written, and where.

use serde_json::{Map, Value};

use super::scalar;
use crate::problem::Position;

/// One value of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub content: Content,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A word, a number, a piece of text.
    Scalar {
        /// As written, without quotes and escapes.
        text: String,
        /// Without quotes: it may mean a number, a boolean or null.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// An object, in the order of the file; its keys are unique.
    Mapping(Vec<Entry>),
}

/// A field of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub key: String,
    /// Where the name begins.
    pub at: Position,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The value that it means: plain scalars by YAML's core schema, everything else as it stands.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match &self.content {
            Content::Scalar { text, plain: true } => scalar::resolve(text),
            Content::Scalar { text, plain: false } => Value::String(text.clone()),
            Content::Sequence(items) => items.iter().map(Self::to_value).collect(),
            Content::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|e| (e.key.clone(), e.value.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// The field of an object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The text of a field, if it is a scalar.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.get(key)?.content {
            Content::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Where a field path such as `spec.parameters[0].name` leads, as far as there is something of the path: see
    /// [`Self::place`]. An item of a list may be called by its `name` too.
    #[must_use]
    pub fn locate(&self, path: &str) -> Position {
        let mut node = self;
        let mut name = self.at;
        for step in steps(path) {
            let Some((at, next)) = node.step(step) else {
                return name;
            };
            (name, node) = (at, next);
        }
        node.place(name)
    }

    /// The place to show for a field whose name stands at `name`: its value if that is a scalar, else its name.
    #[must_use]
    pub fn place(&self, name: Position) -> Position {
        match &self.content {
            Content::Scalar { text, plain } if !(*plain && text.is_empty()) => self.at,
            _ => name,
        }
    }

    fn step(&self, step: &str) -> Option<(Position, &Self)> {
        match &self.content {
            Content::Sequence(items) => {
                let item = match step.parse::<usize>() {
                    Ok(index) => items.get(index),
                    Err(_) => items.iter().find(|item| item.text("name") == Some(step)),
                };
                item.map(|item| (item.at, item))
            }
            _ => self.entry(step).map(|entry| (entry.at, &entry.value)),
        }
    }
}

/// A value that stands in no file.
impl From<&Value> for Node {
    fn from(value: &Value) -> Self {
        let at = Position::default();
        let content = match value {
            Value::Array(items) => Content::Sequence(items.iter().map(Self::from).collect()),
            Value::Object(fields) => {
                let entry = |(key, value): (&String, &Value)| Entry {
                    key: key.clone(),
                    at,
                    value: Self::from(value),
                };
                Content::Mapping(fields.iter().map(entry).collect())
            }
            Value::String(text) => Content::Scalar {
                text: text.clone(),
                plain: false,
            },
            Value::Null | Value::Bool(_) | Value::Number(_) => Content::Scalar {
                text: value.to_string(),
                plain: true,
            },
        };
        Self { at, content }
    }
}

/// The names and indices of a path as [`crate::problem::child`] writes it.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return None;
        }
        let (step, after) = match rest.strip_prefix('[') {
            Some(inside) => inside.split_once(']').unwrap_or((inside, "")),
            None => rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len())),
        };
        rest = after;
        Some(step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::yaml;

    #[test]
    fn paths_split_at_dots_and_brackets() {
        let split: Vec<&str> = steps("spec.parameters[10].labels[a.b/c].x").collect();
        assert_eq!(split, ["spec", "parameters", "10", "labels", "a.b/c", "x"]);
        assert_eq!(steps("a[").collect::<Vec<_>>(), ["a", ""]);
    }

    #[test]
    fn a_missing_field_is_located_at_its_nearest_parent() {
        let parsed = yaml::parse("a:\n  b:\n    - c: 1\n    - d:\n");
        let root = &parsed.roots[0];
        let at = |line, column| Position { line, column };
        assert_eq!(root.locate("a.b[0].c"), at(3, 10));
        assert_eq!(root.locate("a.b[0]"), at(3, 7));
        assert_eq!(root.locate("a.b"), at(2, 3));
        assert_eq!(root.locate("a.b[1].d"), at(4, 7));
        assert_eq!(root.locate("a.b[7].c"), at(2, 3));
        assert_eq!(root.locate("x"), at(1, 1));
    }
}
