//! The kinds of Diwan's resources.

use kube::core::ApiResource;

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
