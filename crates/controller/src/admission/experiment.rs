//! Experiments on their way into the API server: defaulted, then judged, all at once.

use std::collections::HashSet;
use std::fmt;

use diwan_core::defaults::set_defaults;
use diwan_core::manifest::Node;
use diwan_core::problem::{Problem, ProblemKind};
use diwan_core::resources::Experiment;
use diwan_core::schema::{Decoder, decode_tolerant};
use diwan_core::validate::{Context, validate, validate_edit};
use serde_json::{Value, json};

use super::patch::{between, carry};
use super::review::{Request, Verdict, text};

/// Defaults and judges experiments. Kept, because working out their schema takes time.
pub struct Judge {
    decoder: Decoder<Experiment>,
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge").finish_non_exhaustive()
    }
}

impl Default for Judge {
    fn default() -> Self {
        Self {
            decoder: Decoder::new(),
        }
    }
}

/// What an optimizer says about an experiment and its settings, beside the rules that hold for all.
pub type Opinion<'a> = dyn Fn(&Experiment) -> Vec<Problem> + 'a;

/// An experiment as it was read.
pub(crate) struct Read {
    /// With its defaults.
    pub(crate) experiment: Experiment,
    /// What is wrong with its form.
    problems: Vec<Problem>,
    /// Fields that mean nothing.
    warnings: Vec<String>,
}

impl Judge {
    /// What the defaults add, as a patch; nothing else of the object changes.
    ///
    /// What is not of the form of an experiment is refused here already, with all that [`Self::validate`] would say: the API
    /// server checks the schema in between and would stop at that.
    #[must_use]
    pub fn mutate(
        &self,
        request: &Request,
        context: &Context<'_>,
        opinion: &Opinion<'_>,
    ) -> Verdict {
        if request.is_settled() {
            return Verdict::default();
        }
        let mut object = request.object.clone();
        tolerate(&mut object);
        let Ok(decoded) = self.decoder.decode_value(&object) else {
            let verdict = self.validate(request, context, opinion);
            if !verdict.problems.is_empty() {
                return verdict;
            }
            // Only unknown fields, of which `validate` warns.
            let read = self.read(&request.namespace, &request.object);
            return Verdict::patched(defaults(read.given(&object), &object, &request.object));
        };
        Verdict::patched(defaults(decoded, &object, &request.object))
    }

    /// Everything that is wrong with an experiment that is new or changes. What was wrong already is not held against a change.
    #[must_use]
    pub fn validate(
        &self,
        request: &Request,
        context: &Context<'_>,
        opinion: &Opinion<'_>,
    ) -> Verdict {
        if request.is_settled() {
            return Verdict::default();
        }
        let new = self.read(&request.namespace, &request.object);
        let mut problems = judge(&new, context, opinion);
        if request.operation == "UPDATE" {
            let old = self.read(&request.namespace, &request.old_object);
            let known: HashSet<String> = judge(&old, context, opinion).iter().map(text).collect();
            problems.retain(|problem| !known.contains(&text(problem)));
            problems.extend(validate_edit(&old.experiment, &new.experiment));
        }
        Verdict {
            problems,
            warnings: new.warnings,
            ..Verdict::default()
        }
    }

    /// An object of a namespace as an experiment with its defaults, as far as it is one.
    pub(crate) fn read(&self, namespace: &str, object: &Value) -> Read {
        let mut object = object.clone();
        tolerate(&mut object);
        let (mut experiment, found) = match self.decoder.decode_value(&object) {
            Ok(experiment) => (experiment, Vec::new()),
            Err(_) => {
                let decoded = decode_tolerant::<Experiment>(&Node::from(&object));
                (decoded.value, decoded.problems)
            }
        };
        if experiment.metadata.namespace.is_empty() {
            namespace.clone_into(&mut experiment.metadata.namespace);
        }
        set_defaults(&mut experiment);
        let (warnings, problems): (Vec<_>, Vec<_>) = found
            .into_iter()
            .map(|problem| Problem {
                at: None,
                ..problem
            })
            .partition(is_harmless);
        Read {
            experiment,
            problems,
            warnings: warnings.iter().map(text).collect(),
        }
    }
}

impl Read {
    /// The experiment before its defaults: as `object` says, as far as it can be read.
    fn given(&self, object: &Value) -> Experiment {
        serde_json::from_value(object.clone()).unwrap_or_else(|_| self.experiment.clone())
    }
}

/// Katib stores unknown fields and passes over them, so a field that it has and Diwan has not must not refuse a file. One that
/// is nearly the name of a known field is a slip, and would be passed over in silence.
fn is_harmless(problem: &Problem) -> bool {
    problem.kind == ProblemKind::Unknown && problem.hint.is_none()
}

fn defaults(given: Experiment, object: &Value, raw: &Value) -> Vec<Value> {
    let mut experiment = given;
    let before = json!(experiment.spec);
    set_defaults(&mut experiment);
    let after = json!(experiment.spec);
    let mut wanted = object.clone();
    if let Some(fields) = wanted.as_object_mut().filter(|_| before != after) {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        fields.insert("spec".to_owned(), carry(&before, &after, spec));
    }
    between(raw, &wanted)
}

/// All that is wrong. A field that could not be read is not judged again: what it holds is not what was written.
pub(crate) fn judge(read: &Read, context: &Context<'_>, opinion: &Opinion<'_>) -> Vec<Problem> {
    let unread: HashSet<&str> = read.problems.iter().map(|one| one.path.as_str()).collect();
    let mut found = validate(&read.experiment, context);
    found.retain(|problem| !outer_paths(&problem.path).any(|path| unread.contains(path)));
    let mut problems = read.problems.clone();
    problems.extend(found);
    if problems.is_empty() {
        problems = opinion(&read.experiment);
    }
    problems
}

/// A path and those of all that it is in: `a.b[0]`, `a.b`, `a`.
fn outer_paths(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices(['.', '[']).map(|(end, _)| end);
    ends.chain([path.len()]).map(|end| &path[..end])
}

/// `search.categorical` of Katib's Python SDK 0.19 writes the list as the distribution; it is stored as the list.
fn tolerate(object: &mut Value) {
    let parameters = object.pointer_mut("/spec/parameters");
    for parameter in parameters
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Some(space) = parameter
            .get_mut("feasibleSpace")
            .and_then(Value::as_object_mut)
        else {
            continue;
        };
        if space.get("distribution").is_some_and(Value::is_array) && !space.contains_key("list") {
            let list = space.remove("distribution").unwrap_or_default();
            space.insert("list".to_owned(), list);
        }
    }
}

#[cfg(test)]
mod tests;
