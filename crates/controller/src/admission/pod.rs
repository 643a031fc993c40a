//! What a trial's pod gets on its way into the API server.
//!
//! All of a trial's pods get its labels, so that they can be found. The container that trains gets the trial's name. The pod
//! whose metrics count gets the collector: no shell, no root, no shared processes, no look at a registry; and whatever stands in
//! the way of that is said on the pod, which is created all the same.

mod collect;
mod command;
mod container;
mod foreign;
mod place;
mod security;

use std::fmt;

use diwan_core::resources::{CollectorKind, Trial};
use diwan_drivers::kubernetes::ATTEMPT_ANNOTATION;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::place::DIRECTORY;
use super::patch::between;
pub use foreign::Foreign;

/// On each of a trial's pods: its name.
pub const TRIAL_LABEL: &str = "katib.kubeflow.org/trial";
/// In the environment of the container that trains: the trial's name.
pub const TRIAL_VARIABLE: &str = "KATIB_TRIAL_NAME";
/// On a primary pod whose metrics no container collects: how they are had instead. `logs`: the controller reads its log.
pub const COLLECT_ANNOTATION: &str = "diwan.dev/collect";
/// On a primary pod whose metrics cannot be collected: why, in words for the trial's condition.
pub const NOT_COLLECTED_ANNOTATION: &str = "diwan.dev/not-collected";
/// The collector of standard output and files, as Katib calls it.
pub const LOG_COLLECTOR: &str = "metrics-logger-and-collector";
/// The collector of everything else, as Katib calls it.
pub const COLLECTOR: &str = "metrics-collector";

/// What the injected containers are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Injection {
    /// The image that has `/diwan-collect`.
    pub image: String,
    /// When to pull it; `None` leaves it to Kubernetes.
    pub image_pull_policy: Option<String>,
    /// Requests and limits of the collector; in a namespace with a quota, pods without them are refused.
    pub resources: Option<Value>,
    /// Where observations go: `host:port` of `DBManager`.
    pub db_manager: String,
    /// Where early stops are told: `host:port` of `EarlyStopping`.
    pub early_stopping: Option<String>,
    /// Whether the server knows restartable init containers (Kubernetes 1.29 and later do).
    pub native_sidecars: bool,
    /// The user of the collector where the pod names none. `None` leaves it to the image, as OpenShift wants it.
    pub user: Option<i64>,
    /// Collectors of others, which are used in place of Diwan's.
    pub foreign: Vec<Foreign>,
}

impl Default for Injection {
    fn default() -> Self {
        Self {
            image: "diwan.test/diwan:1".to_owned(),
            image_pull_policy: None,
            resources: Some(json!({
                "requests": {"cpu": "10m", "memory": "16Mi"},
                "limits": {"cpu": "500m", "memory": "128Mi"},
            })),
            db_manager: "katib-db-manager.kubeflow:6789".to_owned(),
            early_stopping: None,
            native_sidecars: true,
            user: Some(65_532),
            foreign: Vec::new(),
        }
    }
}

/// Whether a server of this version (as `/version` tells it: `1`, `33+`) knows restartable init containers unasked.
#[must_use]
pub fn has_native_sidecars(major: &str, minor: &str) -> bool {
    let number = |text: &str| -> u32 {
        let digits = text.trim_end_matches(|end: char| !end.is_ascii_digit());
        digits.parse().unwrap_or_default()
    };
    (number(major), number(minor)) >= (1, 29)
}

/// What was sent is no pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pod's {0}")]
pub struct Misshapen(&'static str);

/// The operations on a trial's pod; `None` if it is as it should be already.
///
/// # Errors
/// When the object is no pod.
pub fn inject(
    pod: &Value,
    trial: &Trial,
    config: &Injection,
) -> Result<Option<Vec<Value>>, Misshapen> {
    let mut new = shaped(pod)?;
    label(&mut new, trial);
    if let Some(index) = container::find(&new, &trial.spec.primary_container_name) {
        name_trial(&mut new["spec"]["containers"][index]);
        if is_primary(&new, trial)
            && !is_injected(&new, trial)
            && let Err(why) = collect::collect(&mut new, index, trial, config)
        {
            annotate(&mut new, NOT_COLLECTED_ANNOTATION, &why.to_string());
        }
    }
    let operations = between(pod, &new);
    Ok(Some(operations).filter(|operations| !operations.is_empty()))
}

/// The pod with all that is to be written into, there and of the right kind.
fn shaped(pod: &Value) -> Result<Value, Misshapen> {
    let containers = pod.pointer("/spec/containers").and_then(Value::as_array);
    let Some(containers) = containers else {
        return Err(Misshapen("spec.containers must be a list"));
    };
    if !containers.iter().all(Value::is_object) {
        return Err(Misshapen("containers must be objects"));
    }
    let mut pod = pod.clone();
    if !pod["metadata"].is_object() {
        pod["metadata"] = json!({});
    }
    Ok(pod)
}

/// Katib's labels win over the pod's own.
fn label(pod: &mut Value, trial: &Trial) {
    let labels = entry(&mut pod["metadata"], "labels");
    for (key, value) in &trial.metadata.labels {
        labels.insert(key.clone(), json!(value));
    }
    labels.insert(TRIAL_LABEL.to_owned(), json!(trial.metadata.name));
    if let Some(attempt) = trial.metadata.annotations.get(ATTEMPT_ANNOTATION) {
        annotate(pod, ATTEMPT_ANNOTATION, attempt);
    }
}

fn annotate(pod: &mut Value, key: &str, value: &str) {
    entry(&mut pod["metadata"], "annotations").insert(key.to_owned(), json!(value));
}

/// The name comes by the label, as in Katib: a pod template can be shared.
fn name_trial(container: &mut Value) {
    let env = list(container, "env");
    if !env.iter().any(|one| one["name"] == TRIAL_VARIABLE) {
        let path = format!("metadata.labels['{TRIAL_LABEL}']");
        let from = json!({"fieldRef": {"fieldPath": path}});
        env.push(json!({"name": TRIAL_VARIABLE, "valueFrom": from}));
    }
}

/// Whether it is the pod whose metrics count.
fn is_primary(pod: &Value, trial: &Trial) -> bool {
    let labels = &pod["metadata"]["labels"];
    let mut wanted = trial.spec.primary_pod_labels.iter();
    wanted.all(|(key, value)| labels.get(key).and_then(Value::as_str) == Some(value))
}

/// Whether a collector is there already: the request is one that is sent again, or the pod is made of one that ran.
fn is_injected(pod: &Value, trial: &Trial) -> bool {
    let mut names = vec![container::COPY, LOG_COLLECTOR, COLLECTOR];
    let collector = trial.spec.metrics_collector.as_ref();
    let custom = collector.and_then(|spec| spec.collector.as_ref()?.custom_collector.as_ref());
    names.extend(custom.and_then(|container| container.get("name")?.as_str()));
    ["containers", "initContainers"].into_iter().any(|field| {
        let containers = pod["spec"][field].as_array().into_iter().flatten();
        let mut found = containers.filter_map(|one| one.get("name")?.as_str());
        found.any(|name| names.contains(&name) && name != trial.spec.primary_container_name)
    })
}

/// The name of the container that collects, as Katib calls it.
fn collector_name(kind: CollectorKind) -> &'static str {
    match kind {
        CollectorKind::StdOut | CollectorKind::File => LOG_COLLECTOR,
        _ => COLLECTOR,
    }
}

/// Why nothing is collected of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Obstacle {
    /// The collector runs on Linux.
    Windows,
    /// A file in `/`, where no volume can be mounted.
    Root(String),
    /// A mount where Diwan's program must go.
    Taken,
    /// A mount whose directory depends on variables of the container.
    Variable(String),
    /// Nothing tells an ordinary container that the one beside it has ended.
    NoCommand,
    /// Katib's shell has nothing to run.
    NoShell,
    /// `Custom` without a container.
    NoContainer,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Windows => f.write_str("metrics are collected on Linux only; collector kind Push works on Windows"),
            Self::Root(path) => write!(
                f,
                "{path} cannot be shared with the collector; give the metrics a directory of their own, such as /metrics{path}"
            ),
            Self::Taken => write!(
                f,
                "the primary container mounts a volume at {DIRECTORY}, where the collector's program goes; mount it elsewhere"
            ),
            Self::Variable(directory) => write!(
                f,
                "the volume at {directory} is mounted with subPathExpr, which only its own container can expand; use subPath"
            ),
            Self::NoCommand => f.write_str(
                "the primary container names no command, and this Kubernetes has no native sidecars; \
                 name the image's ENTRYPOINT as its command",
            ),
            Self::NoShell => f.write_str(
                "the primary container names no command, which the collector of katib-config needs; \
                 name the image's ENTRYPOINT as its command",
            ),
            Self::NoContainer => {
                f.write_str("collector kind Custom needs metricsCollectorSpec.collector.customCollector")
            }
        }
    }
}

/// A field that is an object; made if it is not there.
fn entry<'a>(value: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    let slot = &mut value[key];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(map) => map,
        _ => unreachable!("it was made an object above"),
    }
}

/// A field that is a list; made if it is not there.
fn list<'a>(value: &'a mut Value, key: &str) -> &'a mut Vec<Value> {
    let slot = &mut value[key];
    if !slot.is_array() {
        *slot = Value::Array(Vec::new());
    }
    match slot {
        Value::Array(list) => list,
        _ => unreachable!("it was made a list above"),
    }
}

#[cfg(test)]
mod tests;
