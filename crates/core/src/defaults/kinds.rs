//! What is known of the kinds of job that a trial can be.

/// A kind of job: how it shows its end, and which of its pods is the one whose metrics count.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// `kind` in the template.
    pub name: &'static str,
    /// GJSON expression that tells success.
    pub success: &'static str,
    /// GJSON expression that tells failure.
    pub failure: &'static str,
    /// Labels of the primary pod; none: every pod of the job.
    pub primary_pod_labels: &'static [(&'static str, &'static str)],
}

const COMPLETE: &str = r#"status.conditions.#(type=="Complete")#|#(status=="True")#"#;
const COMPLETED: &str = r#"status.conditions.#(type=="Completed")#|#(status=="True")#"#;
const SUCCEEDED: &str = r#"status.conditions.#(type=="Succeeded")#|#(status=="True")#"#;
const FAILED: &str = r#"status.conditions.#(type=="Failed")#|#(status=="True")#"#;
const RAY_SUCCEEDED: &str = r#"status.[@this].#(jobStatus=="SUCCEEDED")#"#;
const RAY_FAILED: &str = r#"status.[@this].#(jobStatus=="FAILED")#"#;

const MASTER: &[(&str, &str)] = &[("training.kubeflow.org/job-role", "master")];
/// These jobs need no master: their first worker is it.
const FIRST_WORKER: &[(&str, &str)] = &[
    ("training.kubeflow.org/replica-index", "0"),
    ("training.kubeflow.org/replica-type", "worker"),
];
const FIRST_NODE: &[(&str, &str)] = &[
    ("batch.kubernetes.io/job-completion-index", "0"),
    ("jobset.sigs.k8s.io/replicatedjob-name", "node"),
];

/// The kind of a trial that is played, not run. It has no containers.
pub const SIMULATED: &str = "Simulated";

/// The kinds, a row each; `success`, `failure` and labels become the defaults of a template.
pub const KINDS: &[Kind] = &[
    kind("Job", COMPLETE, FAILED, &[]),
    kind("TFJob", SUCCEEDED, FAILED, MASTER),
    kind("PyTorchJob", SUCCEEDED, FAILED, MASTER),
    kind("XGBoostJob", SUCCEEDED, FAILED, MASTER),
    kind("MPIJob", SUCCEEDED, FAILED, MASTER),
    kind("PaddleJob", SUCCEEDED, FAILED, FIRST_WORKER),
    kind("JAXJob", SUCCEEDED, FAILED, FIRST_WORKER),
    kind("TrainJob", COMPLETE, FAILED, FIRST_NODE),
    kind("JobSet", COMPLETED, FAILED, &[]),
    kind("RayJob", RAY_SUCCEEDED, RAY_FAILED, &[]),
    kind(SIMULATED, COMPLETE, FAILED, &[]),
];

const fn kind(
    name: &'static str,
    success: &'static str,
    failure: &'static str,
    primary_pod_labels: &'static [(&'static str, &'static str)],
) -> Kind {
    Kind {
        name,
        success,
        failure,
        primary_pod_labels,
    }
}

/// The row of a kind.
#[must_use]
pub fn known_kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
