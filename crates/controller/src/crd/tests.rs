use std::fs;
use std::path::PathBuf;

use super::*;

fn file(name: &str) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../crds");
    root.join(format!("{name}.yaml"))
}

#[test]
fn the_files_are_what_the_types_say() {
    for (name, definition) in definitions() {
        let yaml = serde_saphyr::to_string(&definition).unwrap();
        let text = format!(
            "# Made of the types in crates/core/src/resources: UPDATE=1 cargo test -p diwan-controller crd\n{yaml}"
        );
        if std::env::var_os("UPDATE").is_some() {
            fs::write(file(&name), &text).unwrap();
        }
        let there = fs::read_to_string(file(&name)).unwrap_or_default();
        assert!(
            there == text,
            "crds/{name}.yaml is not what the types say; make it with UPDATE=1"
        );
    }
}

/// What Kubernetes asks of a structural schema, and Katib's users of Diwan.
fn check(path: &str, schema: &Value) {
    let fields = schema.as_object().unwrap();
    let known = [
        "description",
        "type",
        "nullable",
        "properties",
        "items",
        OPEN,
        AS_ONE,
    ];
    for field in fields.keys() {
        assert!(known.contains(&field.as_str()), "{path} has {field}");
    }
    let open = schema[OPEN] == true;
    match schema["type"].as_str() {
        Some("object") => assert!(open || path == ".metadata", "{path} drops unknown fields"),
        Some("array") => check(&format!("{path}[]"), &schema["items"]),
        Some(_) => {}
        None => assert!(open, "{path} has no type"),
    }
    let typed =
        schema["type"].is_string() && !["", ".metadata", ".apiVersion", ".kind"].contains(&path);
    assert!(!typed || schema["nullable"] == true, "{path} refuses null");
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        check(&format!("{path}.{name}"), schema);
    }
}

#[test]
fn they_are_structural_and_tolerant() {
    for (_, definition) in definitions() {
        check(
            "",
            &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
        );
    }
}

#[test]
fn they_say_what_there_is() {
    let all = definitions();
    let schema =
        |at: usize| &all[at].1["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    let spec = &schema(0)["spec"]["properties"];
    assert_eq!(spec["maxTrialCount"]["type"], "integer");
    assert_eq!(spec["objective"]["properties"]["type"]["type"], "string");
    let space = &spec["parameters"]["items"]["properties"]["feasibleSpace"]["properties"];
    assert!(space["min"].get("type").is_none(), "a number or its text");
    assert_eq!(
        spec["trialTemplate"]["properties"]["trialSpec"]["type"],
        "object"
    );
    assert_eq!(
        schema(0)["status"]["properties"]["trialsSucceeded"]["type"],
        "integer"
    );
    assert_eq!(
        schema(1)["status"]["properties"]["suggestionCount"]["type"],
        "integer"
    );
    assert_eq!(schema(2)["spec"]["properties"]["runSpec"][OPEN], true);
    // Several people may write one experiment's spec, each a part of it.
    assert_eq!(schema(0)["spec"].get(AS_ONE), None);
}

#[test]
fn everything_is_installed() {
    let text = |name: &str| fs::read_to_string(file(name)).unwrap();
    let kustomization = text("kustomization");
    let (_, listed) = kustomization.split_once("resources:\n").unwrap();
    let mut listed: Vec<&str> = listed
        .lines()
        .map(|line| line.trim_start_matches("- "))
        .collect();
    let entries = fs::read_dir(file("diwan").parent().unwrap()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut there: Vec<String> = names.filter(|name| name.ends_with(".yaml")).collect();
    there.retain(|name| name != "kustomization.yaml");
    there.sort();
    listed.sort_unstable();
    assert_eq!(listed, there);
    let roles = text("roles");
    let webhooks = format!("resourceNames: [{}]", crate::admission::registration::NAME);
    assert!(
        roles.contains(&webhooks),
        "the controller may not write its webhooks"
    );
}
