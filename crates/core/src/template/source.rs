//! The job of a template, as it was written.

use serde_json::Value;

use super::pattern::Tree;
use super::{TEMPLATE, job, mask, stray};
use crate::problem::Problem;
use crate::resources::{TrialParameterSpec, TrialTemplate};

/// A job with placeholders.
pub(super) struct Source {
    pub(super) tree: Tree,
    /// The same as a value, placeholders being text.
    pub(super) job: Value,
    /// Where it stands.
    path: &'static str,
    /// Whether placeholders may become numbers.
    typed: bool,
}

impl Source {
    pub(super) fn of(template: &TrialTemplate, config_map: Option<&str>) -> Result<Self, Problem> {
        match (&template.trial_spec, config_map) {
            (Some(job), _) => {
                let job = Value::Object(job.clone());
                let path = "spec.trialTemplate.trialSpec";
                Ok(Self {
                    tree: Tree::from_value(&job),
                    job,
                    path,
                    typed: false,
                })
            }
            (None, Some(text)) => {
                let node =
                    mask::read(text).map_err(|problems| unreadable(&problems.to_string()))?;
                let path = "spec.trialTemplate.configMap";
                Ok(Self {
                    tree: Tree::from_node(&node),
                    job: node.to_value(),
                    path,
                    typed: true,
                })
            }
            (None, None) => Err(unreadable("the template is not there")),
        }
    }

    /// What is wrong with the job itself; `given` fills its placeholders.
    pub(super) fn problems(&self, given: &[TrialParameterSpec]) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.has_metadata("name") || self.has_metadata("namespace") {
            let message =
                "metadata.name and metadata.namespace in spec.trialTemplate must be omitted";
            problems.push(Problem::invalid(TEMPLATE, "", message));
        }
        let (version, kind) = (self.word("apiVersion"), self.word("kind"));
        if version.is_empty() || kind.is_empty() {
            let message = "APIVersion and Kind in spec.trialTemplate must be specified";
            problems.push(Problem::required(TEMPLATE, message));
        }
        let mut inside = stray::problems(&self.job, self.path, given);
        if (version, kind) == ("batch/v1", "Job") {
            inside.extend(job::problems(&self.job, self.path, self.typed));
        }
        if self.typed {
            // The job stands in another file: paths would lead nowhere.
            inside
                .iter_mut()
                .for_each(|problem| self.path.clone_into(&mut problem.path));
        }
        problems.extend(inside);
        problems
    }

    fn word(&self, field: &str) -> &str {
        self.job
            .get(field)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    fn has_metadata(&self, field: &str) -> bool {
        let value = self
            .job
            .get("metadata")
            .and_then(|metadata| metadata.get(field));
        value.is_some_and(|value| !value.is_null() && value != "")
    }
}

/// The refusal of a template that cannot be read.
pub(crate) fn unreadable(why: &str) -> Problem {
    Problem::invalid(
        TEMPLATE,
        "",
        format!("unable to parse spec.trialTemplate: {why}"),
    )
}

/// The names of all containers of a job: of every list called `containers` in it, or `sidecars`, as a `SparkApplication` has them.
pub(crate) fn all_containers(job: &Value) -> Vec<&str> {
    match job {
        Value::Array(items) => items.iter().flat_map(all_containers).collect(),
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(key, value)| containers_at(key, value))
            .collect(),
        _ => Vec::new(),
    }
}

fn containers_at<'a>(key: &str, value: &'a Value) -> Vec<&'a str> {
    match (key, value) {
        ("containers" | "sidecars", Value::Array(items)) => items
            .iter()
            .filter_map(|item| item.get("name"))
            .filter_map(Value::as_str)
            .collect(),
        _ => all_containers(value),
    }
}
