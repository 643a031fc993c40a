//! YAML text → trees. Events come one by one, so nothing recurses; depth and the growth through aliases are bounded.

mod mapping;

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};

use super::node::{Content, Node};
use crate::problem::{Position, Problem, child};
use mapping::Mapping;

/// Deepest nesting of a document.
pub(super) const MAX_DEPTH: usize = 100;
/// What aliases may copy, in bytes of text and 64 for each node: stops "billion laughs" files.
const MAX_COPIED: usize = 16 << 20;

/// The documents of a text, and what is wrong with it. After a syntax error the documents before it are there.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) roots: Vec<Node>,
    pub(super) problems: Vec<Problem>,
}

/// Reads all documents of a YAML text; empty ones are left out.
pub(super) fn parse(text: &str) -> Parsed {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let step = event
            .map_err(|error| refused(&error))
            .and_then(|(event, span)| builder.accept(event, position(span.start)));
        if let Err(problem) = step {
            builder.parsed.problems.push(problem);
            break;
        }
    }
    builder.parsed
}

fn refused(error: &ScanError) -> Problem {
    let at = position(*error.marker());
    match error.info() {
        // The parser has a limit of its own on `[[[…`, which it meets before it reports the first bracket.
        "recursion limit exceeded" => too_deep(at),
        info => Problem::syntax(Some(at), info),
    }
}

fn position(mark: Marker) -> Position {
    // A text has at most `MAX_BYTES` characters: neither number is ever cut.
    let number = |value| u32::try_from(value).unwrap_or(u32::MAX);
    Position {
        line: number(mark.line()),
        column: number(mark.col()).saturating_add(1),
    }
}

/// A list or object that is not closed yet.
struct Frame {
    at: Position,
    anchor: usize,
    size: usize,
    depth: usize,
    inside: Inside,
}

enum Inside {
    Sequence(Vec<Node>),
    Mapping(Mapping),
}

/// A finished node with its weight (for the limit on copies) and its height.
#[derive(Clone)]
struct Measured {
    node: Node,
    size: usize,
    depth: usize,
}

#[derive(Default)]
struct Builder {
    parsed: Parsed,
    frames: Vec<Frame>,
    anchors: HashMap<usize, Measured>,
    copied: usize,
}

impl Builder {
    fn accept(&mut self, event: Event<'_>, at: Position) -> Result<(), Problem> {
        match event {
            Event::DocumentStart(_) => self.anchors.clear(),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !tag.is_some_and(|tag| is_text(&tag));
                let size = 64 + text.len();
                let node = Node {
                    at,
                    content: Content::Scalar {
                        text: text.into_owned(),
                        plain,
                    },
                };
                self.place(
                    Measured {
                        node,
                        size,
                        depth: 0,
                    },
                    anchor,
                )?;
            }
            Event::SequenceStart(anchor, _) => {
                self.open(at, anchor, Inside::Sequence(Vec::new()))?
            }
            Event::MappingStart(anchor, _) => {
                self.open(at, anchor, Inside::Mapping(Mapping::default()))?
            }
            Event::SequenceEnd | Event::MappingEnd => self.close()?,
            Event::Alias(anchor) => {
                let copy = self.copy(anchor, at)?;
                self.place(copy, 0)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn open(&mut self, at: Position, anchor: usize, inside: Inside) -> Result<(), Problem> {
        if self.frames.len() >= MAX_DEPTH {
            return Err(too_deep(at));
        }
        self.frames.push(Frame {
            at,
            anchor,
            size: 64,
            depth: 0,
            inside,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Problem> {
        let Some(frame) = self.frames.pop() else {
            return Ok(());
        };
        let content = match frame.inside {
            Inside::Sequence(items) => Content::Sequence(items),
            Inside::Mapping(mapping) => Content::Mapping(mapping.close()?),
        };
        let node = Node {
            at: frame.at,
            content,
        };
        self.place(
            Measured {
                node,
                size: frame.size,
                depth: frame.depth + 1,
            },
            frame.anchor,
        )
    }

    fn copy(&mut self, anchor: usize, at: Position) -> Result<Measured, Problem> {
        let Some(size) = self.anchors.get(&anchor).map(|original| original.size) else {
            return Err(Problem::syntax(
                Some(at),
                "an anchor cannot contain an alias of itself",
            ));
        };
        self.charge(size, at)?;
        Ok(self.anchors[&anchor].clone())
    }

    fn charge(&mut self, size: usize, at: Position) -> Result<(), Problem> {
        self.copied = self.copied.saturating_add(size);
        if self.copied > MAX_COPIED {
            return Err(Problem::syntax(
                Some(at),
                "aliases make the document too large",
            ));
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, item: Measured, anchor: usize) -> Result<(), Problem> {
        if self.frames.len() + item.depth > MAX_DEPTH {
            return Err(too_deep(item.node.at));
        }
        if anchor != 0 {
            self.charge(item.size, item.node.at)?;
            self.anchors.insert(anchor, item.clone());
        }
        let Some(frame) = self.frames.last_mut() else {
            if !is_nothing(&item.node) {
                self.parsed.roots.push(item.node);
            }
            return Ok(());
        };
        frame.size = frame.size.saturating_add(item.size);
        frame.depth = frame.depth.max(item.depth);
        if let Some((name, at)) = frame.inside.add(item.node)? {
            let problem = Problem::duplicate(child(&self.path(), &name), name);
            self.parsed.problems.push(Problem {
                at: Some(at),
                ..problem
            });
        }
        Ok(())
    }

    /// The path of the innermost open list or object.
    fn path(&self) -> String {
        let outer = self.frames.len().saturating_sub(1);
        self.frames
            .iter()
            .take(outer)
            .fold(String::new(), |path, frame| match &frame.inside {
                Inside::Sequence(items) => format!("{path}[{}]", items.len()),
                Inside::Mapping(mapping) => match mapping.open_key() {
                    Some(name) => child(&path, name),
                    None => path,
                },
            })
    }
}

impl Inside {
    /// Adds the next item, key or value. A key that was there before is left out and returned.
    fn add(&mut self, node: Node) -> Result<Option<(String, Position)>, Problem> {
        match self {
            Self::Sequence(items) => items.push(node),
            Self::Mapping(mapping) => return mapping.add(node),
        }
        Ok(None)
    }
}

fn is_nothing(node: &Node) -> bool {
    matches!(node.content, Content::Scalar { .. }) && node.to_value().is_null()
}

fn too_deep(at: Position) -> Problem {
    Problem::syntax(Some(at), format!("nested deeper than {MAX_DEPTH} levels"))
}

/// `!!str 1` is a text, and so is anything with a tag of its own.
fn is_text(tag: &Tag) -> bool {
    !(tag.is_yaml_core_schema() && matches!(tag.suffix.as_str(), "int" | "float" | "bool" | "null"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn values(text: &str) -> Vec<Value> {
        let parsed = parse(text);
        assert_eq!(parsed.problems, []);
        parsed.roots.iter().map(Node::to_value).collect()
    }

    fn problem(text: &str) -> String {
        let parsed = parse(text);
        parsed
            .problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn several_documents_and_all_styles() {
        let text = "# only a comment\n---\na: 1\nb: '1'\nc: \"x\\ny\"\nd: |\n  l1\n  l2\n---\n---\n[1, {x: !!str 2}]\n";
        assert_eq!(
            values(text),
            [
                json!({"a": 1, "b": "1", "c": "x\ny", "d": "l1\nl2\n"}),
                json!([1, {"x": "2"}])
            ]
        );
    }

    #[test]
    fn anchors_and_merge_keys() {
        let text =
            "base: &b {a: 1, b: 2}\nx:\n  <<: *b\n  b: 3\ny:\n  <<: [{c: 1}, *b, {c: 9}]\nz: *b\n";
        let value = &values(text)[0];
        assert_eq!(value["x"], json!({"b": 3, "a": 1}));
        assert_eq!(value["y"], json!({"c": 1, "a": 1, "b": 2}));
        assert_eq!(value["z"], json!({"a": 1, "b": 2}));
    }

    #[test]
    fn duplicate_keys_are_named_with_their_place() {
        assert_eq!(
            problem("a:\n  - b: 1\n    c: 2\n    b: 3\n"),
            "4:5: a[0].b: Duplicate value: \"b\""
        );
    }

    #[test]
    fn syntax_errors_have_a_place() {
        let text = problem("a: 1\nb: [1, 2\nc: 3\n");
        assert!(text.starts_with("3:"), "{text}");
        assert!(text.contains("Syntax error"), "{text}");
    }

    #[test]
    fn deep_nesting_is_refused() {
        for text in [
            "[".repeat(10_000),
            "- ".repeat(10_000),
            "{a: ".repeat(10_000),
        ] {
            assert!(problem(&text).contains("nested deeper than 100 levels"));
        }
    }

    #[test]
    fn bombs_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let before = format!("*a{}", i - 1);
            text += &format!("a{i}: &a{i} [{}]\n", vec![before; 10].join(", "));
        }
        assert!(problem(&text).contains("aliases make the document too large"));
        assert!(problem("a: &a [*a]").contains("cannot contain an alias of itself"));
    }

    #[test]
    fn keys_must_be_words() {
        assert!(problem("? [a, b]\n: 1\n").contains("a key must be a word"));
        assert_eq!(values("1: x\ntrue: y\n"), [json!({"1": "x", "true": "y"})]);
    }
}
