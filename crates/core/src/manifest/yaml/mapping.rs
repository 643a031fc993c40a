//! Objects while they are read: each key once, and `<<`.

use std::collections::HashSet;

use crate::manifest::node::{Content, Entry, Node};
use crate::problem::{Position, Problem};

/// An object that is not closed yet.
#[derive(Default)]
pub(super) struct Mapping {
    entries: Vec<Entry>,
    seen: HashSet<String>,
    /// What `<<` brings.
    merged: Vec<Node>,
    /// A key without its value.
    key: Option<Key>,
}

struct Key {
    text: String,
    at: Position,
    plain: bool,
}

impl Mapping {
    /// The key whose value is being read.
    pub(super) fn open_key(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.text.as_str())
    }

    /// Adds the next key or value. A key that was there before is left out and returned.
    pub(super) fn add(&mut self, node: Node) -> Result<Option<(String, Position)>, Problem> {
        let Some(Key { text, at, plain }) = self.key.take() else {
            self.key = Some(Key::of(node)?);
            return Ok(None);
        };
        if plain && text == "<<" {
            self.merged.push(node);
        } else if self.seen.insert(text.clone()) {
            self.entries.push(Entry {
                key: text,
                at,
                value: node,
            });
        } else {
            return Ok(Some((text, at)));
        }
        Ok(None)
    }

    /// Its entries, with the fields that `<<` brings and that are not given; of several sources the first wins.
    pub(super) fn close(mut self) -> Result<Vec<Entry>, Problem> {
        for node in self.merged {
            let sources = match node.content {
                Content::Sequence(items) => items,
                content => vec![Node {
                    at: node.at,
                    content,
                }],
            };
            for source in sources {
                let Content::Mapping(more) = source.content else {
                    let message = "only objects can be merged with <<";
                    return Err(Problem::syntax(Some(source.at), message));
                };
                let fresh = |entry: &Entry| self.seen.insert(entry.key.clone());
                self.entries.extend(more.into_iter().filter(fresh));
            }
        }
        Ok(self.entries)
    }
}

impl Key {
    fn of(node: Node) -> Result<Self, Problem> {
        match node.content {
            Content::Scalar { text, plain } => Ok(Self {
                text,
                at: node.at,
                plain,
            }),
            _ => {
                let message = "a key must be a word, not a list or an object";
                Err(Problem::syntax(Some(node.at), message))
            }
        }
    }
}
