//! The injected containers.

use diwan_core::resources::{CollectorKind, MetricsCollectorSpec, Trial};
use diwan_core::sidecar::{SidecarConfig, SidecarStopping, Until, VARIABLE, VERSION};
use serde_json::{Map, Value, json};

use super::{Injection, collector_name, list, place, security};

/// The init container that copies the program.
pub(super) const COPY: &str = "diwan-copy";
/// The program in its image.
const PROGRAM: &str = "/diwan-collect";
/// Between TERM and KILL of a pod that does not say.
const GRACE_SECONDS: u64 = 30;

/// The container of a name, by its index.
pub(super) fn find(pod: &Value, name: &str) -> Option<usize> {
    let containers = pod["spec"]["containers"].as_array()?;
    containers.iter().position(|one| one["name"] == name)
}

/// What `diwan-collect watch` is told.
fn told(
    pod: &Value,
    trial: &Trial,
    spec: &MetricsCollectorSpec,
    config: &Injection,
) -> SidecarConfig {
    let rules = &trial.spec.early_stopping_rules;
    let address = config.early_stopping.as_ref();
    let grace = pod["spec"]["terminationGracePeriodSeconds"].as_u64();
    SidecarConfig {
        version: VERSION,
        trial: trial.metadata.name.clone(),
        namespace: namespace(pod, trial).to_owned(),
        db_manager: config.db_manager.clone(),
        objective: trial.spec.objective.clone().unwrap_or_default(),
        metrics_collector: spec.clone(),
        early_stopping: address
            .filter(|_| !rules.is_empty())
            .map(|address| SidecarStopping {
                address: address.clone(),
                rules: rules.clone(),
                grace_seconds: grace.unwrap_or(GRACE_SECONDS),
            }),
        dir: place::DIRECTORY.into(),
        log: (spec.kind() == CollectorKind::StdOut).then(|| place::LOG.into()),
        until: if config.native_sidecars {
            Until::Terminated
        } else {
            Until::Ended
        },
        // Pods of no policy are restarted always.
        restarts: pod["spec"]["restartPolicy"] != "Never",
    }
}

/// Adds the collector and what it needs, `mounts` being what it shares with the primary container.
pub(super) fn add(
    pod: &mut Value,
    index: usize,
    trial: &Trial,
    spec: &MetricsCollectorSpec,
    config: &Injection,
    mounts: &[Value],
) {
    let told = json!(told(pod, trial, spec, config)).to_string();
    let variable = json!({"name": VARIABLE, "value": literal(&told)});
    let base = base(pod, index, config);
    let program = mounts.first().cloned();
    let copy = with(
        &base,
        json!({"name": COPY, "command": [PROGRAM, "copy", place::DIRECTORY], "volumeMounts": program.as_slice()}),
    );
    let mut watch = with(
        &base,
        json!({
            "name": collector_name(spec.kind()),
            "command": [
                PROGRAM, "watch", "--grace", delivery_seconds(pod).to_string(),
                "--last-words-bytes", message_bytes(pod).to_string(),
            ],
            "env": [variable],
            "volumeMounts": mounts,
        }),
    );
    list(&mut pod["spec"], "initContainers").push(copy);
    if config.native_sidecars {
        watch["restartPolicy"] = json!("Always");
        list(&mut pod["spec"], "initContainers").push(watch);
    } else {
        list(&mut pod["spec"], "containers").push(watch);
    }
}

/// How long the collector may deliver after TERM, so that it has some of the pod's grace left for its last words.
fn delivery_seconds(pod: &Value) -> u64 {
    let grace = pod["spec"]["terminationGracePeriodSeconds"].as_u64();
    let grace = grace.unwrap_or(GRACE_SECONDS);
    grace.saturating_sub((grace / 5).clamp(1, 5)).max(1)
}

/// The kubelet keeps so much of what a pod's containers say at their ends, and cuts it into equal shares.
const MESSAGES: usize = 12 << 10;
/// Our two, and two that others may add after us.
const MORE: usize = 4;

/// How much of the collector's last words is kept.
fn message_bytes(pod: &Value) -> usize {
    let count = |field: &str| pod["spec"][field].as_array().map_or(0, Vec::len);
    MESSAGES / (count("containers") + count("initContainers") + MORE)
}

fn namespace<'a>(pod: &'a Value, trial: &'a Trial) -> &'a str {
    match trial.metadata.namespace.as_str() {
        "" => pod["metadata"]["namespace"].as_str().unwrap_or_default(),
        namespace => namespace,
    }
}

/// What all injected containers have.
fn base(pod: &Value, index: usize, config: &Injection) -> Value {
    let mut base = json!({"name": "", "image": config.image});
    if let Some(policy) = &config.image_pull_policy {
        base["imagePullPolicy"] = json!(policy);
    }
    if let Some(resources) = resources(pod, config) {
        base["resources"] = resources;
    }
    let primary = &pod["spec"]["containers"][index];
    base["securityContext"] = security::context(pod, primary, config.user);
    base["terminationMessagePolicy"] = json!("FallbackToLogsOnError");
    base
}

/// In a pod of class Guaranteed the requests are raised to the limits, or the pod would lose its class, and with it the
/// processors that may be its own.
fn resources(pod: &Value, config: &Injection) -> Option<Value> {
    let mut resources = config.resources.clone()?;
    if is_guaranteed(pod) && resources["limits"].is_object() {
        resources["requests"] = resources["limits"].clone();
    }
    Some(resources)
}

fn is_guaranteed(pod: &Value) -> bool {
    let all = |field: &str| pod["spec"][field].as_array().cloned().unwrap_or_default();
    let mut containers = all("containers").into_iter().chain(all("initContainers"));
    containers.all(|container| {
        let resources = &container["resources"];
        ["cpu", "memory"].into_iter().all(|name| {
            let (limit, request) = (&resources["limits"][name], &resources["requests"][name]);
            !limit.is_null() && (request.is_null() || request == limit)
        })
    })
}

fn with(base: &Value, more: Value) -> Value {
    let mut fields = base.as_object().cloned().unwrap_or_default();
    if let Value::Object(more) = more {
        fields.extend(more);
    }
    Value::Object(fields.into_iter().collect::<Map<_, _>>())
}

/// A text as the value of a variable: Kubernetes replaces `$(NAME)` in it, and makes one `$` of two.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}
