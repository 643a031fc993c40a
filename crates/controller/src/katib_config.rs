//! `katib-config`: what of Katib's configuration is followed, at once when it changes.
//!
//! Collectors and optimizers of others are called as Katib calls them. Katib's own are not, where Diwan has one of their kind or
//! name.

use diwan_core::manifest::documents;
use diwan_core::resources::CollectorKind;
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Client;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::admission::pod::Foreign;
use crate::admission::server::Settings;
use crate::optimizers::Optimizer;

/// The ConfigMap, and the key of its data.
const NAME: &str = "katib-config";
const KEY: &str = "katib-config.yaml";
/// Where Katib's own images come from.
const STOCK: [&str; 2] = ["kubeflow/katib/", "kubeflowkatib/"];

/// The part of it that is read.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    init: Init,
    runtime: Runtime,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Init {
    controller: Controller,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Controller {
    inject_security_context: bool,
    #[serde(rename = "enableGRPCProbeInSuggestion")]
    is_optimizer_probed: Option<bool>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Runtime {
    suggestions: Vec<Value>,
    metrics_collectors: Vec<Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Algorithm {
    algorithm_name: String,
    image: String,
    #[serde(default)]
    service_account_name: Option<String>,
    #[serde(default)]
    volume_mount_path: Option<String>,
    #[serde(default)]
    persistent_volume_claim_spec: Option<Value>,
    #[serde(default)]
    persistent_volume_spec: Option<Value>,
    #[serde(default)]
    persistent_volume_labels: Option<Value>,
    /// What else a container has.
    #[serde(flatten)]
    container: Map<String, Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Collector {
    kind: CollectorKind,
    image: String,
    #[serde(default)]
    image_pull_policy: Option<String>,
    #[serde(default)]
    resources: Option<Value>,
    #[serde(default)]
    wait_all_processes: Option<bool>,
}

/// Follows the ConfigMap of `namespace` for ever. One that cannot be read changes nothing; without it, everything has its default.
pub async fn follow(client: Client, namespace: &str, settings: &watch::Sender<Settings>) {
    let maps: Api<ConfigMap> = Api::namespaced(client, namespace);
    let config = watcher::Config::default().fields(&format!("metadata.name={NAME}"));
    let mut events = watcher(maps, config).default_backoff().boxed();
    let mut listed = None;
    while let Some(event) = events.next().await {
        let text = match event {
            Ok(Event::Apply(map)) => text(map),
            Ok(Event::Delete(_)) => String::new(),
            Ok(Event::Init) => {
                listed = None;
                continue;
            }
            Ok(Event::InitApply(map)) => {
                listed = Some(text(map));
                continue;
            }
            Ok(Event::InitDone) => listed.take().unwrap_or_default(),
            Err(error) => {
                warn!(%error, "cannot watch {NAME}; trying again");
                continue;
            }
        };
        match read(&text) {
            Ok(config) => settings.send_modify(|settings| apply(config, settings)),
            Err(why) => warn!("{NAME} is not followed: {KEY}: {why}"),
        }
        settings.send_modify(|settings| settings.is_read = true);
    }
}

fn text(map: ConfigMap) -> String {
    map.data.unwrap_or_default().remove(KEY).unwrap_or_default()
}

fn read(text: &str) -> Result<Config, String> {
    let found = documents(text).map_err(|problems| problems.to_string())?;
    let Some(document) = found.into_iter().next() else {
        return Ok(Config::default());
    };
    serde_json::from_value(document.value()).map_err(|error| error.to_string())
}

fn apply(config: Config, settings: &mut Settings) {
    let collectors: Vec<Collector> = good("metricsCollectors", config.runtime.metrics_collectors);
    let foreign = collectors.into_iter().filter(|one| !is_stock(&one.image));
    let inject_security_context = config.init.controller.inject_security_context;
    let foreign = foreign.map(|one| Foreign {
        kind: one.kind,
        image: one.image,
        image_pull_policy: one.image_pull_policy,
        resources: one.resources,
        wait_all_processes: one.wait_all_processes,
        inject_security_context,
    });
    settings.injection.foreign = foreign.collect();
    let is_probed = config.init.controller.is_optimizer_probed.unwrap_or(true);
    let algorithms: Vec<Algorithm> = good("suggestions", config.runtime.suggestions);
    let is_ours = |one: &Algorithm| is_stock(&one.image) && settings.has_own(&one.algorithm_name);
    let optimizers = algorithms.iter().filter(|one| !is_ours(one));
    settings.optimizers = optimizers.map(|one| optimizer(one, is_probed)).collect();
    let foreign = settings.injection.foreign.iter().map(|one| one.kind);
    let kinds: Vec<CollectorKind> = foreign.collect();
    let named = settings.optimizers.iter().map(|one| &one.algorithm);
    let optimizers: Vec<&String> = named.collect();
    info!(collectors = ?kinds, ?optimizers, "{NAME} is followed");
}

/// The entries of a list that can be read. What is wrong with the others is said.
fn good<T: DeserializeOwned>(list: &str, entries: Vec<Value>) -> Vec<T> {
    let entries = entries.into_iter().enumerate();
    let read = entries.filter_map(|(index, entry)| match serde_json::from_value(entry) {
        Ok(entry) => Some(entry),
        Err(why) => {
            warn!("{NAME}: runtime.{list}[{index}] is not followed: {why}");
            None
        }
    });
    read.collect()
}

fn optimizer(of: &Algorithm, is_probed: bool) -> Optimizer {
    if of.persistent_volume_spec.is_some() || of.persistent_volume_labels.is_some() {
        let name = &of.algorithm_name;
        warn!("{NAME}: the volume of {name} is left to its claim: no PersistentVolume is made");
    }
    let mut container = of.container.clone();
    container.insert("image".to_owned(), Value::String(of.image.clone()));
    Optimizer {
        algorithm: of.algorithm_name.clone(),
        container,
        service_account: of.service_account_name.clone(),
        volume_mount_path: of.volume_mount_path.clone(),
        claim: of.persistent_volume_claim_spec.clone(),
        is_probed,
    }
}

fn is_stock(image: &str) -> bool {
    STOCK.iter().any(|stock| image.contains(stock))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
apiVersion: config.kubeflow.org/v1beta1
kind: KatibConfig
init:
  controller:
    injectSecurityContext: true
    trialResources: [Job.v1.batch]
runtime:
  suggestions:
  - algorithmName: random
    image: ghcr.io/kubeflow/katib/suggestion-hyperopt:latest
  - algorithmName: darts
    image: ghcr.io/kubeflow/katib/suggestion-darts:latest
  - algorithmName: tpe
    image: example.com/tpe:1
    imagePullPolicy: Always
    serviceAccountName: tuner
  metricsCollectors:
  - kind: StdOut
    image: ghcr.io/kubeflow/katib/file-metrics-collector:latest
  - kind: PrometheusMetric
    image: example.com/prometheus-collector:1
    imagePullPolicy: Always
    waitAllProcesses: false
";

    #[test]
    fn collectors_of_others_are_taken_and_those_of_katib_are_not() {
        let mut settings = Settings::default();
        apply(read(TEXT).unwrap(), &mut settings);
        let theirs = Foreign {
            kind: CollectorKind::PrometheusMetric,
            image: "example.com/prometheus-collector:1".to_owned(),
            image_pull_policy: Some("Always".to_owned()),
            resources: None,
            wait_all_processes: Some(false),
            inject_security_context: true,
        };
        assert_eq!(settings.injection.foreign, [theirs]);
        apply(read("").unwrap(), &mut settings);
        assert_eq!(settings.injection.foreign, []);
    }

    #[test]
    fn optimizers_are_started_that_are_of_others_or_of_no_name_here() {
        let mut settings = Settings {
            algorithms: vec!["random".to_owned(), "tpe".to_owned()],
            ..Settings::default()
        };
        apply(read(TEXT).unwrap(), &mut settings);
        assert_eq!(settings.optimizer("random"), None);
        assert!(settings.optimizer("darts").is_some_and(|one| one.is_probed));
        let theirs = settings.optimizer("tpe").unwrap();
        assert_eq!(theirs.service_account.as_deref(), Some("tuner"));
        let container =
            serde_json::json!({"image": "example.com/tpe:1", "imagePullPolicy": "Always"});
        assert_eq!(Value::Object(theirs.container.clone()), container);
    }

    #[test]
    fn one_bad_entry_does_not_spoil_the_others() {
        let mut settings = Settings::default();
        let text = "runtime: {metricsCollectors: [{kind: Stdout, image: a}, {kind: StdOut, image: b}], \
                    suggestions: [{algorithmName: a}, {algorithmName: b, image: b}]}";
        apply(read(text).unwrap(), &mut settings);
        assert_eq!(settings.injection.foreign.len(), 1);
        assert_eq!(settings.optimizers.len(), 1);
        assert!(read("runtime: [").is_err());
    }
}
