//! Templates that stand in a `ConfigMap` of a file.

use serde_json::Value;

use crate::manifest::{Document, Node};

/// `ConfigMap`s from files.
#[derive(Clone, Debug, Default)]
pub struct ConfigMaps(Vec<Document>);

impl ConfigMaps {
    /// Those among some documents.
    #[must_use]
    pub fn of(documents: impl IntoIterator<Item = Document>) -> Self {
        Self(
            documents
                .into_iter()
                .filter(|document| document.kind() == "ConfigMap")
                .collect(),
        )
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text at a key of the data, for [`Context::config_map`].
    ///
    /// # Errors
    /// What is not there, and what is there instead.
    pub fn read(&self, namespace: &str, name: &str, path: &str) -> Result<String, String> {
        let Some(map) = self.find(namespace, name) else {
            return Err(format!(
                "there is no ConfigMap {name} in namespace {namespace}"
            ));
        };
        let data = map.root.get("data").map(Node::to_value).unwrap_or_default();
        match data.get(path) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => {
                let keys: Vec<&str> = data
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(key, _)| key.as_str())
                    .collect();
                Err(format!(
                    "ConfigMap {name} has no {path}; it has [{}]",
                    keys.join(" ")
                ))
            }
        }
    }

    /// One without a namespace is found in any: a file leaves it to the one who applies it.
    pub(super) fn find(&self, namespace: &str, name: &str) -> Option<&Document> {
        self.0.iter().find(|map| {
            map.name() == name && (map.namespace() == namespace || map.namespace().is_empty())
        })
    }
}
