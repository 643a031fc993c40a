//! Documents → resources, by the schema of the resource: every wrong type, range and name is found, not only the first,
//! and what is right is kept, so that one typo does not hide the rest.

mod reader;
mod shape;

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::manifest::Node;
use crate::problem::{Problem, Problems};
use reader::Reader;
use shape::Shapes;

/// A resource as far as it could be understood, and what could not.
#[derive(Clone, Debug)]
pub struct Decoded<T> {
    /// The resource without its bad fields.
    pub value: T,
    /// What is wrong, with places.
    pub problems: Vec<Problem>,
}

/// Reads a resource from a document.
///
/// # Errors
/// Every unknown field, wrong type, number out of range and unsupported word.
pub fn decode<T: JsonSchema + DeserializeOwned + Default>(root: &Node) -> Result<T, Problems> {
    let decoded = decode_tolerant::<T>(root);
    Problems(decoded.problems).or(decoded.value)
}

/// Reads what it can of a resource. Bad fields are reported and left out; a misspelt one is read as what was meant.
#[must_use]
pub fn decode_tolerant<T: JsonSchema + DeserializeOwned + Default>(root: &Node) -> Decoded<T> {
    Decoder::new().decode_tolerant(root)
}

/// Reads many resources of one type.
pub struct Decoder<T> {
    shapes: Shapes,
    resource: PhantomData<fn() -> T>,
}

impl<T: JsonSchema + DeserializeOwned + Default> Decoder<T> {
    /// Works out the schema.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it takes time")]
    pub fn new() -> Self {
        Self {
            shapes: Shapes::of::<T>(),
            resource: PhantomData,
        }
    }

    /// As [`decode`], of a value that stands in no file: the problems have no places.
    ///
    /// # Errors
    /// As [`decode`].
    pub fn decode_value(&self, value: &Value) -> Result<T, Problems> {
        let decoded = self.decode_tolerant(&Node::from(value));
        let unplaced = |problem| Problem {
            at: None,
            ..problem
        };
        Problems(decoded.problems.into_iter().map(unplaced).collect()).or(decoded.value)
    }

    fn decode_tolerant(&self, root: &Node) -> Decoded<T> {
        let mut reader = Reader {
            shapes: &self.shapes,
            problems: Vec::new(),
        };
        let value = reader.read_at(self.shapes.root(), root, "", root.at);
        let mut problems = reader.problems;
        let value = value.map(serde_json::from_value).transpose();
        let value = value.unwrap_or_else(|error| {
            problems.push(Problem::syntax(None, error.to_string()));
            None
        });
        Decoded {
            value: value.unwrap_or_default(),
            problems,
        }
    }
}

/// The problem with its place in the document, unless it has one.
#[must_use]
pub fn located(mut problem: Problem, root: &Node) -> Problem {
    problem.at = problem.at.or_else(|| Some(root.locate(&problem.path)));
    problem
}

#[cfg(test)]
mod tests;
