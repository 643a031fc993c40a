//! Nodes without machines: their kubelet says of every pod that it runs, and soon that it has succeeded.

use std::error::Error;
use std::time::Duration;

use diwan_drivers::kubernetes::TRIAL_LABEL;
use diwan_proto::katib::db_manager_client::DbManagerClient;
use diwan_proto::katib::{Metric, MetricLog, ObservationLog, ReportObservationLogRequest};
use futures_util::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tonic::transport::Channel;

const NODE: &str = "hollow-";
/// Pods that a node takes.
const PODS: u32 = 1000;
/// The controller manager forgets a node that is not heard of for 40 seconds.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Label on pods that never end.
pub(crate) const STAYS: &str = "hollow.diwan.dev/stays";

type Failure = Box<dyn Error>;

pub(crate) async fn play(client: Client, count: u32, db_manager: &str) -> Result<(), Failure> {
    let names: Vec<String> = (0..count).map(|index| format!("{NODE}{index}")).collect();
    for name in &names {
        register(&client, name).await?;
    }
    let channel = Channel::from_shared(format!("http://{db_manager}"))?.connect_lazy();
    let beats = tokio::spawn(beat(client.clone(), names));
    let pods: Api<Pod> = Api::all(client.clone());
    let mut events = watcher(pods, watcher::Config::default())
        .default_backoff()
        .boxed();
    while let Some(event) = events.next().await {
        if let Ok(Event::Apply(pod) | Event::InitApply(pod)) = event {
            tokio::spawn(advance(client.clone(), channel.clone(), pod));
        }
    }
    beats.abort();
    Ok(())
}

async fn register(client: &Client, name: &str) -> Result<(), Failure> {
    let nodes: Api<Node> = Api::all(client.clone());
    let leases: Api<Lease> = Api::namespaced(client.clone(), "kube-node-lease");
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}});
    let _ = nodes
        .create(&PostParams::default(), &serde_json::from_value(node)?)
        .await;
    let room = json!({"pods": PODS.to_string(), "cpu": "10000", "memory": "10000Gi"});
    let ready = json!({"type": "Ready", "status": "True", "reason": "Hollow"});
    let status = json!({"status": {"capacity": room, "allocatable": room, "conditions": [ready]}});
    nodes
        .patch_status(name, &PatchParams::default(), &Patch::Merge(&status))
        .await?;
    let untainted = json!({"spec": {"taints": null}});
    nodes
        .patch(name, &PatchParams::default(), &Patch::Merge(&untainted))
        .await?;
    let lease = json!({"metadata": {"name": name}, "spec": {"holderIdentity": name}});
    let _ = leases
        .create(&PostParams::default(), &serde_json::from_value(lease)?)
        .await;
    Ok(())
}

async fn beat(client: Client, names: Vec<String>) {
    let leases: Api<Lease> = Api::namespaced(client, "kube-node-lease");
    loop {
        for name in &names {
            let renewed = json!({"spec": {"renewTime": format!("{:.6}", now())}});
            let params = PatchParams::default();
            let _ = leases.patch(name, &params, &Patch::Merge(&renewed)).await;
        }
        tokio::time::sleep(HEARTBEAT).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// What is due about a pod of ours.
async fn advance(client: Client, channel: Channel, pod: Pod) {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
    if !node.is_some_and(|node| node.starts_with(NODE)) {
        return;
    }
    let pods: Api<Pod> = Api::namespaced(client, &pod.namespace().unwrap_or_default());
    if pod.metadata.deletion_timestamp.is_some() {
        let now = DeleteParams::default().grace_period(0);
        let _ = pods.delete(&pod.name_any(), &now).await;
        return;
    }
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let next = match phase {
        None | Some("Pending") => "Running",
        Some("Running") if !pod.labels().contains_key(STAYS) => {
            if let Some(trial) = pod.labels().get(TRIAL_LABEL) {
                report(channel, trial).await;
            }
            "Succeeded"
        }
        _ => return,
    };
    let status = json!({"status": status(&pod, next)});
    let params = PatchParams::default();
    let _ = pods
        .patch_status(&pod.name_any(), &params, &Patch::Strategic(&status))
        .await;
}

fn status(pod: &Pod, phase: &str) -> Value {
    let now = now();
    let state = match phase {
        "Running" => json!({"running": {"startedAt": now}, "terminated": null}),
        _ => {
            json!({"running": null, "terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": now}})
        }
    };
    let ready = if phase == "Running" { "True" } else { "False" };
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let containers: Vec<Value> = containers
        .map(|one| {
            json!({
                "name": one.name, "image": one.image, "imageID": "", "restartCount": 0,
                "ready": phase == "Running", "started": phase == "Running", "state": state,
            })
        })
        .collect();
    json!({
        "phase": phase, "startTime": now, "containerStatuses": containers,
        "conditions": [{"type": "Ready", "status": ready}, {"type": "ContainersReady", "status": ready}],
    })
}

/// Reports a value of the trial, as the collector in the pod would.
async fn report(channel: Channel, trial: &str) {
    let metric = Metric {
        name: "score".to_owned(),
        value: "0.5".to_owned(),
    };
    let log = MetricLog {
        time_stamp: now().to_string(),
        metric: Some(metric),
    };
    let request = ReportObservationLogRequest {
        trial_name: trial.to_owned(),
        observation_log: Some(ObservationLog {
            metric_logs: vec![log],
        }),
    };
    let mut client = DbManagerClient::new(channel);
    while client
        .report_observation_log(request.clone())
        .await
        .is_err()
    {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
