//! What is known of the kinds of job that a trial can be.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A job, as its template has it.
type Job = Map<String, Value>;
/// Labels of a pod.
type Labels = BTreeMap<String, String>;
/// Those that are the same for all jobs of a kind.
type Fixed = &'static [(&'static str, &'static str)];
type Names = &'static [&'static str];

/// A kind of job: how it shows its end, and which of its pods is the one whose metrics count.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The group of the template's `apiVersion`.
    pub group: &'static str,
    /// `kind` in the template.
    pub name: &'static str,
    /// GJSON expression that tells success.
    pub success: &'static str,
    /// GJSON expression that tells failure.
    pub failure: &'static str,
    /// Labels of a job's primary pod; none: every pod of the job.
    primary_pod_labels: fn(&Job, &str) -> Labels,
    /// The containers of a job that its operator adds: no template lists them.
    pub added_containers: fn(&Job) -> Names,
}

const COMPLETE: &str = r#"status.conditions.#(type=="Complete")#|#(status=="True")#"#;
const COMPLETED: &str = r#"status.conditions.#(type=="Completed")#|#(status=="True")#"#;
const SUCCEEDED: &str = r#"status.conditions.#(type=="Succeeded")#|#(status=="True")#"#;
const FAILED: &str = r#"status.conditions.#(type=="Failed")#|#(status=="True")#"#;
/// Aborted and Terminated are failures too.
const VOLCANO_FAILED: &str = r#"status.state.[@this].#(phase%"*ed")#|#(phase!="Completed")#"#;
const VOLCANO_COMPLETED: &str = r#"status.state.[@this].#(phase=="Completed")#"#;
/// `jobStatus` alone ends before the submitter's pod does.
const RAY_SUCCEEDED: &str =
    r#"status.[@this].#(jobDeploymentStatus=="Complete")#|#(jobStatus=="SUCCEEDED")#"#;
/// A failed `jobStatus` may be tried again, until the deployment says that it is over; up to `KubeRay` 1.1 as complete.
const RAY_FAILED: &str = r#"[status.[@this].#(jobDeploymentStatus%"*Failed")#,status.[@this].#(jobStatus=="STOPPED")#,status.[@this].#(jobDeploymentStatus=="Complete")#|#(jobStatus=="FAILED")#]|@flatten"#;
const SPARK_COMPLETED: &str = r#"status.applicationState.[@this].#(state=="COMPLETED")#"#;
/// `SUBMISSION_FAILED` is none: it is followed by another attempt, or by `FAILED`.
const SPARK_FAILED: &str = r#"status.applicationState.[@this].#(state=="FAILED")#"#;

const REPLICATED_JOB: &str = "jobset.sigs.k8s.io/replicatedjob-name";
const MASTER: Fixed = &[("training.kubeflow.org/job-role", "master")];
const LAUNCHER: Fixed = &[("training.kubeflow.org/job-role", "launcher")];
/// These jobs need no master: their first worker is it.
const FIRST_WORKER: Fixed = &[
    ("training.kubeflow.org/replica-index", "0"),
    ("training.kubeflow.org/replica-type", "worker"),
];
const FIRST_NODE: Fixed = &[
    ("batch.kubernetes.io/job-completion-index", "0"),
    (REPLICATED_JOB, "node"),
];
const FIRST_POD_OF_FIRST_JOB: Fixed = &[
    ("batch.kubernetes.io/job-completion-index", "0"),
    ("jobset.sigs.k8s.io/job-index", "0"),
];
const FIRST_JOB: Fixed = &[("jobset.sigs.k8s.io/job-index", "0")];
const DRIVER: Fixed = &[("spark-role", "driver")];

const SUBMITTER: Names = &["ray-job-submitter"];
const SPARK_CONTAINERS: Names = &["spark-kubernetes-driver"];

/// The kind of a trial that is played, not run. It has no containers.
pub const SIMULATED: &str = "Simulated";

const KUBEFLOW: &str = "kubeflow.org";
const TRAINER: &str = "trainer.kubeflow.org";
const JOB_SET: &str = "jobset.x-k8s.io";
const VOLCANO: &str = "batch.volcano.sh";
const SPARK: &str = "sparkoperator.k8s.io";

/// The kinds, a row each; `success`, `failure` and labels become the defaults of a template.
pub const KINDS: &[Kind] = &[
    kind("batch", "Job", COMPLETE, FAILED, any),
    kind(KUBEFLOW, "TFJob", SUCCEEDED, FAILED, master),
    kind(KUBEFLOW, "PyTorchJob", SUCCEEDED, FAILED, master),
    kind(KUBEFLOW, "XGBoostJob", SUCCEEDED, FAILED, master),
    kind(KUBEFLOW, "MPIJob", SUCCEEDED, FAILED, launcher),
    kind(KUBEFLOW, "PaddleJob", SUCCEEDED, FAILED, paddle_leader),
    kind(KUBEFLOW, "JAXJob", SUCCEEDED, FAILED, |_, _| {
        fixed(FIRST_WORKER)
    }),
    kind(TRAINER, "TrainJob", COMPLETE, FAILED, |_, _| {
        fixed(FIRST_NODE)
    }),
    kind(JOB_SET, "JobSet", COMPLETED, FAILED, first_of_job_set),
    kind("ray.io", "RayJob", RAY_SUCCEEDED, RAY_FAILED, any).adding(ray_submitter),
    kind(VOLCANO, "Job", VOLCANO_COMPLETED, VOLCANO_FAILED, any),
    kind(
        SPARK,
        "SparkApplication",
        SPARK_COMPLETED,
        SPARK_FAILED,
        |_, _| fixed(DRIVER),
    )
    .adding(|_| SPARK_CONTAINERS),
    kind("diwan.dev", SIMULATED, COMPLETE, FAILED, any),
];

const fn kind(
    group: &'static str,
    name: &'static str,
    success: &'static str,
    failure: &'static str,
    primary_pod_labels: fn(&Job, &str) -> Labels,
) -> Kind {
    Kind {
        group,
        name,
        success,
        failure,
        primary_pod_labels,
        added_containers: |_| &[],
    }
}

impl Kind {
    /// Labels of the primary pod of a job, whose primary `container` has this name; none: every pod of the job.
    #[must_use]
    pub fn primary_pod_labels(&self, job: &Job, container: &str) -> Labels {
        (self.primary_pod_labels)(job, container)
    }

    const fn adding(self, added_containers: fn(&Job) -> Names) -> Self {
        Self {
            added_containers,
            ..self
        }
    }
}

/// The row of a job's kind. One without `apiVersion`, which is refused for that, is told by its kind alone.
#[must_use]
pub fn known_kind(job: &Job) -> Option<&'static Kind> {
    let name = word(job, "kind")?;
    let group = word(job, "apiVersion").map(group_of);
    KINDS
        .iter()
        .find(|kind| kind.name == name && group.is_none_or(|group| group == kind.group))
}

fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

fn word<'a>(job: &'a Job, field: &str) -> Option<&'a str> {
    job.get(field)?.as_str().filter(|word| !word.is_empty())
}

fn fixed(labels: Fixed) -> Labels {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    labels.iter().map(owned).collect()
}

fn any(_: &Job, _: &str) -> Labels {
    Labels::new()
}

fn master(_: &Job, _: &str) -> Labels {
    fixed(MASTER)
}

/// The training operator calls it master, the MPI operator by its name.
fn launcher(mpi_job: &Job, _: &str) -> Labels {
    match word(mpi_job, "apiVersion") {
        Some("kubeflow.org/v2beta1") => fixed(LAUNCHER),
        _ => fixed(MASTER),
    }
}

fn paddle_leader(paddle_job: &Job, _: &str) -> Labels {
    match in_spec(paddle_job, "/paddleReplicaSpecs/Master") {
        Some(_) => fixed(MASTER),
        None => fixed(FIRST_WORKER),
    }
}

/// The first pod of the first job; of several replicated jobs that have the primary container, of the one that coordinates the
/// others, or else of the first. Jobs of a `JobSet` are indexed unless they say otherwise; pods of those that are not have no index.
fn first_of_job_set(job_set: &Job, container: &str) -> Labels {
    let jobs = in_spec(job_set, "/replicatedJobs").and_then(Value::as_array);
    let jobs: Vec<&Value> = jobs.into_iter().flatten().collect();
    let has_it = |job: &&&Value| {
        let containers = job.pointer("/template/spec/template/spec/containers");
        let mut containers = containers.and_then(Value::as_array).into_iter().flatten();
        containers.any(|one| one["name"] == container)
    };
    let having: Vec<&Value> = jobs.iter().filter(has_it).copied().collect();
    let coordinator = in_spec(job_set, "/coordinator");
    let leads = |job: &&&Value| coordinator.is_some_and(|one| one["replicatedJob"] == job["name"]);
    let leader = having.iter().find(leads).or(having.first());
    let is_indexed = |job: &&Value| {
        let mode = job.pointer("/template/spec/completionMode");
        mode.is_none_or(|mode| mode != "NonIndexed")
    };
    let mut labels = match leader.map_or_else(|| jobs.iter().all(is_indexed), is_indexed) {
        true => fixed(FIRST_POD_OF_FIRST_JOB),
        false => fixed(FIRST_JOB),
    };
    if let Some(name) = leader.and_then(|job| job["name"].as_str())
        && having.len() > 1
    {
        labels.insert(REPLICATED_JOB.to_owned(), name.to_owned());
    }
    labels
}

/// `KubeRay` submits in a pod of its own, or beside the head, unless told otherwise.
fn ray_submitter(ray_job: &Job) -> Names {
    let given = in_spec(ray_job, "/submitterPodTemplate").is_some();
    let mode = in_spec(ray_job, "/submissionMode").and_then(Value::as_str);
    match mode {
        Some("HTTPMode" | "InteractiveMode") => &[],
        _ if given => &[],
        _ => SUBMITTER,
    }
}

/// What stands at a path of the job's spec.
fn in_spec<'a>(job: &'a Job, path: &str) -> Option<&'a Value> {
    let found = job.get("spec")?.pointer(path);
    found.filter(|value| !value.is_null())
}
