//! The metrics of a trial of which nobody has reported anything, from the log that the kubelet keeps.
//!
//! Pods are created also while the webhook is down, and without a collector then; and a collector that reaches nobody is ended with
//! its pod. Such a trial is no loss as long as it prints its metrics.

use std::sync::Arc;

use diwan_collect::Collector;
use diwan_core::observation::Source;
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::TrialTemplate;
use diwan_drivers::kubernetes::pods_of;
use diwan_drivers::{DriverError, LaunchId};
use diwan_store::{Cursor, ObservationQuery, Store, StoreError, TrialRef};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, LogParams};
use kube::{Client, ResourceExt};
use tokio::sync::Semaphore;
use tracing::warn;

/// The part of a log that is read, in bytes.
const MOST: i64 = 64 << 20;

/// Logs that are read at one time.
const AT_ONCE: usize = 4;

/// Reads logs of pods.
pub(crate) struct PodLogs {
    client: Client,
    store: Arc<dyn Store>,
    turns: Semaphore,
}

impl PodLogs {
    pub(crate) fn new(client: Client, store: Arc<dyn Store>) -> Self {
        Self {
            client,
            store,
            turns: Semaphore::new(AT_ONCE),
        }
    }

    /// Stores what a launch that has ended has printed, if nobody has reported anything of it.
    pub(crate) async fn read(&self, id: &LaunchId) -> Result<(), DriverError> {
        let Some((record, trial)) = self.silent(id).await.map_err(unavailable)? else {
            return Ok(());
        };
        let spec = record.spec.metrics_collector_spec.clone();
        let objective = record.spec.objective.clone().unwrap_or_default();
        let collector = Collector::new(&spec.unwrap_or_default(), &objective);
        let Some(collector) = collector
            .ok()
            .filter(|collector| collector.sources().contains(&Source::StdOut))
        else {
            return Ok(());
        };
        let Some(log) = self.log(id, &record).await? else {
            return Ok(());
        };
        let mut stream = collector.stream(Source::StdOut, 0);
        let mut points = Vec::new();
        stream.push(log.as_bytes(), &mut points);
        stream.finish(&mut points);
        let read = i64::try_from(stream.cursor()).unwrap_or(i64::MAX);
        let cursor = Cursor::new(Source::StdOut, read);
        let stored = self.store.append(&trial, &points, &[cursor]).await;
        stored.map_err(unavailable)
    }

    /// The experiment and the launch, if nothing is known of what it reported.
    async fn silent(
        &self,
        id: &LaunchId,
    ) -> Result<Option<(ExperimentRecord, TrialRef)>, StoreError> {
        let Some(snapshot) = self.store.load(&id.experiment).await? else {
            return Ok(None);
        };
        let trial = self.store.trial(&id.experiment, &id.trial).await?;
        let Some(trial) = trial.filter(|trial| trial.attempt == id.attempt) else {
            return Ok(None);
        };
        let trial = TrialRef::new(&snapshot.record, &trial);
        let first = ObservationQuery {
            limit: 1,
            ..ObservationQuery::of(trial.clone())
        };
        let known = self.store.observations(&first).await?;
        Ok(known.is_empty().then_some((snapshot.record, trial)))
    }

    /// The log of the launch's newest primary pod, if there is one.
    async fn log(
        &self,
        id: &LaunchId,
        record: &ExperimentRecord,
    ) -> Result<Option<String>, DriverError> {
        let namespace = &id.experiment.namespace;
        let doing = || format!("read the log of {}", id.trial);
        let cannot = |source| DriverError::Kubernetes {
            doing: doing(),
            source: Box::new(source),
        };
        let _turn = self.turns.acquire().await;
        let (any, all) = (ListParams::default().match_any(), ListParams::default());
        let mut pods = Vec::new();
        for how in [any, all] {
            if pods.is_empty() {
                let found = pods_of(&self.client, namespace, &id.trial, &how).await;
                pods = found.map_err(cannot)?;
            }
        }
        let template = record.spec.trial_template.clone().unwrap_or_default();
        pods.retain(|pod| is_primary(pod, &template));
        let Some(pod) = pods.into_iter().max_by_key(Pod::creation_timestamp) else {
            return Ok(None);
        };
        let how = LogParams {
            container: Some(template.primary_container_name),
            limit_bytes: Some(MOST),
            ..LogParams::default()
        };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        match api.logs(&pod.name_any(), &how).await {
            Ok(log) => Ok(Some(log)),
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => {
                warn!(
                    trial = id.trial,
                    "nothing was reported of it, and its pod has no log: {}", status.message
                );
                Ok(None)
            }
            Err(error) => Err(cannot(error)),
        }
    }
}

/// Whether a pod is the one of its trial whose metrics count.
fn is_primary(pod: &Pod, template: &TrialTemplate) -> bool {
    let labels = pod.labels();
    let mut wanted = template.primary_pod_labels.iter();
    let mut containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    wanted.all(|(key, value)| labels.get(key) == Some(value))
        && containers.any(|container| container.name == template.primary_container_name)
}

fn unavailable(error: StoreError) -> DriverError {
    DriverError::Unavailable(format!("the record cannot be reached: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_worker_is_not_read_in_place_of_the_primary_pod() {
        let pod = |role: &str, container: &str| -> Pod {
            let (metadata, containers) = (
                json!({"labels": {"role": role}}),
                json!([{"name": container}]),
            );
            serde_json::from_value(
                json!({"metadata": metadata, "spec": {"containers": containers}}),
            )
            .unwrap()
        };
        let template = TrialTemplate {
            primary_container_name: "train".to_owned(),
            primary_pod_labels: [("role".to_owned(), "driver".to_owned())].into(),
            ..TrialTemplate::default()
        };
        assert!(is_primary(&pod("driver", "train"), &template));
        assert!(!is_primary(&pod("executor", "train"), &template));
        assert!(!is_primary(&pod("driver", "proxy"), &template));
    }
}
