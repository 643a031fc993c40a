//! The kinds of Diwan's resources.

use kube::ResourceExt;
use kube::core::{ApiResource, DynamicObject};
use serde_json::{Value, json};

/// The group of Katib's resources.
pub const GROUP: &str = "kubeflow.org";
/// Their version.
pub const VERSION: &str = "v1beta1";

fn resource(kind: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        api_version: format!("{GROUP}/{VERSION}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    }
}

/// Experiments.
#[must_use]
pub fn experiments() -> ApiResource {
    resource("Experiment", "experiments")
}

/// Suggestions.
#[must_use]
pub fn suggestions() -> ApiResource {
    resource("Suggestion", "suggestions")
}

/// Trials.
#[must_use]
pub fn trials() -> ApiResource {
    resource("Trial", "trials")
}

/// The reference by which what belongs to one of them names it.
pub(crate) fn owner(resource: &ApiResource, object: &DynamicObject) -> Value {
    json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": object.name_any(),
        "uid": object.uid().unwrap_or_default(),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}
