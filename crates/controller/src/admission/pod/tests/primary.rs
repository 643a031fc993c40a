use diwan_core::sidecar::SidecarConfig;

use super::*;

/// What the collector is told.
fn told(container: &Value) -> Value {
    let text = container["env"][0]["value"]
        .as_str()
        .unwrap()
        .replace("$$", "$");
    SidecarConfig::read(&text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn command(new: &Value) -> &Value {
    &new["spec"]["containers"][0]["command"]
}

#[test]
fn stdout_gets_a_native_sidecar_and_no_shell() {
    let fields =
        json!({"command": ["/bin/sh", "-c", "python t.py --lr=0.1"], "args": ["a b", "$(HOME)"]});
    let new = injected(&pod(&fields), &stdout(), &Injection::default());
    assert_eq!(
        *command(&new),
        json!([
            "/diwan/diwan-collect",
            "exec",
            "--dir",
            "/diwan",
            "--log",
            "/diwan/metrics.log",
            "--",
            "/bin/sh",
            "-c",
            "python t.py --lr=0.1",
            "a b",
            "$(HOME)"
        ])
    );
    assert!(new["spec"]["containers"][0].get("args").is_none());
    let mount = json!([{"name": "diwan-volume", "mountPath": "/diwan"}]);
    assert_eq!(new["spec"]["containers"][0]["volumeMounts"], mount);
    assert_eq!(
        new["spec"]["volumes"],
        json!([{"name": "diwan-volume", "emptyDir": {}}])
    );
    let [copy, watch] = new["spec"]["initContainers"].as_array().unwrap().as_slice() else {
        panic!("two containers are injected");
    };
    assert_eq!(copy["name"], "diwan-copy");
    assert_eq!(copy["command"], json!(["/diwan-collect", "copy", "/diwan"]));
    assert_eq!(copy["image"], "diwan.test/diwan:1");
    assert!(copy.get("restartPolicy").is_none());
    assert_eq!(watch["name"], "metrics-logger-and-collector");
    assert_eq!(
        watch["command"],
        json!([
            "/diwan-collect",
            "watch",
            "--grace",
            "25",
            "--last-words-bytes",
            "2457"
        ])
    );
    assert_eq!(watch["restartPolicy"], "Always");
    assert_eq!(watch["volumeMounts"], mount);
    assert_eq!(
        told(watch),
        json!({
            "version": 1, "trial": "tune-a", "namespace": "team",
            "dbManager": "katib-db-manager.kubeflow:6789",
            "objective": {"type": "maximize", "objectiveMetricName": "acc"},
            "metricsCollector": {"collector": {"kind": "StdOut"}},
            "dir": "/diwan", "log": "/diwan/metrics.log", "until": "terminated",
        })
    );
}

#[test]
fn rules_and_filters_are_told_as_they_are() {
    let mut trial = trial(&json!({"source": {"filter": {"metricsFormat": ["(a)$(b)$$"]}}}));
    let rule = json!([{"name": "acc", "value": "0.5", "comparison": "less", "startStep": 4}]);
    trial.spec.early_stopping_rules = serde_json::from_value(rule.clone()).unwrap();
    let mut pod = pod(&json!({"command": ["c"]}));
    pod["spec"]["restartPolicy"] = json!("OnFailure");
    pod["spec"]["terminationGracePeriodSeconds"] = json!(5);
    let config = Injection {
        early_stopping: Some("tune-median.team:6788".to_owned()),
        ..Injection::default()
    };
    let new = injected(&pod, &trial, &config);
    let watch = &new["spec"]["initContainers"][1];
    let text = watch["env"][0]["value"].as_str().unwrap();
    assert!(
        text.contains("(a)$$(b)$$$$"),
        "Kubernetes would replace $(b): {text}"
    );
    let told = told(watch);
    assert_eq!(told["restarts"], true);
    assert_eq!(
        told["earlyStopping"],
        json!({"address": "tune-median.team:6788", "rules": rule, "graceSeconds": 5})
    );
}

#[test]
fn without_native_sidecars_it_is_a_container_like_others() {
    let config = Injection {
        native_sidecars: false,
        ..Injection::default()
    };
    let new = injected(&pod(&json!({"command": ["c"]})), &stdout(), &config);
    assert_eq!(new["spec"]["initContainers"].as_array().unwrap().len(), 1);
    let watch = &new["spec"]["containers"][1];
    assert_eq!(watch["name"], "metrics-logger-and-collector");
    assert!(watch.get("restartPolicy").is_none());
    assert_eq!(told(watch)["until"], "ended");
}

#[test]
fn init_containers_of_the_pod_come_first() {
    let mut pod = pod(&json!({"command": ["c"]}));
    pod["spec"]["initContainers"] = json!([{"name": "own", "image": "i"}]);
    let new = injected(&pod, &stdout(), &Injection::default());
    let containers = new["spec"]["initContainers"].as_array().unwrap().iter();
    let names: Vec<&str> = containers
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["own", "diwan-copy", "metrics-logger-and-collector"]);
}

#[test]
fn files_are_shared() {
    for (kind, place, directory, name) in [
        (
            "File",
            json!({"path": "/out/m.log", "kind": "File"}),
            "/out",
            "metrics-logger-and-collector",
        ),
        (
            "TensorFlowEvent",
            json!({"path": "/out/tf/", "kind": "Directory"}),
            "/out/tf",
            "metrics-collector",
        ),
    ] {
        let trial =
            trial(&json!({"collector": {"kind": kind}, "source": {"fileSystemPath": place}}));
        let new = injected(
            &pod(&json!({"command": ["c"]})),
            &trial,
            &Injection::default(),
        );
        assert_eq!(
            *command(&new),
            json!(["/diwan/diwan-collect", "exec", "--dir", "/diwan", "--", "c"])
        );
        let mounts = &new["spec"]["containers"][0]["volumeMounts"];
        assert_eq!(
            mounts[1],
            json!({"name": "metrics-volume", "mountPath": directory})
        );
        let watch = &new["spec"]["initContainers"][1];
        assert_eq!(watch["name"], name);
        let mount = json!({"name": "metrics-volume", "mountPath": directory, "readOnly": true});
        assert_eq!(watch["volumeMounts"][1], mount);
        assert_eq!(told(watch)["log"], Value::Null);
        assert_eq!(
            new["spec"]["volumes"][1],
            json!({"name": "metrics-volume", "emptyDir": {}})
        );
    }
}

#[test]
fn a_volume_that_is_there_is_shared() {
    let place = json!({"fileSystemPath": {"path": "/data/out/m.log", "kind": "File"}});
    let trial = trial(&json!({"collector": {"kind": "File"}, "source": place}));
    let mounts = |path| json!([{"name": "claim", "mountPath": path, "subPath": "s", "mountPropagation": "None"}]);
    for (path, shared) in [
        ("/data/out", true),
        ("/data/", true),
        ("/dat", false),
        ("/data/out/m.log", false),
    ] {
        let fields = json!({"command": ["c"], "volumeMounts": mounts(path)});
        let new = injected(&pod(&fields), &trial, &Injection::default());
        let mount = &new["spec"]["initContainers"][1]["volumeMounts"][1];
        if shared {
            let wanted =
                json!({"name": "claim", "mountPath": path, "subPath": "s", "readOnly": true});
            assert_eq!(*mount, wanted);
        } else {
            assert_eq!(mount["name"], "metrics-volume", "{path}");
        }
    }
}

#[test]
fn without_a_command_the_container_is_left_as_it_is() {
    let fields = json!({"args": ["--epochs", "3"]});
    let new = injected(&pod(&fields), &stdout(), &Injection::default());
    assert_eq!(
        new["metadata"]["annotations"],
        json!({"diwan.dev/collect": "logs"})
    );
    assert_eq!(
        new["spec"]["containers"][0]["args"],
        json!(["--epochs", "3"])
    );
    assert!(new["spec"]["initContainers"].is_null());
    for kind in ["File", "TensorFlowEvent", "PrometheusMetric"] {
        let source = json!({"fileSystemPath": {"path": "/out/m", "kind": "File"}});
        let trial = trial(&json!({"collector": {"kind": kind}, "source": source}));
        let new = injected(&pod(&fields), &trial, &Injection::default());
        assert!(command(&new).is_null());
        assert_eq!(
            new["spec"]["containers"][0]["args"],
            json!(["--epochs", "3"])
        );
        assert_eq!(
            new["spec"]["initContainers"].as_array().unwrap().len(),
            2,
            "{kind}"
        );
    }
}

#[test]
fn obstacles_are_said_on_the_pod() {
    let file = |path: &str| {
        let place = json!({"fileSystemPath": {"path": path, "kind": "File"}});
        trial(&json!({"collector": {"kind": "File"}, "source": place}))
    };
    let said = |pod: &Value, trial: &Trial, config: &Injection| {
        let mut new = injected(pod, trial, config);
        let said = new["metadata"]["annotations"]["diwan.dev/not-collected"].take();
        assert!(new["spec"]["initContainers"].is_null());
        said.as_str().unwrap().to_owned()
    };
    let config = Injection::default();
    assert_eq!(
        said(&pod(&json!({"command": ["c"]})), &file("/m.log"), &config),
        "/m.log cannot be shared with the collector; give the metrics a directory of their own, such as /metrics/m.log"
    );
    let mounts = json!([{"name": "v", "mountPath": "/out", "subPathExpr": "$(POD)"}]);
    assert_eq!(
        said(
            &pod(&json!({"command": ["c"], "volumeMounts": mounts})),
            &file("/out/m"),
            &config
        ),
        "the volume at /out is mounted with subPathExpr, which only its own container can expand; use subPath"
    );
    let mounts = json!([{"name": "v", "mountPath": "/diwan/"}]);
    assert_eq!(
        said(
            &pod(&json!({"command": ["c"], "volumeMounts": mounts})),
            &stdout(),
            &config
        ),
        "the primary container mounts a volume at /diwan, where the collector's program goes; mount it elsewhere"
    );
    let old = Injection {
        native_sidecars: false,
        ..Injection::default()
    };
    assert_eq!(
        said(&pod(&json!({})), &file("/out/m"), &old),
        "the primary container names no command, and this Kubernetes has no native sidecars; name the image's ENTRYPOINT \
         as its command"
    );
    let mut windows = pod(&json!({"command": ["c"]}));
    windows["spec"]["os"] = json!({"name": "windows"});
    assert_eq!(
        said(&windows, &stdout(), &config),
        "metrics are collected on Linux only; collector kind Push works on Windows"
    );
}

#[test]
fn a_custom_collector_is_injected_as_it_is() {
    let own = json!({"name": "own", "image": "o", "args": ["-path", "/katib/m.log"]});
    let trial = trial(&json!({
        "collector": {"kind": "Custom", "customCollector": own},
        "source": {"fileSystemPath": {"path": "/katib/m.log", "kind": "File"}},
    }));
    let new = injected(
        &pod(&json!({"command": ["c"]})),
        &trial,
        &Injection::default(),
    );
    let mount = json!([{"name": "metrics-volume", "mountPath": "/katib"}]);
    let mut wanted = own;
    wanted["volumeMounts"] = mount.clone();
    assert_eq!(new["spec"]["containers"][1], wanted);
    assert_eq!(new["spec"]["containers"][0]["volumeMounts"], mount);
    assert_eq!(*command(&new), json!(["c"]));
    assert_eq!(new["spec"]["shareProcessNamespace"], true);
}
