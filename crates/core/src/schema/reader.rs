//! Nodes of a document → values of a schema.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::shape::{Shape, Shapes};
use crate::manifest::{Content, Entry, Node, scalar};
use crate::problem::{Position, Problem, child, nearest};
use crate::time::Timestamp;

/// Longest list of objects.
const MAX_OBJECTS: usize = 10_000;

pub(super) struct Reader<'a> {
    pub(super) shapes: &'a Shapes,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    /// As `read`; problems with the node or with what it lacks get its place, `name` being where its name stands.
    pub(super) fn read_at(
        &mut self,
        schema: &Value,
        node: &Node,
        path: &str,
        name: Position,
    ) -> Option<Value> {
        let before = self.problems.len();
        let value = self.read(schema, node, path);
        for problem in &mut self.problems[before..] {
            problem.at.get_or_insert(node.place(name));
        }
        value
    }

    /// The value of a node, or nothing if it is null (as good as absent, as for Kubernetes) or wrong.
    fn read(&mut self, schema: &Value, node: &Node, path: &str) -> Option<Value> {
        let shape = self.shapes.shape(schema);
        if is_null(node) && !matches!(shape, Shape::Any) {
            return None;
        }
        match shape {
            Shape::Any => Some(node.to_value()),
            Shape::Object {
                properties,
                required,
                open,
            } => self.object(node, path, properties, &required, open),
            Shape::Map(item) => self.map(node, path, item),
            Shape::List(item) => self.list(node, path, item),
            Shape::Word { words, refusal } => self.word(node, path, &words, refusal),
            Shape::Scalar => self.scalar(node, path),
            Shape::Text => self.text(node, path),
            Shape::Time => self.time(node, path),
            Shape::Boolean => self.boolean(node, path),
            Shape::Number => self.number(node, path),
            Shape::Integer { min, max } => self.integer(node, path, min, max),
        }
    }

    fn refuse(&mut self, node: &Node, path: &str, message: &str) -> Option<Value> {
        self.problems
            .push(Problem::invalid(path, node.to_value(), message));
        None
    }

    fn object(
        &mut self,
        node: &Node,
        path: &str,
        properties: &Map<String, Value>,
        required: &[&str],
        open: bool,
    ) -> Option<Value> {
        let Content::Mapping(entries) = &node.content else {
            return self.refuse(node, path, "must be an object");
        };
        let mut object = Map::new();
        let given: HashSet<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        let before = self.problems.len();
        for entry in entries {
            let path = child(path, &entry.key);
            let name = match properties.get(&entry.key) {
                Some(_) => Some(entry.key.as_str()),
                None if open => {
                    object.insert(entry.key.clone(), entry.value.to_value());
                    None
                }
                None => {
                    self.unknown(&path, entry, properties);
                    let known = properties.keys().map(String::as_str);
                    nearest(&entry.key, known).filter(|meant| !given.contains(meant))
                }
            };
            let Some((name, schema)) = name.and_then(|name| properties.get_key_value(name)) else {
                continue;
            };
            if let Some(value) = self.read_at(schema, &entry.value, &path, entry.at) {
                object.insert(name.clone(), value);
            }
        }
        self.complete(&mut object, path, properties, required, before);
        Some(Value::Object(object))
    }

    fn unknown(&mut self, path: &str, entry: &Entry, properties: &Map<String, Value>) {
        let known = properties.keys().map(String::as_str);
        let problem = Problem::unknown(path, &entry.key, known);
        self.problems.push(Problem {
            at: Some(entry.at),
            ..problem
        });
    }

    /// Reports required fields that are missing, and fills them so that the object can be kept. A field with a problem
    /// of its own (they begin at number `before`) is not missing.
    fn complete(
        &mut self,
        object: &mut Map<String, Value>,
        path: &str,
        properties: &Map<String, Value>,
        required: &[&str],
        before: usize,
    ) {
        for name in required.iter().copied() {
            if object.contains_key(name) {
                continue;
            }
            let path = child(path, name);
            if !self.problems[before..]
                .iter()
                .any(|problem| problem.path == path)
            {
                self.problems
                    .push(Problem::required(path, "must be specified"));
            }
            let schema = properties.get(name).unwrap_or(&Value::Null);
            object.insert(name.to_owned(), self.shapes.placeholder(schema));
        }
    }

    fn map(&mut self, node: &Node, path: &str, item: &Value) -> Option<Value> {
        let Content::Mapping(entries) = &node.content else {
            return self.refuse(node, path, "must be an object");
        };
        let mut object = Map::new();
        for entry in entries {
            let path = child(path, &entry.key);
            if let Some(value) = self.read_at(item, &entry.value, &path, entry.at) {
                object.insert(entry.key.clone(), value);
            }
        }
        Some(Value::Object(object))
    }

    /// Bad items leave a placeholder: the others keep their numbers. Lists of objects are bounded: rules compare the
    /// objects with one another.
    fn list(&mut self, node: &Node, path: &str, item: &Value) -> Option<Value> {
        let Content::Sequence(nodes) = &node.content else {
            return self.refuse(node, path, "must be a list");
        };
        if nodes.len() > MAX_OBJECTS && matches!(self.shapes.shape(item), Shape::Object { .. }) {
            self.problems.push(Problem::invalid(
                path,
                nodes.len(),
                format!("must have at most {MAX_OBJECTS} items"),
            ));
            return None;
        }
        let mut list = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            let path = format!("{path}[{index}]");
            if is_null(node) {
                let problem = Problem::invalid(path.as_str(), Value::Null, "must not be empty");
                self.problems.push(Problem {
                    at: Some(node.at),
                    ..problem
                });
            }
            let value = self.read_at(item, node, &path, node.at);
            list.push(value.unwrap_or_else(|| self.shapes.placeholder(item)));
        }
        Some(Value::Array(list))
    }

    fn word(
        &mut self,
        node: &Node,
        path: &str,
        words: &[&str],
        refusal: Option<&str>,
    ) -> Option<Value> {
        let Content::Scalar { text, .. } = &node.content else {
            return self.refuse(node, path, "must be a word");
        };
        if words.contains(&text.as_str()) {
            return Some(Value::String(text.clone()));
        }
        if text.is_empty() {
            return None; // Go's zero value: as good as absent
        }
        let words: Vec<&str> = words
            .iter()
            .copied()
            .filter(|w| !w.is_empty() && *w != "unknown")
            .collect();
        self.problems.push(match refusal {
            None => Problem::unsupported(path, text, &words),
            Some(refusal) => Problem::invalid(path, text.as_str(), refusal.replace("{}", text))
                .with_hint(format!("one of {}", words.join(", ")))
                .hinting_at(text, words),
        });
        None
    }

    /// Text, number or boolean: kept as it was written.
    fn scalar(&mut self, node: &Node, path: &str) -> Option<Value> {
        match &node.content {
            Content::Scalar { text, plain: true } => Some(Value::from(scalar::as_text(text))),
            Content::Scalar { text, plain: false } => Some(Value::from(text.as_str())),
            _ => self.refuse(node, path, "must be a string or a number"),
        }
    }

    fn text(&mut self, node: &Node, path: &str) -> Option<Value> {
        let value = node.to_value();
        if value.is_string() {
            return Some(value);
        }
        let problem = Problem::invalid(path, value, "must be a string");
        self.problems.push(match &node.content {
            Content::Scalar { text, .. } => {
                problem.with_hint(format!("write it in quotes: {text:?}"))
            }
            _ => problem,
        });
        None
    }

    fn time(&mut self, node: &Node, path: &str) -> Option<Value> {
        let text = self.text(node, path)?;
        match Timestamp::parse(text.as_str().unwrap_or_default()) {
            Ok(_) => Some(text),
            Err(message) => self.refuse(node, path, &message),
        }
    }

    fn boolean(&mut self, node: &Node, path: &str) -> Option<Value> {
        let value = node.to_value();
        if value.is_boolean() {
            Some(value)
        } else {
            self.refuse_unquoted(node, path, "must be true or false")
        }
    }

    fn number(&mut self, node: &Node, path: &str) -> Option<Value> {
        let value = node.to_value();
        if value.is_number() {
            Some(value)
        } else {
            self.refuse_unquoted(node, path, "must be a finite number")
        }
    }

    fn integer(&mut self, node: &Node, path: &str, min: i128, max: i128) -> Option<Value> {
        let value = node.to_value();
        let number = value
            .as_i64()
            .map(i128::from)
            .or_else(|| value.as_u64().map(i128::from));
        match number {
            Some(number) if (min..=max).contains(&number) => Some(value),
            Some(_) => self.refuse(
                node,
                path,
                &format!("must be a whole number from {min} to {max}"),
            ),
            None => self.refuse_unquoted(node, path, "must be a whole number"),
        }
    }

    /// As `refuse`; when only the quotes are wrong, it says so.
    fn refuse_unquoted(&mut self, node: &Node, path: &str, message: &str) -> Option<Value> {
        let problem = Problem::invalid(path, node.to_value(), message);
        self.problems.push(match &node.content {
            Content::Scalar { text, plain: false } if !scalar::resolve(text).is_string() => {
                problem.with_hint("write it without quotes")
            }
            _ => problem,
        });
        None
    }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar { text, plain: true } if scalar::resolve(text).is_null())
}
