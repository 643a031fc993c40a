//! Trial templates: a job with placeholders, and the job of one trial.
//!
//! Values are put into the strings of the parsed job, in one pass. So nothing in a value (quotes, line ends, `${…}`) can
//! break the job or be expanded again.

mod compile;
mod job;
mod mask;
mod pattern;
mod reference;
mod source;
mod stray;

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};
use thiserror::Error;

use crate::resources::ParameterAssignment;
use pattern::Tree;
use reference::Reference;

pub(crate) use source::{all_containers, unreadable};

/// Path of the field.
const TEMPLATE: &str = "spec.trialTemplate";

/// The trial that a job is made for.
#[derive(Clone, Copy, Debug)]
pub struct TrialIdentity<'a> {
    /// Its name; the job gets the same.
    pub name: &'a str,
    /// Its namespace; the job gets the same.
    pub namespace: &'a str,
}

/// A checked template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    job: Tree,
    parameters: Vec<Parameter>,
}

/// A placeholder and where its value comes from.
#[derive(Clone, Debug, PartialEq)]
struct Parameter {
    name: String,
    reference: Reference,
    /// What stands for the value of a conditional parameter while that has none.
    inactive: Option<String>,
}

/// Why a job could not be made. All of these are mistakes of the optimizer or of a template that names no search space.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RenderError {
    /// The trial has no value for a placeholder.
    #[error("unable to find parameter: {parameter} in parameter assignment [{assigned}]")]
    Missing {
        /// The parameter that the placeholder refers to.
        parameter: String,
        /// What the trial has values for.
        assigned: String,
    },
    /// The trial has a value that no placeholder takes.
    #[error("parameter {0} of the trial is used by no spec.trialTemplate.trialParameters")]
    Unused(String),
    /// Two keys of one object became the same.
    #[error("two keys of one object in spec.trialTemplate became {0:?}")]
    DuplicateKey(String),
}

impl Template {
    /// The job of a trial: every placeholder filled, `metadata.name` and `metadata.namespace` set. A conditional parameter
    /// without a value has the lowest or first one, so that the trial's program can read it.
    ///
    /// # Errors
    /// When the assignments are not those that the template needs, or make two keys of an object the same.
    pub fn render(
        &self,
        trial: &TrialIdentity<'_>,
        assignments: &[ParameterAssignment],
    ) -> Result<Map<String, Value>, RenderError> {
        let values = self.values(trial, assignments)?;
        let mut job = match self.job.render(&values)? {
            Value::Object(job) => job,
            _ => Map::new(),
        };
        let metadata = job
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if !metadata.is_object() {
            *metadata = Value::Object(Map::new());
        }
        metadata["name"] = trial.name.into();
        metadata["namespace"] = trial.namespace.into();
        Ok(job)
    }

    /// The search parameters that it needs a value of; one that is used twice comes twice.
    pub fn searched(&self) -> impl Iterator<Item = &str> {
        let parameters = self.parameters.iter();
        parameters.filter_map(|parameter| match &parameter.reference {
            Reference::Search(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The text of each placeholder, by its number.
    fn values<'a>(
        &'a self,
        trial: &TrialIdentity<'a>,
        assignments: &'a [ParameterAssignment],
    ) -> Result<Vec<&'a str>, RenderError> {
        let given: BTreeMap<&str, &str> = assignments
            .iter()
            .map(|assignment| (assignment.name.as_str(), assignment.value.as_str()))
            .collect();
        let mut unused: HashMap<&str, &str> =
            given.iter().map(|(name, value)| (*name, *value)).collect();
        let mut values = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            values.push(match &parameter.reference {
                Reference::TrialName => trial.name,
                Reference::TrialNamespace => trial.namespace,
                Reference::Fixed(text) => text,
                Reference::Search(name) => {
                    unused.remove(name.as_str());
                    let value = given.get(name.as_str()).copied();
                    value
                        .or(parameter.inactive.as_deref())
                        .ok_or_else(|| RenderError::Missing {
                            parameter: name.clone(),
                            assigned: given.keys().copied().collect::<Vec<_>>().join(" "),
                        })?
                }
            });
        }
        match unused.keys().min() {
            Some(name) => Err(RenderError::Unused((*name).to_owned())),
            None => Ok(values),
        }
    }
}

#[cfg(test)]
mod tests;
