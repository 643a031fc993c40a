use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::admission::patch::tests::patched;

mod foreign;
mod primary;
mod security;

/// A trial with a collector.
pub(super) fn trial(collector: &Value) -> Trial {
    serde_json::from_value(json!({
        "metadata": {"name": "tune-a", "namespace": "team", "labels": {"katib.kubeflow.org/experiment": "tune"}},
        "spec": {
            "objective": {"type": "maximize", "objectiveMetricName": "acc"},
            "primaryContainerName": "training",
            "metricsCollector": collector,
        },
    }))
    .unwrap()
}

/// A pod whose primary container has these fields.
pub(super) fn pod(fields: &Value) -> Value {
    let mut container = json!({"name": "training", "image": "i"});
    for (key, value) in fields.as_object().unwrap() {
        container[key] = value.clone();
    }
    json!({
        "metadata": {"generateName": "tune-a-", "namespace": "team"},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    })
}

/// The pod after the injection; what is injected stays as it is when asked for again.
pub(super) fn injected(pod: &Value, trial: &Trial, config: &Injection) -> Value {
    let operations = inject(pod, trial, config).unwrap().unwrap_or_default();
    let new = patched(pod, operations);
    assert_eq!(inject(&new, trial, config), Ok(None), "injected twice");
    new
}

pub(super) fn stdout() -> Trial {
    trial(&json!({"collector": {"kind": "StdOut"}}))
}

fn labels() -> Value {
    json!({"katib.kubeflow.org/experiment": "tune", "katib.kubeflow.org/trial": "tune-a"})
}

#[test]
fn a_pod_without_the_primary_container_gets_labels_only() {
    let mut worker = pod(&json!({"name": "mpi-worker", "command": ["sleep"]}));
    let new = injected(&worker, &stdout(), &Injection::default());
    worker["metadata"]["labels"] = labels();
    assert_eq!(new, worker);
}

#[test]
fn a_pod_that_is_not_the_primary_gets_labels_and_the_name() {
    let mut trial = stdout();
    let primary = [("role".to_owned(), "master".to_owned())];
    trial.spec.primary_pod_labels = primary.into();
    let mut worker = pod(&json!({"command": ["python"]}));
    worker["metadata"]["labels"] = json!({"role": "worker"});
    let new = injected(&worker, &trial, &Injection::default());
    assert_eq!(
        new["metadata"]["labels"]["katib.kubeflow.org/trial"],
        "tune-a"
    );
    let env = json!([{"name": "KATIB_TRIAL_NAME", "valueFrom": {
        "fieldRef": {"fieldPath": "metadata.labels['katib.kubeflow.org/trial']"},
    }}]);
    assert_eq!(new["spec"]["containers"][0]["env"], env);
    assert_eq!(new["spec"]["containers"][0]["command"], json!(["python"]));
    assert!(new["spec"]["initContainers"].is_null());
    worker["metadata"]["labels"]["role"] = json!("master");
    let new = injected(&worker, &trial, &Injection::default());
    assert_eq!(new["spec"]["initContainers"].as_array().unwrap().len(), 2);
}

#[test]
fn push_gets_no_collector() {
    let trial = trial(&json!({"collector": {"kind": "Push"}}));
    let new = injected(
        &pod(&json!({"command": ["python"]})),
        &trial,
        &Injection::default(),
    );
    assert_eq!(new["metadata"]["labels"], labels());
    assert_eq!(
        new["spec"]["containers"][0]["env"][0]["name"],
        TRIAL_VARIABLE
    );
    assert_eq!(
        new["spec"].as_object().unwrap().len(),
        2,
        "nothing but policy and containers"
    );
}

#[test]
fn what_is_no_pod_is_refused() {
    let refusal = inject(&json!({}), &stdout(), &Injection::default()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the pod's spec.containers must be a list"
    );
}

#[test]
fn servers_since_1_29_have_native_sidecars() {
    for (major, minor, native) in [
        ("1", "28", false),
        ("1", "29", true),
        ("1", "33+", true),
        ("2", "0", true),
        ("", "", false),
    ] {
        assert_eq!(has_native_sidecars(major, minor), native, "{major}.{minor}");
    }
}

fn any_collector() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"collector": {"kind": "StdOut"}}),
        json!({"collector": {"kind": "Push"}}),
        json!({"collector": {"kind": "PrometheusMetric"}, "source": {"httpGet": {"path": "/m", "port": 1}}}),
        json!({"collector": {"kind": "File"}, "source": {"fileSystemPath": {"path": "/out/m.log", "kind": "File"}}}),
        json!({"collector": {"kind": "File"}, "source": {"fileSystemPath": {"path": "/m.log", "kind": "File"}}}),
        json!({"collector": {"kind": "TensorFlowEvent"},
            "source": {"fileSystemPath": {"path": "/diwan", "kind": "Directory"}}}),
        json!({"collector": {"kind": "Custom", "customCollector": {"name": "own", "image": "o"}},
            "source": {"fileSystemPath": {"path": "/out", "kind": "Directory"}}}),
        json!({"collector": {"kind": "Custom"}}),
    ])
}

fn any_container() -> impl Strategy<Value = Value> {
    let word = || prop::collection::vec("[a$() \"]{0,4}", 0..3);
    let name = select(vec!["training", "other"]);
    let path = select(vec!["/out", "/", "/out/deeper", "/diwan", "/elsewhere"]);
    (name, word(), word(), prop::option::of(path), any::<bool>()).prop_map(
        |(name, command, args, path, expression)| {
            let mut container =
                json!({"name": name, "image": "i", "command": command, "args": args});
            if let Some(path) = path {
                container["volumeMounts"] = json!([{"name": "v", "mountPath": path}]);
                if expression {
                    container["volumeMounts"][0]["subPathExpr"] = json!("$(A)");
                }
            }
            container
        },
    )
}

proptest! {
    #[test]
    fn injecting_again_changes_nothing_and_the_pod_stays_valid(
        containers in prop::collection::vec(any_container(), 1..3),
        collector in any_collector(),
        native_sidecars in any::<bool>(),
    ) {
        let mut containers = containers;
        containers.dedup_by_key(|one| one["name"].clone());
        let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": containers, "volumes": [{"name": "v", "emptyDir": {}}]}});
        let config = Injection { native_sidecars, ..Injection::default() };
        let new = injected(&pod, &trial(&collector), &config);
        prop_assert_eq!(&new["metadata"]["labels"], &labels());
        let volumes: Vec<&Value> = new["spec"]["volumes"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        let lists = ["containers", "initContainers"].map(|field| new["spec"][field].as_array().cloned().unwrap_or_default());
        for container in lists.concat() {
            let mut paths = Vec::new();
            for mount in container["volumeMounts"].as_array().into_iter().flatten() {
                prop_assert!(volumes.contains(&&mount["name"]));
                prop_assert!(!paths.contains(&mount["mountPath"]), "{} twice", mount["mountPath"]);
                paths.push(mount["mountPath"].clone());
            }
        }
    }
}
