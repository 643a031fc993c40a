use super::*;

fn config(kind: CollectorKind) -> Injection {
    Injection {
        foreign: vec![Foreign {
            kind,
            image: "example.com/collector:1".to_owned(),
            image_pull_policy: Some("Always".to_owned()),
            resources: None,
            wait_all_processes: Some(false),
            inject_security_context: false,
        }],
        early_stopping: Some("tune-median.team:6788".to_owned()),
        ..Injection::default()
    }
}

#[test]
fn a_collector_of_others_is_called_as_katib_calls_it() {
    let mut trial = trial(&json!({"source": {"filter": {"metricsFormat": ["(a)$(b)", "(c)(d)"]}}}));
    let rules = json!([{"name": "acc", "value": "0.5", "comparison": "less", "startStep": 4}]);
    trial.spec.early_stopping_rules = serde_json::from_value(rules).unwrap();
    let fields = json!({"command": ["/bin/sh", "-c"], "args": ["python t.py"]});
    let new = injected(&pod(&fields), &trial, &config(CollectorKind::StdOut));
    let mount = json!([{"name": "metrics-volume", "mountPath": "/var/log/katib"}]);
    assert_eq!(
        new["spec"]["containers"][1],
        json!({
            "name": "metrics-logger-and-collector",
            "image": "example.com/collector:1",
            "imagePullPolicy": "Always",
            "args": ["-t", "tune-a", "-m", "acc", "-o-type", "maximize", "-s-db", "katib-db-manager.kubeflow:6789",
                "-path", "/var/log/katib/metrics.log", "-f", "(a)$$(b);(c)(d)", "-w", "false",
                "-stop-rule", "acc;0.5;less;4", "-s-earlystop", "tune-median.team:6788"],
            "volumeMounts": mount,
        })
    );
    let primary = &new["spec"]["containers"][0];
    assert_eq!(primary["command"], json!(["/bin/sh", "-c"]));
    assert_eq!(
        primary["args"],
        json!([
            "python t.py 1>/var/log/katib/metrics.log 2>&1 || if test -f /var/log/katib/$$$$.pid && \
            [ $(head -n 1 /var/log/katib/$$.pid) = early-stopped ]; then echo Training Container was Early Stopped; \
            else echo Training Container was Failed; exit 1; fi && echo completed > /var/log/katib/$$$$.pid"
        ])
    );
    assert_eq!(primary["volumeMounts"], mount);
    assert_eq!(new["spec"]["shareProcessNamespace"], true);
    assert!(new["spec"]["initContainers"].is_null());
}

#[test]
fn files_and_endpoints_have_no_redirection() {
    let place = json!({"fileSystemPath": {"path": "/out/m.log", "kind": "File", "format": "JSON"}});
    let file = trial(&json!({"collector": {"kind": "File"}, "source": place}));
    let fields = json!({"command": ["python", "t.py"]});
    let new = injected(&pod(&fields), &file, &config(CollectorKind::File));
    let primary = &new["spec"]["containers"][0];
    assert_eq!(primary["command"], json!(["sh", "-c"]));
    assert_eq!(
        primary["args"],
        json!(["python t.py && echo completed > /out/$$$$.pid"])
    );
    let args = new["spec"]["containers"][1]["args"].to_string();
    assert!(
        args.contains(r#""-path","/out/m.log","-format","JSON","-w","false""#),
        "{args}"
    );
    let endpoint = trial(&json!({"collector": {"kind": "PrometheusMetric"}}));
    let new = injected(
        &pod(&json!({})),
        &endpoint,
        &config(CollectorKind::PrometheusMetric),
    );
    assert_eq!(new["spec"]["containers"][1]["name"], "metrics-collector");
    assert!(new["spec"]["containers"][0].get("command").is_none());
}

#[test]
fn other_kinds_are_diwans() {
    let new = injected(
        &pod(&json!({"command": ["c"]})),
        &stdout(),
        &config(CollectorKind::File),
    );
    assert_eq!(new["spec"]["initContainers"][0]["name"], "diwan-copy");
}

#[test]
fn a_shell_needs_a_command() {
    let mut new = injected(&pod(&json!({})), &stdout(), &config(CollectorKind::StdOut));
    assert_eq!(
        new["metadata"]["annotations"]["diwan.dev/not-collected"].take(),
        "the primary container names no command, which the collector of katib-config needs; name the image's ENTRYPOINT as \
         its command"
    );
}
