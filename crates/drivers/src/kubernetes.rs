//! Trials as objects of a Kubernetes cluster, of any kind.
//!
//! A launch is an object that is named like its trial and belongs to the Trial, which says which attempt it is. It is made once:
//! [`Ledger::claim`] takes note of it where a crash does not reach, before anything is made. One watch for each kind that is in
//! use, begun when the first trial of it starts, tells every launch what has become of its object.

use kube::api::DynamicObject;

mod conditions;
mod driver;
mod hindrance;
mod kinds;
mod pods;
mod roster;

pub use conditions::{Verdict, verdict};
pub use driver::{Claim, KubernetesDriver, Ledger, lacks_rights};
pub use pods::{pods_of, told_by, waits_for};

/// Label on a trial's job, and on its pods, that names the trial.
pub const TRIAL_LABEL: &str = "katib.kubeflow.org/trial";
/// Annotation on a trial's job that says which attempt it is.
pub const ATTEMPT_ANNOTATION: &str = "diwan.dev/attempt";

/// Which attempt of its trial an object is.
fn attempt(object: &DynamicObject) -> Option<u32> {
    let annotations = object.metadata.annotations.as_ref()?;
    annotations.get(ATTEMPT_ANNOTATION)?.parse().ok()
}
