//! What keeps a job from getting on, as it says itself: somebody has suspended it, or it has begun again. What its pods say of
//! that is in [`super::pods`].

use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::Value;

/// Whose pods are made when the job's turn has come.
const QUEUE_LABEL: &str = "kueue.x-k8s.io/queue-name";

/// Where kinds are told to wait.
const SUSPENDED: [&str; 2] = ["/spec/suspend", "/spec/runPolicy/suspend"];

/// Where kinds count what they began again, and what that means.
const BEGUN_AGAIN: [(&str, &str); 3] = [
    ("/status/failed", "pods of it have failed"),
    ("/status/restarts", "times it was begun again"),
    ("/status/retryCount", "times it was begun again"),
];

/// What a batch/v1 Job says before it has ended, while its pods do.
const ENDS: [&str; 2] = ["FailureTarget", "SuccessCriteriaMet"];

/// Why a job that has not ended does not get on; nothing while it does.
pub(super) fn hindrance(job: &DynamicObject) -> Option<String> {
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
    BEGUN_AGAIN.iter().find_map(|(place, what)| {
        let count = job.data.pointer(place)?.as_u64()?;
        (count > 0).then(|| format!("its {kind} goes on: {what}: {count}"))
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
        assert_eq!(told_of(again), "its Job goes on: pods of it have failed: 2");
        let restarts = json!({"status": {"restarts": 1}});
        assert_eq!(
            told("JobSet", restarts).as_deref(),
            Some("its JobSet goes on: times it was begun again: 1")
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
