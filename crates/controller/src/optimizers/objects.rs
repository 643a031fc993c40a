//! The objects of an optimizer in a pod, as Katib makes them.

use diwan_core::digest::{EMPTY, fnv1a};
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::ResumePolicy;
use diwan_core::view::{self, EXPERIMENT_LABEL};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use serde_json::{Map, Value, json};

use super::Optimizer;

/// Where an optimizer listens.
pub(super) const PORT: u16 = 6789;
/// On an optimizer's pod: the name of its Deployment.
pub(super) const DEPLOYMENT_LABEL: &str = "katib.kubeflow.org/deployment";
const SUGGESTION_LABEL: &str = "katib.kubeflow.org/suggestion";
/// The container's name.
const CONTAINER: &str = "suggestion";
/// Which service Katib's optimizers say is well.
const HEALTH: &str = "manager.v1beta1.Suggestion";
const VOLUME: &str = "suggestion-volume";
const MOUNT_PATH: &str = "/opt/katib/data";
/// On a Deployment: a digest of the pod that it was made for.
const TEMPLATE: &str = "diwan.dev/template";

/// The name of all of them.
pub(crate) fn name(record: &ExperimentRecord) -> String {
    let algorithm = record.spec.algorithm.as_ref();
    let algorithm = algorithm.map_or("", |algorithm| &algorithm.algorithm_name);
    format!("{}-{algorithm}", record.metadata.name)
}

fn labels(record: &ExperimentRecord) -> Value {
    json!({
        EXPERIMENT_LABEL: record.metadata.name,
        SUGGESTION_LABEL: record.metadata.name,
        DEPLOYMENT_LABEL: name(record),
    })
}

fn metadata(record: &ExperimentRecord) -> Value {
    json!({
        "name": name(record),
        "namespace": record.metadata.namespace,
        "labels": labels(record),
        "ownerReferences": [view::owner(record)],
    })
}

pub(super) fn service(record: &ExperimentRecord) -> Value {
    let port = json!({"name": "katib-api", "port": PORT, "targetPort": PORT});
    json!({
        "metadata": metadata(record),
        "spec": {"selector": {DEPLOYMENT_LABEL: name(record)}, "ports": [port]},
    })
}

/// The claim of an optimizer that keeps something on a volume.
pub(super) fn claim(record: &ExperimentRecord, optimizer: &Optimizer) -> Option<Value> {
    if record.spec.resume_policy != Some(ResumePolicy::FromVolume) {
        return None;
    }
    let spec = optimizer.claim.clone().unwrap_or_else(default_claim);
    Some(json!({"metadata": metadata(record), "spec": spec}))
}

/// What a claim asks for where nobody says.
pub(crate) fn default_claim() -> Value {
    let requests = json!({"requests": {"storage": "1Gi"}});
    json!({"accessModes": ["ReadWriteOnce"], "resources": requests})
}

/// One pod: what optimizers know is in their memory. A new one is begun only when the old one is gone.
pub(super) fn deployment(record: &ExperimentRecord, optimizer: &Optimizer) -> Value {
    let mut container = container(optimizer);
    let mut pod = json!({"containers": []});
    if claim(record, optimizer).is_some() {
        let path = optimizer.volume_mount_path.as_deref();
        let mount = json!({"name": VOLUME, "mountPath": path.unwrap_or(MOUNT_PATH)});
        let mounts = container.entry("volumeMounts").or_insert(json!([]));
        if let Some(mounts) = mounts.as_array_mut() {
            mounts.push(mount);
        }
        let claim = json!({"claimName": name(record)});
        pod["volumes"] = json!([{"name": VOLUME, "persistentVolumeClaim": claim}]);
    }
    if let Some(account) = &optimizer.service_account {
        pod["serviceAccountName"] = json!(account);
    }
    pod["containers"] = json!([container]);
    let template = fnv1a(EMPTY, pod.to_string().as_bytes());
    let mut metadata = metadata(record);
    metadata["annotations"] = json!({TEMPLATE: format!("{template:x}")});
    // A service mesh would want TLS of us.
    let annotations = json!({"sidecar.istio.io/inject": "false"});
    json!({
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": {DEPLOYMENT_LABEL: name(record)}},
            "template": {
                "metadata": {"labels": labels(record), "annotations": annotations},
                "spec": pod,
            },
        },
    })
}

/// Whether a Deployment was made of another configuration.
pub(super) fn is_outdated(deployment: &Deployment, wanted: &Value) -> bool {
    let known = deployment.annotations().get(TEMPLATE);
    known.map(String::as_str) != wanted["metadata"]["annotations"][TEMPLATE].as_str()
}

/// Why a Deployment makes no pod.
pub(super) fn failure(deployment: &Deployment) -> Option<String> {
    let conditions = deployment.status.as_ref()?.conditions.iter().flatten();
    let mut failures =
        conditions.filter(|one| one.type_ == "ReplicaFailure" && one.status == "True");
    failures.next()?.message.clone()
}

/// What `katib-config` says of the container wins. Katib's own limit of memory, 100 MiB, is too small for its own optimizers.
fn container(optimizer: &Optimizer) -> Map<String, Value> {
    let probe = |period: u32, failures: u32| {
        json!({
            "grpc": {"port": PORT, "service": HEALTH},
            "periodSeconds": period,
            "failureThreshold": failures,
        })
    };
    let mut container = optimizer.container.clone();
    let mut default = |field: &str, value: Value| {
        container.entry(field).or_insert(value);
    };
    default("name", json!(CONTAINER));
    default(
        "ports",
        json!([{"name": "katib-api", "containerPort": PORT}]),
    );
    default(
        "resources",
        json!({
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        }),
    );
    if optimizer.is_probed {
        default("readinessProbe", probe(1, 12));
        default("livenessProbe", probe(120, 12));
    }
    container
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_core::record::Progress;
    use diwan_core::resources::{ExperimentSpec, ObjectMeta};

    fn record(policy: ResumePolicy) -> ExperimentRecord {
        ExperimentRecord {
            metadata: ObjectMeta {
                name: "tune".to_owned(),
                ..ObjectMeta::default()
            },
            spec: ExperimentSpec {
                algorithm: serde_json::from_value(json!({"algorithmName": "mine"})).unwrap(),
                resume_policy: Some(policy),
                ..ExperimentSpec::default()
            },
            progress: Progress::default(),
        }
    }

    fn optimizer(more: Value) -> Optimizer {
        Optimizer {
            container: serde_json::from_value(more).unwrap(),
            is_probed: true,
            ..Optimizer::default()
        }
    }

    #[test]
    fn what_the_configuration_says_wins() {
        let limits = json!({"limits": {"memory": "100Mi"}});
        let mine = optimizer(json!({"image": "a", "resources": limits}));
        let made = deployment(&record(ResumePolicy::Never), &mine);
        let container = &made["spec"]["template"]["spec"]["containers"][0];
        assert_eq!(container["resources"], limits);
        assert_eq!(container["name"], CONTAINER);
        assert_eq!(container["readinessProbe"]["grpc"]["service"], HEALTH);
        assert_eq!(made["metadata"]["name"], "tune-mine");
    }

    #[test]
    fn a_volume_comes_with_its_policy_alone() {
        let mine = optimizer(json!({"image": "a"}));
        assert_eq!(claim(&record(ResumePolicy::LongRunning), &mine), None);
        let record = record(ResumePolicy::FromVolume);
        assert!(claim(&record, &mine).is_some());
        let pod = &deployment(&record, &mine)["spec"]["template"]["spec"];
        let mount = &pod["containers"][0]["volumeMounts"][0];
        assert_eq!(
            (&mount["name"], &mount["mountPath"]),
            (&json!(VOLUME), &json!(MOUNT_PATH))
        );
        assert_eq!(
            pod["volumes"][0]["persistentVolumeClaim"]["claimName"],
            "tune-mine"
        );
    }
}
