//! What is in a job's way, as it says itself: somebody has suspended it, or it has failed before. What its pods say of that is in
//! [`super::pods`].

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

/// Whose pods are made when the job's turn has come.
const QUEUE_LABEL: &str = "kueue.x-k8s.io/queue-name";

/// Where kinds are told to wait.
const SUSPENDED: [&str; 2] = ["/spec/suspend", "/spec/runPolicy/suspend"];

/// Where kinds count how often they have failed, and what each is called.
const FAILED_BEFORE: [(&str, &str); 3] = [
    ("/status/failed", "failures"),
    ("/status/restarts", "restarts"),
    ("/status/retryCount", "retries"),
];

/// What a batch/v1 Job says before it has ended, while its pods do.
const ENDS: [&str; 2] = ["FailureTarget", "SuccessCriteriaMet"];

/// What is in the way of a job that has not ended. The pods of one that is being deleted count as failed.
pub(super) fn hindrance(job: &DynamicObject) -> Option<String> {
    if job.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let kind = job.types.as_ref().map_or("job", |types| &types.kind);
    let is_true = |place: &&str| job.data.pointer(place).and_then(Value::as_bool) == Some(true);
    if SUSPENDED.iter().any(is_true) {
        return Some(match job.labels().get(QUEUE_LABEL) {
            Some(queue) => {
                format!("its {kind} is suspended: it waits for its turn in the queue {queue}")
            }
            None => format!("its {kind} is suspended"),
        });
    }
    let conditions = job.data.pointer("/status/conditions");
    let mut conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    if conditions.any(|one| ENDS.iter().any(|end| one["type"] == *end)) {
        return None;
    }
    FAILED_BEFORE.iter().find_map(|(place, what)| {
        let count = job.data.pointer(place)?.as_u64()?;
        (count > 0).then(|| format!("its {kind} goes on after {what}: {count}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(kind: &str, job: Value) -> Option<String> {
        let mut job = job;
        job["apiVersion"] = json!("any/v1");
        job["kind"] = json!(kind);
        job["metadata"]["name"] = json!("trial");
        hindrance(&serde_json::from_value(job).unwrap())
    }

    #[test]
    fn a_job_that_waits_says_so() {
        let of_queue =
            json!({"metadata": {"labels": {QUEUE_LABEL: "tuning"}}, "spec": {"suspend": true}});
        let told_of = |job| told("Job", job).unwrap_or_default();
        assert_eq!(
            told_of(of_queue),
            "its Job is suspended: it waits for its turn in the queue tuning"
        );
        let of_training = json!({"spec": {"runPolicy": {"suspend": true}}});
        assert_eq!(
            told("PyTorchJob", of_training).as_deref(),
            Some("its PyTorchJob is suspended")
        );
        let again = json!({"spec": {"suspend": false}, "status": {"failed": 2, "active": 1}});
        assert_eq!(told_of(again.clone()), "its Job goes on after failures: 2");
        let mut deleted = again;
        deleted["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        assert_eq!(told("Job", deleted), None);
        let restarts = json!({"status": {"restarts": 1}});
        assert_eq!(
            told("JobSet", restarts).as_deref(),
            Some("its JobSet goes on after restarts: 1")
        );
        let ends = json!({"status": {"failed": 1, "conditions": [{"type": "FailureTarget"}]}});
        for good in [
            ends,
            json!({}),
            json!({"status": {"failed": 0, "ready": 1}}),
        ] {
            assert_eq!(told("Job", good), None);
        }
    }
}
