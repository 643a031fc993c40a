//! JSON text → tree. `serde_json` says whether the text is JSON; this only finds the places.

use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::node::{Content, Entry, Node};
use super::yaml::{MAX_DEPTH, Parsed};
use crate::problem::{Position, Problem, child};

/// Reads the text if it is one JSON object or list; `None` if it is something else, such as YAML.
pub(super) fn parse(text: &str) -> Option<Parsed> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut reader = Reader {
        rest: text,
        at: Position { line: 1, column: 1 },
        problems: Vec::new(),
    };
    let root = reader.value("", 0);
    let mut parsed = Parsed {
        roots: Vec::new(),
        problems: reader.problems,
    };
    match root {
        Ok(root) => parsed.roots.push(root),
        Err(problem) => parsed.problems.push(problem),
    }
    Some(parsed)
}

/// Walks over text that is known to be JSON.
struct Reader<'a> {
    rest: &'a str,
    at: Position,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn value(&mut self, path: &str, depth: usize) -> Result<Node, Problem> {
        self.space();
        let at = self.at;
        if depth > MAX_DEPTH {
            return Err(Problem::syntax(
                Some(at),
                format!("nested deeper than {MAX_DEPTH} levels"),
            ));
        }
        let content = match self.rest.as_bytes().first() {
            Some(b'{') => Content::Mapping(self.object(path, depth)?),
            Some(b'[') => Content::Sequence(self.list(path, depth)?),
            Some(b'"') => Content::Scalar {
                text: self.string()?,
                plain: false,
            },
            _ => Content::Scalar {
                text: self.word().to_owned(),
                plain: true,
            },
        };
        Ok(Node { at, content })
    }

    fn list(&mut self, path: &str, depth: usize) -> Result<Vec<Node>, Problem> {
        let mut items = Vec::new();
        self.skip(1);
        while !self.closes(']') {
            let path = format!("{path}[{}]", items.len());
            items.push(self.value(&path, depth + 1)?);
        }
        Ok(items)
    }

    fn object(&mut self, path: &str, depth: usize) -> Result<Vec<Entry>, Problem> {
        let mut entries = Vec::new();
        let mut seen = std::collections::HashSet::new();
        self.skip(1);
        while !self.closes('}') {
            let at = self.at;
            let key = self.string()?;
            self.space();
            self.skip(1);
            let path = child(path, &key);
            let value = self.value(&path, depth + 1)?;
            if seen.insert(key.clone()) {
                entries.push(Entry { key, at, value });
            } else {
                self.problems.push(Problem {
                    at: Some(at),
                    ..Problem::duplicate(path, key)
                });
            }
        }
        Ok(entries)
    }

    /// Steps over a comma, or over the end of a list or object: then true.
    fn closes(&mut self, end: char) -> bool {
        self.space();
        if self.rest.starts_with(',') {
            self.skip(1);
            self.space();
        }
        let closed = self.rest.is_empty() || self.rest.starts_with(end);
        if closed {
            self.skip(1);
        }
        closed
    }

    fn string(&mut self) -> Result<String, Problem> {
        let at = self.at;
        let mut strings = Deserializer::from_str(self.rest).into_iter();
        let string = strings.next().unwrap_or_else(|| Ok(String::new()));
        let end = strings.byte_offset();
        self.skip(end);
        string.map_err(|error| Problem::syntax(Some(at), error.to_string()))
    }

    fn word(&mut self) -> &'a str {
        let ends = |byte: char| matches!(byte, ',' | ']' | '}') || byte.is_ascii_whitespace();
        self.skip(self.rest.find(ends).unwrap_or(self.rest.len()))
    }

    fn space(&mut self) {
        let blank = self.rest.len() - self.rest.trim_ascii_start().len();
        self.skip(blank);
    }

    fn skip(&mut self, bytes: usize) -> &'a str {
        let (text, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        for character in text.chars() {
            self.at = match character {
                '\n' => Position {
                    line: self.at.line + 1,
                    column: 1,
                },
                _ => Position {
                    column: self.at.column + 1,
                    ..self.at
                },
            };
        }
        self.rest = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn places_and_escapes() {
        let text =
            "{\n\t\"a\": [1, \"\\ud83d\\ude00\\\"\", null],\n\t\"b\": {}, \"c\": [], \"a\": 2\n}";
        let parsed = parse(text).unwrap();
        let root = &parsed.roots[0];
        assert_eq!(
            root.to_value(),
            json!({"a": [1, "😀\"", null], "b": {}, "c": []})
        );
        assert_eq!(
            root.locate("a[1]"),
            Position {
                line: 2,
                column: 11
            }
        );
        assert_eq!(
            parsed.problems[0].to_string(),
            "3:20: a: Duplicate value: \"a\""
        );
    }

    #[test]
    fn other_texts_are_left_to_yaml() {
        for text in ["{a: 1}", "a: 1", "", "[1, 2", "7", "{} {}"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let text = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(
            parse(&text).unwrap().problems[0]
                .message
                .contains("nested deeper")
        );
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".*", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn reads_what_serde_writes(value in any_json(), pretty in any::<bool>()) {
            let value = json!([value]);
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let parsed = parse(&text.unwrap()).unwrap();
            prop_assert_eq!(parsed.roots[0].to_value(), value);
        }
    }
}
