//! Dependencies point one way.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::harness::top;

/// What each crate of ours may depend on, among ours and among those that do IO.
const MAY_SEE: &[(&str, &[&str])] = &[
    ("diwan-core", &[]),
    ("diwan-algorithms", &["diwan-core"]),
    ("diwan-simulate", &["diwan-core", "diwan-algorithms"]),
    ("diwan-proto", &["diwan-core", "tonic"]),
    ("diwan-store", &["diwan-core", "sqlx", "tokio"]),
    ("diwan-collect", &["diwan-core"]),
    (
        "diwan-sidecar",
        &[
            "diwan-core",
            "diwan-collect",
            "diwan-proto",
            "tokio",
            "tonic",
        ],
    ),
    (
        "diwan-drivers",
        &["diwan-core", "diwan-simulate", "kube", "tokio"],
    ),
    (
        "diwan-server",
        &[
            "diwan-core",
            "diwan-algorithms",
            "diwan-proto",
            "diwan-store",
            "diwan-collect",
            "diwan-drivers",
            "tokio",
            "tonic",
        ],
    ),
    (
        "diwan-controller",
        &[
            "diwan-core",
            "diwan-collect",
            "diwan-store",
            "diwan-drivers",
            "diwan-server",
            "kube",
            "tokio",
        ],
    ),
];

/// Crates that do IO.
const IO: [&str; 4] = ["tokio", "sqlx", "tonic", "kube"];

#[test]
fn dependencies_point_one_way() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(top())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages: BTreeMap<&str, &Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["name"].as_str().unwrap(), package))
        .collect();
    for (name, may_see) in MAY_SEE {
        for dependency in packages[name]["dependencies"].as_array().unwrap() {
            let needed = dependency["name"].as_str().unwrap();
            let judged = needed.starts_with("diwan-") || IO.contains(&needed);
            let is_for_tests = dependency["kind"] == "dev";
            assert!(
                !judged || is_for_tests || may_see.contains(&needed),
                "{name} must not depend on {needed}"
            );
        }
    }
}
