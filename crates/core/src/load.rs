//! Files → experiments: read, decode, default and validate in one go, every problem with its line and column.

mod config_maps;

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};

use crate::defaults::set_defaults;
use crate::manifest::{self, Content, Document, Node};
use crate::problem::{Position, Problem, Problems, nearest};
use crate::resources::{DEFAULT_NAMESPACE, Experiment, ObjectMeta};
use crate::schema::{Decoded, decode_tolerant, located};
use crate::validate::{Context, validate};

pub use config_maps::ConfigMaps;

/// An experiment of a file.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As it is written: without defaults, not validated.
    pub experiment: Experiment,
    /// Where its fields stand.
    pub document: Document,
}

impl Loaded {
    /// The experiment with its defaults, if it can run.
    ///
    /// # Errors
    /// Everything that is wrong with it, with places.
    pub fn check(&self, context: &Context<'_>) -> Result<Experiment, Problems> {
        let (experiment, problems) = judge(self.experiment.clone(), &self.document, &[], context);
        Problems(problems).or(experiment)
    }

    /// The problem with the place of its field, for checks of one's own (an edit, settings of an algorithm).
    #[must_use]
    pub fn located(&self, problem: Problem) -> Problem {
        located(problem, &self.document.root)
    }
}

/// The experiments of a file, as they are written. Objects of other kinds are passed over.
///
/// # Errors
/// Syntax errors, unknown fields, wrong types, and a file without an experiment.
pub fn read_experiments(text: &str) -> Result<Vec<Loaded>, Problems> {
    let File {
        experiments,
        mut problems,
        ..
    } = File::open(text);
    let mut loaded = Vec::new();
    for (document, decoded) in experiments {
        problems.extend(decoded.problems);
        loaded.push(Loaded {
            experiment: decoded.value,
            document,
        });
    }
    sorted(problems).or(loaded)
}

/// The experiments of a file with their defaults, if all of them can run. Templates may stand in `ConfigMap`s of the same
/// file.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn check(text: &str, context: &Context<'_>) -> Result<Vec<Experiment>, Problems> {
    let File {
        experiments: found,
        maps,
        mut problems,
    } = File::open(text);
    let elsewhere = context.config_map;
    let read =
        |namespace: &str, name: &str, path: &str| match (maps.find(namespace, name), elsewhere) {
            (None, Some(read)) => read(namespace, name, path),
            _ => maps.read(namespace, name, path),
        };
    // A template that might stand on a cluster cannot be judged from here.
    let may_read = elsewhere.is_some() || !maps.is_empty();
    let context = Context {
        config_map: may_read.then_some(&read),
        ..*context
    };
    let mut experiments = Vec::new();
    let mut places = HashMap::new();
    for (document, decoded) in found {
        let (experiment, invalid) = judge(decoded.value, &document, &decoded.problems, &context);
        problems.extend(decoded.problems);
        problems.extend(invalid);
        problems.extend(repeated(&experiment.metadata, &document, &mut places));
        experiments.push(experiment);
    }
    sorted(problems).or(experiments)
}

/// What a file holds.
struct File {
    /// The documents that are experiments, or are meant to be, with what they say.
    experiments: Vec<(Document, Decoded<Experiment>)>,
    maps: ConfigMaps,
    /// What is wrong with the file as a whole.
    problems: Vec<Problem>,
}

impl File {
    fn open(text: &str) -> Self {
        let (documents, mut problems) = manifest::read(text);
        let kinds: Vec<String> = documents
            .iter()
            .map(|document| document.kind().to_owned())
            .collect();
        let (experiments, others): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(is_experiment);
        let decode = |mut document: Document| {
            tolerate(&mut document.root);
            let decoded = decode_tolerant(&document.root);
            (document, decoded)
        };
        let experiments: Vec<_> = experiments.into_iter().map(decode).collect();
        if experiments.is_empty() && problems.is_empty() {
            let message = match kinds.join(", ") {
                kinds if kinds.is_empty() => "the file is empty".to_owned(),
                kinds => format!("there is no Experiment in the file; it has {kinds}"),
            };
            problems.push(Problem::required("", message));
        }
        Self {
            experiments,
            maps: ConfigMaps::of(others),
            problems,
        }
    }
}

fn sorted(mut problems: Vec<Problem>) -> Problems {
    problems.sort_by_key(|problem| problem.at);
    Problems(problems)
}

/// Defaults and validates. A field with a problem of its own (`known`) is not judged again: what it holds is not what
/// was written.
fn judge(
    mut experiment: Experiment,
    document: &Document,
    known: &[Problem],
    context: &Context<'_>,
) -> (Experiment, Vec<Problem>) {
    set_defaults(&mut experiment);
    let known: HashSet<&str> = known.iter().map(|problem| problem.path.as_str()).collect();
    let fresh = |problem: &Problem| !outer_paths(&problem.path).any(|path| known.contains(path));
    let problems = validate(&experiment, context).into_iter().filter(fresh);
    let problems = problems
        .map(|problem| located(problem, &document.root))
        .collect();
    (experiment, problems)
}

/// A name that an experiment further up has, too. `places` says where the names so far stand.
fn repeated(
    metadata: &ObjectMeta,
    document: &Document,
    places: &mut HashMap<(String, String), Position>,
) -> Option<Problem> {
    if metadata.name.is_empty() {
        return None;
    }
    let namespace = match metadata.namespace.as_str() {
        "" => DEFAULT_NAMESPACE,
        namespace => namespace,
    };
    let path = "metadata.name";
    let at = document.root.locate(path);
    match places.entry((namespace.to_owned(), metadata.name.clone())) {
        Entry::Vacant(entry) => {
            entry.insert(at);
            None
        }
        Entry::Occupied(entry) => Some(Problem {
            message: format!("the experiment at {} has this name, too", entry.get()),
            at: Some(at),
            ..Problem::duplicate(path, metadata.name.as_str())
        }),
    }
}

/// A path and those of all that it is in: `a.b[0]`, `a.b`, `a`.
fn outer_paths(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices(['.', '[']).map(|(end, _)| end);
    ends.chain([path.len()])
        .map(|end| &path[..end])
        .filter(|outer| !outer.is_empty())
}

/// Also an experiment is what has no kind, or nearly the right one: validation will say so.
fn is_experiment(document: &Document) -> bool {
    document.kind().is_empty() || nearest(document.kind(), ["Experiment"]).is_some()
}

/// `search.categorical` of Katib's Python SDK 0.19 writes the list as the distribution; it is read as the list.
fn tolerate(root: &mut Node) {
    let Some(parameters) = field(root, "spec").and_then(|spec| field(spec, "parameters")) else {
        return;
    };
    let Content::Sequence(parameters) = &mut parameters.content else {
        return;
    };
    for parameter in parameters {
        let Some(space) = field(parameter, "feasibleSpace") else {
            continue;
        };
        let Content::Mapping(entries) = &mut space.content else {
            continue;
        };
        if entries.iter().any(|entry| entry.key == "list") {
            continue;
        }
        for entry in entries
            .iter_mut()
            .filter(|entry| entry.key == "distribution")
        {
            if matches!(entry.value.content, Content::Sequence(_)) {
                "list".clone_into(&mut entry.key);
            }
        }
    }
}

fn field<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    match &mut node.content {
        Content::Mapping(entries) => entries
            .iter_mut()
            .find(|entry| entry.key == name)
            .map(|entry| &mut entry.value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
