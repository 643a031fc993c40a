use super::*;

fn context(pod: &Value) -> Value {
    let new = injected(pod, &stdout(), &Injection::default());
    let [copy, watch] = new["spec"]["initContainers"].as_array().unwrap().as_slice() else {
        panic!("two containers are injected");
    };
    assert_eq!(copy["securityContext"], watch["securityContext"]);
    assert!(new["spec"].get("shareProcessNamespace").is_none());
    watch["securityContext"].clone()
}

fn wanted(more: Value) -> Value {
    let mut context = json!({
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": true,
    });
    for (key, value) in more.as_object().unwrap() {
        context[key] = value.clone();
    }
    context
}

#[test]
fn nobody_in_particular() {
    let alone = context(&pod(&json!({"command": ["c"]})));
    assert_eq!(
        alone,
        wanted(json!({"runAsUser": 65532, "runAsNonRoot": true}))
    );
}

#[test]
fn a_restricted_pod_stays_restricted() {
    let own = json!({
        "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"},
        "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
    });
    let restricted = context(&pod(&json!({"command": ["c"], "securityContext": own})));
    let more = json!({"runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}});
    assert_eq!(restricted, wanted(more));
}

#[test]
fn what_the_pod_says_holds_for_the_collector() {
    let mut pod = pod(&json!({"command": ["c"]}));
    pod["spec"]["securityContext"] = json!({"runAsUser": 1000, "runAsGroup": 3000});
    assert_eq!(context(&pod), wanted(json!({"runAsNonRoot": true})));
    pod["spec"]["securityContext"] = json!({"runAsUser": 0});
    assert_eq!(context(&pod), wanted(json!({})));
}

#[test]
fn a_privileged_trial_does_not_make_a_privileged_collector() {
    let own = json!({"privileged": true, "capabilities": {"add": ["SYS_ADMIN"]}, "runAsUser": 0});
    let context = context(&pod(&json!({"command": ["c"], "securityContext": own})));
    assert_eq!(context, wanted(json!({"runAsUser": 0})));
}

#[test]
fn the_class_of_a_guaranteed_pod_is_kept() {
    let resources = json!({"limits": {"cpu": "4", "memory": "1Gi"}});
    let guaranteed = pod(&json!({"command": ["c"], "resources": resources}));
    let burstable = pod(&json!({"command": ["c"]}));
    for (pod, requests) in [
        (guaranteed, json!({"cpu": "500m", "memory": "128Mi"})),
        (burstable, json!({"cpu": "10m", "memory": "16Mi"})),
    ] {
        let new = injected(&pod, &stdout(), &Injection::default());
        assert_eq!(
            new["spec"]["initContainers"][1]["resources"]["requests"],
            requests
        );
    }
}
