//! A reader of one JSON document that keeps every number as it is written and knows where everything stands.
//!
//! It takes what `serde_json` takes and, because Python writes them, the bare words `NaN`, `Infinity` and `-Infinity`. It is
//! no stricter than needed about numbers (`+1`, `007`, `1.`).

use std::borrow::Cow;
use std::ops::Range;

use super::super::{BadLine, number};

/// Objects and lists deeper than this are refused, so that no line can exhaust the stack.
const MAX_DEPTH: usize = 64;

/// A member of an object, at any depth, but not within a list.
pub(super) struct Member<'a, 'p> {
    /// The keys from the outermost object to the member.
    pub(super) path: &'p [Cow<'a, str>],
    /// Its value.
    pub(super) value: Value<'a>,
    /// The bytes from its key to the end of its value.
    pub(super) span: Range<usize>,
}

/// What a member is.
#[derive(Clone)]
pub(super) enum Value<'a> {
    /// A number, NaN or an infinity, as it is written.
    Number(&'a str),
    /// A string, unescaped.
    Text(Cow<'a, str>),
    /// Something that is no value of a metric, in words.
    Other(&'static str),
}

/// Calls `visit` with every member of the object that `text` is; inner members come before the object that holds them.
///
/// # Errors
/// When `text` is not one JSON object; `visit` may have been called before that is noticed.
pub(super) fn members<'a>(
    text: &'a str,
    visit: &mut dyn FnMut(Member<'a, '_>),
) -> Result<(), BadLine> {
    let mut scanner = Scanner {
        text,
        at: 0,
        path: Vec::new(),
        lists: 0,
        depth: 0,
        visit,
    };
    scanner.blank();
    if scanner.peek() != Some(b'{') {
        return Err(scanner.bad("a JSON object"));
    }
    scanner.value()?;
    scanner.blank();
    if scanner.at < text.len() {
        Err(scanner.bad("the end of the line"))
    } else {
        Ok(())
    }
}

struct Scanner<'a, 'v> {
    text: &'a str,
    at: usize,
    path: Vec<Cow<'a, str>>,
    /// How many lists are open.
    lists: usize,
    /// How many objects and lists are open.
    depth: usize,
    visit: &'v mut dyn FnMut(Member<'a, '_>),
}

impl<'a> Scanner<'a, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blank(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn bad(&self, expected: &str) -> BadLine {
        let column = self
            .text
            .get(..self.at)
            .map_or(0, |before| before.chars().count())
            + 1;
        BadLine {
            why: format!("column {column}: expected {expected}"),
        }
    }

    /// Takes `byte` and the blanks around it, if it comes next.
    fn takes(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
            self.blank();
        }
        found
    }

    fn value(&mut self) -> Result<Value<'a>, BadLine> {
        match self.peek() {
            Some(b'{') => self.nested(Self::object, "an object"),
            Some(b'[') => self.nested(Self::list, "a list"),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            _ => self.word(),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<(), BadLine>,
        name: &'static str,
    ) -> Result<Value<'a>, BadLine> {
        if self.depth == MAX_DEPTH {
            return Err(self.bad(&format!(
                "at most {MAX_DEPTH} objects and lists within each other"
            )));
        }
        self.depth += 1;
        self.at += 1;
        read(self)?;
        self.depth -= 1;
        Ok(Value::Other(name))
    }

    fn object(&mut self) -> Result<(), BadLine> {
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            self.member()?;
            if self.takes(b'}') {
                return Ok(());
            }
            if !self.takes(b',') {
                return Err(self.bad("`,` or `}`"));
            }
        }
    }

    fn member(&mut self) -> Result<(), BadLine> {
        self.blank();
        if self.peek() != Some(b'"') {
            return Err(self.bad("a key in quotes"));
        }
        let start = self.at;
        let key = self.string()?;
        if !self.takes(b':') {
            return Err(self.bad("`:`"));
        }
        self.path.push(key);
        let value = self.value()?;
        if self.lists == 0 {
            (self.visit)(Member {
                path: &self.path,
                value,
                span: start..self.at,
            });
        }
        self.path.pop();
        Ok(())
    }

    fn list(&mut self) -> Result<(), BadLine> {
        self.lists += 1;
        if !self.takes(b']') {
            loop {
                self.value()?;
                if self.takes(b']') {
                    break;
                }
                if !self.takes(b',') {
                    return Err(self.bad("`,` or `]`"));
                }
            }
        }
        self.lists -= 1;
        Ok(())
    }

    fn string(&mut self) -> Result<Cow<'a, str>, BadLine> {
        let text = self.rest();
        let mut escaped = false;
        let mut any = false;
        let end = text.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            any |= escaped;
            ends
        });
        let Some(end) = end else {
            return Err(self.bad("the end of this string"));
        };
        let string = if any {
            Cow::Owned(
                serde_json::from_str(&text[..end + 2])
                    .map_err(|_| self.bad("a string with valid escapes"))?,
            )
        } else {
            Cow::Borrowed(&text[1..=end])
        };
        self.at += end + 2;
        Ok(string)
    }

    fn word(&mut self) -> Result<Value<'a>, BadLine> {
        let rest = self.rest();
        if let Some(length) = number::prefix(rest) {
            // `1.` is a number to some writers.
            let number = &rest[..length];
            let point = usize::from(!number.contains('.') && rest[length..].starts_with('.'));
            self.at += length + point;
            return Ok(Value::Number(number));
        }
        for (word, name) in [
            ("true", "a boolean"),
            ("false", "a boolean"),
            ("null", "null"),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(Value::Other(name));
            }
        }
        Err(self.bad("a value"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;

    fn leaves(text: &str) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        let mut visit = |member: Member<'_, '_>| {
            let value = match member.value {
                Value::Number(text) => text.to_owned(),
                Value::Text(text) => format!("{text:?}"),
                Value::Other(name) => name.to_owned(),
            };
            found.push(format!("{} {value}", member.path.join(">")));
        };
        members(text, &mut visit).map_err(|bad| bad.to_string())?;
        Ok(found)
    }

    /// The same of a document that `serde_json` has read.
    fn expected(path: &[String], value: &Json, out: &mut Vec<String>) {
        let Json::Object(members) = value else { return };
        for (key, value) in members {
            let path = [path, std::slice::from_ref(key)].concat();
            expected(&path, value, out);
            let text = match value {
                Json::Number(number) => number.to_string(),
                Json::String(text) => format!("{text:?}"),
                Json::Object(_) => "an object".to_owned(),
                Json::Array(_) => "a list".to_owned(),
                Json::Bool(_) => "a boolean".to_owned(),
                Json::Null => "null".to_owned(),
            };
            out.push(format!("{} {text}", path.join(">")));
        }
    }

    #[test]
    fn numbers_are_kept_as_written() {
        let text = r#" { "a" : 0.10 , "b":{"c":-1E+5,"d":NaN},"e":-Infinity,"f":12345678901234567890.123456789} "#;
        let found = leaves(text).unwrap();
        assert_eq!(
            found,
            [
                "a 0.10",
                "b>c -1E+5",
                "b>d NaN",
                "b an object",
                "e -Infinity",
                "f 12345678901234567890.123456789"
            ]
        );
    }

    #[test]
    fn lists_are_passed_over() {
        assert_eq!(
            leaves(r#"{"a":[1,{"b":2},[]],"c":3}"#).unwrap(),
            ["a a list", "c 3"]
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_column() {
        for (text, why) in [
            ("", "column 1: expected a JSON object"),
            ("[1]", "column 1: expected a JSON object"),
            (r#"{"a":1"#, "column 7: expected `,` or `}`"),
            (r#"{"ä":x}"#, "column 6: expected a value"),
            (r#"{"a":1,}"#, "column 8: expected a key in quotes"),
            (r#"{"a" 1}"#, "column 6: expected `:`"),
            (r#"{"a":"b}"#, "column 6: expected the end of this string"),
            (
                r#"{"a":"\x"}"#,
                "column 6: expected a string with valid escapes",
            ),
            (r#"{"a":1} x"#, "column 9: expected the end of the line"),
            (r#"{"a":1.2.3}"#, "column 9: expected `,` or `}`"),
            (r#"{"a":[1 2]}"#, "column 9: expected `,` or `]`"),
        ] {
            assert_eq!(leaves(text).unwrap_err(), why, "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(60_000), "}".repeat(60_000));
        assert!(leaves(&deep).unwrap_err().contains("at most 64"));
        let fine = format!("{}1{}", r#"{"a":"#.repeat(64), "}".repeat(64));
        assert_eq!(leaves(&fine).unwrap().len(), 64);
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            ".{0,8}".prop_map(Json::from),
        ];
        let tree = leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::hash_map(".{0,6}", inner, 0..4)
                    .prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        });
        prop::collection::hash_map(".{0,6}", tree, 0..4)
            .prop_map(|map| Json::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(document in json()) {
            let mut leaves_expected = Vec::new();
            expected(&[], &document, &mut leaves_expected);
            prop_assert_eq!(leaves(&document.to_string()), Ok(leaves_expected.clone()));
            let pretty = serde_json::to_string_pretty(&document).unwrap();
            prop_assert_eq!(leaves(&pretty), Ok(leaves_expected));
        }

        #[test]
        fn whatever_serde_json_takes_is_taken(text in r#"(\{|\}|\[|\]|"|a|:|,|[0-9]|\.|-|e|true|null|\\| ){0,24}"#) {
            if serde_json::from_str::<serde_json::Map<String, Json>>(&text).is_ok() {
                prop_assert!(leaves(&text).is_ok());
            }
        }
    }
}
