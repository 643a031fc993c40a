//! What a trial's pods say.

use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::{Api, DeleteParams, ListParams};
use kube::{Client, ResourceExt};

use super::TRIAL_LABEL;
use crate::driver::DriverError;

/// Why the pods of a trial failed or wait, in one line; nothing if they say nothing, or cannot be asked.
pub(super) async fn words(client: &Client, namespace: &str, trial: &str) -> Option<String> {
    let any = ListParams::default().match_any();
    let mut newest_first = pods_of(client, namespace, trial, &any).await.ok()?;
    newest_first.sort_by_key(|pod| std::cmp::Reverse(pod.creation_timestamp()));
    newest_first.iter().find_map(told_by)
}

/// Removes the pods of a trial by force.
pub(super) async fn kill(client: &Client, namespace: &str, trial: &str) -> Result<(), DriverError> {
    let cannot = |source| DriverError::Kubernetes {
        doing: format!("kill the pods of {trial}"),
        source: Box::new(source),
    };
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let any = ListParams::default().match_any();
    let left = pods_of(client, namespace, trial, &any).await;
    for pod in left.map_err(cannot)? {
        let now = DeleteParams::default().grace_period(0);
        match api.delete(&pod.name_any(), &now).await {
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => drop(other.map_err(cannot)?),
        }
    }
    Ok(())
}

/// The pods of a trial. Asked for [any](ListParams::match_any) of them, the API server looks into its memory, which may be late by
/// a moment; for all, it may read every pod of the namespace from etcd, so that a thousand who ask this are its end.
///
/// # Errors
/// When they cannot be listed.
pub async fn pods_of(
    client: &Client,
    namespace: &str,
    trial: &str,
    how: &ListParams,
) -> Result<Vec<Pod>, kube::Error> {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    // Pods that our webhook did not see have only the label that the job controller gives.
    for label in [TRIAL_LABEL, "batch.kubernetes.io/job-name"] {
        let of_trial = how.clone().labels(&format!("{label}={trial}"));
        let found = api.list(&of_trial).await?.items;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Why a pod that has not ended does not get on; nothing while it does.
#[must_use]
pub fn waits_for(pod: &Pod) -> Option<String> {
    let phase = pod.status.as_ref()?.phase.as_deref();
    (phase == Some("Pending") || phase == Some("Running"))
        .then(|| told_by(pod))
        .flatten()
}

/// Why a pod failed or waits; nothing if it says nothing of that.
#[must_use]
pub fn told_by(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let name = pod.name_any();
    let mut conditions = status.conditions.iter().flatten();
    let disrupted = conditions.find(|one| one.type_ == "DisruptionTarget" && one.status == "True");
    if let Some(disrupted) = disrupted {
        let (reason, message) = (disrupted.reason.as_deref(), disrupted.message.as_deref());
        return Some(format!(
            "pod {name} was disrupted: {}: {}",
            reason.unwrap_or("DisruptionTarget"),
            message.unwrap_or("it says no more")
        ));
    }
    if let Some(reason) = &status.reason {
        let message = status.message.as_deref().unwrap_or("it says no more");
        return Some(format!("pod {name}: {reason}: {message}"));
    }
    let of_containers = [&status.container_statuses, &status.init_container_statuses];
    let mut containers = of_containers.into_iter().flatten().flatten();
    if let Some(told) = containers.find_map(of_container) {
        return Some(format!("pod {name}, {told}"));
    }
    let mut conditions = status.conditions.iter().flatten();
    let waits = conditions.find(|one| one.type_ == "PodScheduled" && one.status == "False")?;
    let (reason, message) = (waits.reason.as_deref(), waits.message.as_deref());
    Some(format!(
        "pod {name} waits for a node: {}: {}",
        reason.unwrap_or("Unschedulable"),
        message.unwrap_or("the scheduler says no more")
    ))
}

fn of_container(container: &ContainerStatus) -> Option<String> {
    let states = [&container.state, &container.last_state];
    let mut states = states.into_iter().flatten();
    states.find_map(|state| {
        if let Some(ended) = state
            .terminated
            .as_ref()
            .filter(|ended| ended.exit_code != 0)
        {
            let reason = ended.reason.as_deref().unwrap_or("Error");
            let message = ended.message.as_deref().map(|words| format!(": {words}"));
            return Some(format!(
                "container {}: {reason}, exit code {}{}",
                container.name,
                ended.exit_code,
                message.unwrap_or_default()
            ));
        }
        let waiting = state.waiting.as_ref()?;
        let reason = waiting
            .reason
            .as_deref()
            .filter(|reason| !is_usual(reason))?;
        let message = waiting.message.as_deref().unwrap_or("it says no more");
        Some(format!("container {}: {reason}: {message}", container.name))
    })
}

/// Reasons for which every container waits once.
fn is_usual(reason: &str) -> bool {
    matches!(reason, "ContainerCreating" | "PodInitializing")
}
