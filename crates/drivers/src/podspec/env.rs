//! A container's environment variables.

use serde_json::{Map, Value};

use super::expand::expand;
use super::find::{Candidate, text};
use super::{Scope, TemplateError};

/// The variables of a container and its caller, in order, each name once.
#[derive(Debug)]
pub(super) struct Variables {
    list: Vec<(String, String)>,
    /// How many at the front are the caller's and cannot be changed.
    fixed: usize,
}

impl Variables {
    /// The caller's variables, then the container's, each of which may refer to those before it.
    pub(super) fn resolve(
        candidate: &Candidate<'_>,
        scope: &Scope<'_>,
    ) -> Result<Self, TemplateError> {
        let mut variables = Self {
            list: scope.env.to_vec(),
            fixed: scope.env.len(),
        };
        refuse_env_from(candidate)?;
        let path = format!("{}.env", candidate.path);
        let entries = match candidate.container.get("env") {
            None | Some(Value::Null) => return Ok(variables),
            Some(Value::Array(entries)) => entries,
            Some(_) => return Err(problem(path, "must be a list of {name, value}")),
        };
        for (index, entry) in entries.iter().enumerate() {
            variables.add(&format!("{path}[{index}]"), entry, candidate, scope)?;
        }
        Ok(variables)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.list
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The container's first, so that the caller's win where a later one replaces an earlier one.
    pub(super) fn into_list(mut self) -> Vec<(String, String)> {
        self.list.rotate_left(self.fixed);
        self.list
    }

    fn add(
        &mut self,
        path: &str,
        entry: &Value,
        candidate: &Candidate<'_>,
        scope: &Scope<'_>,
    ) -> Result<(), TemplateError> {
        let Some(entry) = entry.as_object() else {
            return Err(problem(path, "must be an object with name and value"));
        };
        let name = name(path, entry)?;
        let value = match (entry.get("value"), entry.get("valueFrom")) {
            (None | Some(Value::Null), Some(Value::Object(source))) => {
                match referenced(path, source, candidate, scope)? {
                    Some(value) => value,
                    None => return Ok(()),
                }
            }
            (None | Some(Value::Null), _) => String::new(),
            (Some(value), _) => {
                let raw = text(&format!("{path}.value"), value)?;
                expand(&raw, |name| self.get(name))
            }
        };
        self.set(name, value);
        Ok(())
    }

    fn set(&mut self, name: String, value: String) {
        match self.list.iter().position(|(known, _)| *known == name) {
            Some(index) if index < self.fixed => {}
            Some(index) => self.list[index].1 = value,
            None => self.list.push((name, value)),
        }
    }
}

fn name(path: &str, entry: &Map<String, Value>) -> Result<String, TemplateError> {
    let path = format!("{path}.name");
    let name = text(&path, entry.get("name").unwrap_or(&Value::Null))?;
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(problem(path, "must not be empty nor contain '='"));
    }
    Ok(name)
}

/// The value of a `valueFrom`; none when an optional source is not there.
fn referenced(
    path: &str,
    source: &Map<String, Value>,
    candidate: &Candidate<'_>,
    scope: &Scope<'_>,
) -> Result<Option<String>, TemplateError> {
    let path = format!("{path}.valueFrom");
    if let Some(field) = source
        .get("fieldRef")
        .and_then(|field| field.get("fieldPath"))
    {
        let path = format!("{path}.fieldRef.fieldPath");
        let field = text(&path, field)?;
        return field_value(&field, candidate, scope).map(Some).ok_or_else(|| {
            problem(
                path,
                &format!("{field:?} is not known on a laptop; metadata.name, metadata.namespace, metadata.labels['…'] and metadata.annotations['…'] are"),
            )
        });
    }
    let optional = |source: &Value| {
        source
            .get("optional")
            .is_some_and(|optional| *optional == true)
    };
    if source.values().any(optional) {
        return Ok(None);
    }
    let kinds = source
        .keys()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    Err(problem(
        path,
        &format!(
            "{kinds} needs a cluster; on a laptop give a value, or leave the variable to Diwan's own environment"
        ),
    ))
}

fn field_value(field: &str, candidate: &Candidate<'_>, scope: &Scope<'_>) -> Option<String> {
    match field {
        "metadata.name" => Some(scope.trial.to_owned()),
        "metadata.namespace" => Some(scope.namespace.to_owned()),
        _ => {
            let (map, key) = field.strip_prefix("metadata.")?.split_once("['")?;
            let key = key.strip_suffix("']")?;
            let known = matches!(map, "labels" | "annotations");
            let value = || candidate.metadata?.get(map)?.get(key)?.as_str();
            known.then(|| value().unwrap_or_default().to_owned())
        }
    }
}

fn refuse_env_from(candidate: &Candidate<'_>) -> Result<(), TemplateError> {
    let Some(Value::Array(sources)) = candidate.container.get("envFrom") else {
        return Ok(());
    };
    let optional = |source: &Value| {
        let source = source.as_object().into_iter().flat_map(Map::values);
        source.into_iter().any(|source| {
            source
                .get("optional")
                .is_some_and(|optional| *optional == true)
        })
    };
    if sources.iter().all(optional) {
        return Ok(());
    }
    Err(problem(
        format!("{}.envFrom", candidate.path),
        "config maps and secrets need a cluster; on a laptop list the variables in env",
    ))
}

fn problem(path: impl Into<String>, problem: &str) -> TemplateError {
    TemplateError::Field {
        path: path.into(),
        problem: problem.to_owned(),
    }
}
