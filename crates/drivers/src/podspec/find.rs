//! Finds the primary container in a manifest of any kind.

use std::time::Duration;

use serde_json::{Map, Value};

use super::TemplateError;

/// Parts of a path that mark the replica that leads the others, strongest first.
const LEADERS: [&str; 7] = [
    "Master",
    "Chief",
    "Launcher",
    "headGroupSpec",
    "launcher",
    "leader",
    "driver",
];
/// A TrainJob names no containers; its trainer runs in the one that Trainer's runtimes call `node`.
const TRAINER: &str = "node";
/// Argo gives a template's only container this name.
const ARGO_MAIN: &str = "main";

/// A container that may be the trial.
#[derive(Clone, Debug)]
pub(super) struct Candidate<'a> {
    /// Where it stands, as `spec.template.spec.containers[0]`.
    pub(super) path: String,
    pub(super) name: String,
    pub(super) container: &'a Map<String, Value>,
    /// What surrounds it: a pod's specification, or nothing of the sort.
    pub(super) pod: Option<&'a Map<String, Value>>,
    /// Metadata of the pod template.
    pub(super) metadata: Option<&'a Map<String, Value>>,
    /// Smallest `activeDeadlineSeconds` on the way to it.
    pub(super) deadline: Option<u64>,
}

/// The container called `name`, of the leading replica if there are several.
pub(super) fn primary<'a>(
    manifest: &'a Map<String, Value>,
    name: &str,
) -> Result<Candidate<'a>, TemplateError> {
    let mut found = Vec::new();
    Walk::default().object(manifest, None, &mut found);
    let named = found.iter().filter(|candidate| candidate.name == name);
    match named.min_by_key(|candidate| rank(&candidate.path)) {
        Some(candidate) => Ok(candidate.clone()),
        None => Err(missing(name, &found)),
    }
}

fn rank(path: &str) -> usize {
    LEADERS
        .iter()
        .position(|leader| path.contains(leader))
        .unwrap_or(LEADERS.len())
}

fn missing(wanted: &str, candidates: &[Candidate<'_>]) -> TemplateError {
    let mut found: Vec<String> = Vec::new();
    for candidate in candidates {
        if !found.contains(&candidate.name) {
            found.push(candidate.name.clone());
        }
    }
    let distance = |name: &String| strsim::damerau_levenshtein(name, wanted);
    let close = found
        .iter()
        .filter(|name| distance(name) <= wanted.len() / 2);
    let nearest = close.min_by_key(|name| distance(name)).cloned();
    TemplateError::NoContainer {
        wanted: wanted.to_owned(),
        found,
        nearest,
    }
}

/// A walk through the manifest: where it is, and what it passed.
#[derive(Clone, Debug, Default)]
struct Walk {
    path: String,
    deadline: Option<u64>,
}

impl Walk {
    fn object<'a>(
        mut self,
        object: &'a Map<String, Value>,
        around: Option<&'a Map<String, Value>>,
        found: &mut Vec<Candidate<'a>>,
    ) {
        let policy = object
            .get("runPolicy")
            .and_then(Value::as_object)
            .and_then(deadline);
        self.deadline = [self.deadline, deadline(object), policy]
            .into_iter()
            .flatten()
            .min();
        if let Some(Value::Array(containers)) = object.get("containers") {
            self.pod(object, containers, around, found);
        }
        if let Some(Value::Object(container)) = object.get("container") {
            found.push(self.single("container", ARGO_MAIN, container, object));
        }
        if let Some(Value::Object(trainer)) = object.get("trainer") {
            found.push(self.single("trainer", TRAINER, trainer, object));
        }
        for (key, value) in object.iter().filter(|(key, _)| *key != "containers") {
            self.step(key).value(value, object, found);
        }
    }

    fn value<'a>(
        self,
        value: &'a Value,
        around: &'a Map<String, Value>,
        found: &mut Vec<Candidate<'a>>,
    ) {
        match value {
            Value::Object(object) => self.object(object, Some(around), found),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let mut walk = self.clone();
                    walk.path.push_str(&format!("[{index}]"));
                    walk.value(item, around, found);
                }
            }
            _ => {}
        }
    }

    fn step(&self, key: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            path: format!("{}{dot}{key}", self.path),
            deadline: self.deadline,
        }
    }

    fn pod<'a>(
        &self,
        pod: &'a Map<String, Value>,
        containers: &'a [Value],
        template: Option<&'a Map<String, Value>>,
        found: &mut Vec<Candidate<'a>>,
    ) {
        let path = self.step("containers").path;
        for (index, container) in containers.iter().enumerate() {
            let Some(container) = container.as_object() else {
                continue;
            };
            found.push(Candidate {
                path: format!("{path}[{index}]"),
                name: name_of(container).unwrap_or_default(),
                container,
                pod: Some(pod),
                metadata: template.and_then(metadata),
                deadline: self.deadline,
            });
        }
    }

    fn single<'a>(
        &self,
        key: &str,
        name: &str,
        container: &'a Map<String, Value>,
        around: &'a Map<String, Value>,
    ) -> Candidate<'a> {
        Candidate {
            path: self.step(key).path,
            name: name.to_owned(),
            container,
            pod: None,
            metadata: metadata(around),
            deadline: self.deadline,
        }
    }
}

fn metadata(object: &Map<String, Value>) -> Option<&Map<String, Value>> {
    object.get("metadata")?.as_object()
}

fn name_of(container: &Map<String, Value>) -> Option<String> {
    Some(container.get("name")?.as_str()?.to_owned())
}

fn deadline(object: &Map<String, Value>) -> Option<u64> {
    object.get("activeDeadlineSeconds")?.as_u64()
}

impl Candidate<'_> {
    /// A field that must be text.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, TemplateError> {
        match self.container.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => text(&format!("{}.{key}", self.path), value).map(Some),
        }
    }

    /// A field that must be a list of texts, each with its path.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<(String, String)>, TemplateError> {
        let path = format!("{}.{key}", self.path);
        let items = match self.container.get(key) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(other) => {
                let problem = format!("must be a list of strings, not {}", kind(other));
                return Err(TemplateError::Field { path, problem });
            }
        };
        let item = |(index, value)| {
            let path = format!("{path}[{index}]");
            text(&path, value).map(|text| (path, text))
        };
        items.iter().enumerate().map(item).collect()
    }

    pub(super) fn grace_period(&self) -> Option<Duration> {
        let seconds = self.pod?.get("terminationGracePeriodSeconds")?.as_u64()?;
        Some(Duration::from_secs(seconds))
    }
}

/// A value that must be text: what Kubernetes would refuse is refused here too.
pub(super) fn text(path: &str, value: &Value) -> Result<String, TemplateError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(TemplateError::Field {
            path: path.to_owned(),
            problem: format!("must be a string, not {}; put it in quotes", kind(other)),
        }),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
