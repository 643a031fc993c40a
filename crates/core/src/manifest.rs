//! Manifest files: YAML or JSON text, one document or several, each value with its line and column.

mod json;
mod node;
pub(crate) mod scalar;
mod yaml;

pub use node::{Content, Entry, Node};

use serde_json::Value;

use crate::problem::{Problem, Problems};

/// Largest text that is read, in bytes.
pub const MAX_BYTES: usize = 10 << 20;

/// One object of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its tree, with places.
    pub root: Node,
}

impl Document {
    /// `Experiment`, `ConfigMap` …; empty if it does not say.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.root.text("kind").unwrap_or_default()
    }

    /// `kubeflow.org/v1beta1` …; empty if it does not say.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.root.text("apiVersion").unwrap_or_default()
    }

    /// `metadata.name`; empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.metadata("name")
    }

    /// `metadata.namespace`; empty if it has none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.metadata("namespace")
    }

    /// The plain value, without places.
    #[must_use]
    pub fn value(&self) -> Value {
        self.root.to_value()
    }

    fn metadata(&self, field: &str) -> &str {
        self.root
            .get("metadata")
            .and_then(|metadata| metadata.text(field))
            .unwrap_or_default()
    }
}

/// The objects of a file, in order. Empty documents are left out; a `List` is taken apart.
///
/// # Errors
/// Syntax errors, duplicate keys, and documents that are no objects, all with line and column.
pub fn documents(text: &str) -> Result<Vec<Document>, Problems> {
    let (documents, problems) = read(text);
    Problems(problems).or(documents)
}

/// As [`documents`], with what could be read in spite of the problems.
pub(crate) fn read(text: &str) -> (Vec<Document>, Vec<Problem>) {
    if text.len() > MAX_BYTES {
        let message = format!("the text is too long; at most {MAX_BYTES} bytes are read");
        return (Vec::new(), vec![Problem::syntax(None, message)]);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let parsed = json::parse(text).unwrap_or_else(|| yaml::parse(text));
    let mut documents = Vec::new();
    let mut problems = parsed.problems;
    for root in parsed.roots {
        match root.content {
            Content::Mapping(_) => documents.extend(flatten(Document { root })),
            _ => {
                let problem = Problem::invalid("", root.to_value(), "a document must be an object");
                problems.push(Problem {
                    at: Some(root.at),
                    ..problem
                });
            }
        }
    }
    (documents, problems)
}

/// One YAML or JSON value, such as the job template in a ConfigMap.
///
/// # Errors
/// Syntax errors, duplicate keys, and a text that is not one object.
pub(crate) fn read_one(text: &str) -> Result<Node, Problems> {
    let mut found = documents(text)?;
    match (found.pop(), found.is_empty()) {
        (Some(document), true) => Ok(document.root),
        _ => Err(Problems(vec![Problem::syntax(
            None,
            "the text must hold one object",
        )])),
    }
}

fn flatten(document: Document) -> Vec<Document> {
    let is_list = document.kind() == "List" && document.api_version() == "v1";
    match document.root.get("items").map(|items| &items.content) {
        Some(Content::Sequence(items)) if is_list => items
            .iter()
            .map(|item| Document { root: item.clone() })
            .collect(),
        _ => vec![document],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_apart() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- kind: ConfigMap\n  metadata: {name: a, namespace: b}\n- kind: Job\n";
        let found = documents(text).unwrap();
        assert_eq!(
            found.iter().map(Document::kind).collect::<Vec<_>>(),
            ["ConfigMap", "Job"]
        );
        assert_eq!((found[0].name(), found[0].namespace()), ("a", "b"));
    }

    #[test]
    fn a_document_must_be_an_object() {
        let problems = documents("kind: Job\n---\n- 1\n").unwrap_err();
        assert_eq!(
            problems.to_string(),
            "3:1: Invalid value: [1]: a document must be an object"
        );
    }

    #[test]
    fn large_texts_are_refused_unread() {
        let problems = documents(&"#".repeat(MAX_BYTES + 1)).unwrap_err();
        assert!(
            problems
                .to_string()
                .contains("at most 10485760 bytes are read")
        );
    }

    #[test]
    fn json_and_byte_order_marks_are_read() {
        assert_eq!(
            documents("\u{feff}{\"kind\":\t\"Job\"}").unwrap()[0].kind(),
            "Job"
        );
    }
}
