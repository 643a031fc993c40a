//! What many want of a cluster at once, and how long that takes.

use std::collections::HashSet;
use std::error::Error;
use std::time::Duration;

use diwan_controller::kinds;
use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use kube::core::ApiResource;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::nodes::STAYS;

type Failure = Box<dyn Error>;

/// Requests of the bare client at one time.
const AT_ONCE: usize = 64;
/// Label of the pods that are counted.
const RUN: &str = "hollow.diwan.dev/run";
const NAMESPACE: &str = "default";

/// Creates so many Jobs, and prints how many seconds it took until all their pods ran.
pub(crate) async fn jobs(client: Client, count: u32) -> Result<(), Failure> {
    let jobs: Api<Job> = Api::namespaced(client.clone(), NAMESPACE);
    let began = Instant::now();
    let counting = tokio::spawn(all_run(client, "jobs", count));
    stream::iter(0..count)
        .map(|index| {
            let mut job = job("jobs", true);
            job["metadata"] = json!({"name": format!("bare-{index}")});
            let jobs = jobs.clone();
            async move {
                let job = serde_json::from_value(job)?;
                jobs.create(&PostParams::default(), &job).await?;
                Ok::<(), Failure>(())
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    let created = began.elapsed();
    counting.await??;
    println!(
        "{:.1} created in {:.1}",
        began.elapsed().as_secs_f64(),
        created.as_secs_f64()
    );
    Ok(())
}

/// Creates so many Experiments of as many parallel trials, and prints how many seconds it took until all pods ran.
pub(crate) async fn experiments(client: Client, count: u32, parallel: u32) -> Result<(), Failure> {
    let api = api_of(&client, &kinds::experiments());
    let began = Instant::now();
    let counting = tokio::spawn(all_run(client, "trials", count * parallel));
    let parameters = [double("x", 0.0, 1.0, 0.0)];
    stream::iter(0..count)
        .map(|index| {
            let name = format!("many-{index}");
            let made = experiment(
                &name,
                "random",
                (parallel, parallel),
                &parameters,
                job("trials", true),
            );
            let api = api.clone();
            async move {
                api.create(&PostParams::default(), &serde_json::from_value(made)?)
                    .await?;
                Ok::<(), Failure>(())
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect::<()>()
        .await?;
    counting.await??;
    println!("{:.1}", began.elapsed().as_secs_f64());
    Ok(())
}

/// Runs so many trials of one grid of 14,500, and prints the seconds that they took, the second and the last part of them (a
/// thousand, or a third), and the largest object.
pub(crate) async fn grid(client: Client, parallel: u32, trials: u32) -> Result<(), Failure> {
    let sizes = [29.0, 10.0, 10.0, 5.0];
    let names = ["a", "b", "c", "d"];
    let parameters: Vec<Value> = names
        .iter()
        .zip(sizes)
        .map(|(name, size)| double(name, 1.0, size, 1.0))
        .collect();
    let api = api_of(&client, &kinds::experiments());
    let made = experiment(
        "grid",
        "grid",
        (parallel, trials),
        &parameters,
        job("grid", false),
    );
    let began = Instant::now();
    api.create(&PostParams::default(), &serde_json::from_value(made)?)
        .await?;
    let mut marks = Vec::new();
    let mut largest = 0;
    loop {
        let found = api.get("grid").await?;
        largest = largest.max(serde_json::to_vec(&found)?.len());
        let done = found.data["status"]["trialsSucceeded"]
            .as_u64()
            .unwrap_or_default();
        marks.push((done, began.elapsed().as_secs_f64()));
        let conditions = found.data["status"]["conditions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        if let Some(end) = conditions
            .iter()
            .find(|one| one["status"] == "True" && one["type"] == "Failed")
        {
            return Err(format!("the experiment failed: {end}").into());
        }
        if done >= u64::from(trials) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let at = |wanted: u64| {
        let mark = marks.iter().find(|(done, _)| *done >= wanted);
        mark.map_or(0.0, |(_, seconds)| *seconds)
    };
    let total = u64::from(trials);
    let part = (total / 3).min(1000);
    let first = at(2 * part) - at(part);
    let last = at(total) - at(total - part);
    for resource in [kinds::suggestions(), kinds::trials()] {
        largest = largest.max(largest_of(&client, &resource).await?);
    }
    println!(
        "{:.1} first {first:.1} last {last:.1} largest {largest}",
        at(total)
    );
    Ok(())
}

async fn largest_of(client: &Client, resource: &ApiResource) -> Result<usize, Failure> {
    let api = api_of(client, resource);
    let some = api.list(&ListParams::default().limit(500)).await?;
    let sizes = some
        .items
        .iter()
        .map(|one| serde_json::to_vec(one).map_or(0, |text| text.len()));
    Ok(sizes.max().unwrap_or_default())
}

/// Waits until so many pods run.
async fn all_run(client: Client, run: &'static str, count: u32) -> Result<(), String> {
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    let config = watcher::Config::default().labels(&format!("{RUN}={run}"));
    let mut events = watcher(pods, config).boxed();
    let mut running = HashSet::new();
    while let Some(event) = events.next().await {
        if let Ok(Event::Apply(pod) | Event::InitApply(pod)) = event
            && pod
                .status
                .as_ref()
                .and_then(|status| status.phase.as_deref())
                == Some("Running")
        {
            running.insert(pod.name_any());
        }
        if running.len() >= count as usize {
            return Ok(());
        }
    }
    Err("the watch ended".to_owned())
}

fn api_of(client: &Client, resource: &ApiResource) -> Api<DynamicObject> {
    Api::namespaced_with(client.clone(), NAMESPACE, resource)
}

fn double(name: &str, min: f64, max: f64, step: f64) -> Value {
    let mut space = json!({"min": min.to_string(), "max": max.to_string()});
    if step > 0.0 {
        space["step"] = json!(step.to_string());
    }
    json!({"name": name, "parameterType": "double", "feasibleSpace": space})
}

fn job(run: &str, stays: bool) -> Value {
    let mut labels = json!({RUN: run});
    if stays {
        labels[STAYS] = json!("true");
    }
    let container = json!({
        "name": "main", "image": "hollow", "command": ["/train"],
        "resources": {"requests": {"cpu": "1m"}},
    });
    let spec = json!({
        "restartPolicy": "Never", "automountServiceAccountToken": false, "containers": [container],
        "terminationGracePeriodSeconds": 0,
    });
    let template = json!({"metadata": {"labels": labels}, "spec": spec});
    json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"backoffLimit": 0, "template": template}})
}

fn experiment(
    name: &str,
    algorithm: &str,
    (parallel, trials): (u32, u32),
    parameters: &[Value],
    mut job: Value,
) -> Value {
    let names: Vec<&str> = parameters
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    let used: Vec<Value> = names
        .iter()
        .map(|name| json!(format!("${{trialParameters.{name}}}")))
        .collect();
    job["spec"]["template"]["spec"]["containers"][0]["args"] = json!(used);
    let references: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "reference": name}))
        .collect();
    json!({
        "apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "objective": {"type": "maximize", "objectiveMetricName": "score"},
            "algorithm": {"algorithmName": algorithm},
            "parallelTrialCount": parallel, "maxTrialCount": trials, "maxFailedTrialCount": 0,
            "parameters": parameters,
            "trialTemplate": {
                "primaryContainerName": "main", "trialParameters": references, "trialSpec": job,
            },
        },
    })
}
