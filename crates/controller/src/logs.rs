//! The metrics of a trial that nobody has reported, or not all of them, from the log that the kubelet keeps.
//!
//! Pods are created also while the webhook is down, and without a collector then; and a collector that reaches nobody is ended with
//! its pod. Such a trial is no loss as long as it prints its metrics.

mod printed;

use std::collections::BTreeSet;
use std::sync::Arc;

use diwan_collect::Collector;
use diwan_core::observation::{MetricPoint, Place, Source};
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::{CollectorKind, TrialTemplate};
use diwan_core::sidecar::Undelivered;
use diwan_drivers::kubernetes::pods_of;
use diwan_drivers::{DriverError, LaunchId};
use diwan_store::{Cursor, MAX_PAGE, ObservationQuery, Store, StoreError, TrialRef};
use futures_util::io::AsyncBufRead;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams, LogParams};
use kube::{Client, ResourceExt};
use tokio::sync::Semaphore;
use tracing::warn;

use self::printed::Printed;
use crate::admission::pod::{COLLECTOR, LOG_COLLECTOR};
use crate::collectors::keep_reports;

/// The part of a log that is read, in bytes.
const MOST: i64 = 64 << 20;

/// Logs that are read at one time.
const AT_ONCE: usize = 4;

/// Points of a log that are stored together.
const TOGETHER: usize = 4096;

/// Points that were reported come after those that were read somewhere.
const BEFORE_REPORTS: Place = Place {
    source: Source::Push,
    offset: -1,
    index: 0,
};

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

    /// Stores what a launch that has ended has printed, if nobody has reported anything of it, or its collectors have `left`
    /// something that they could not tell. Returns what is wrong with its template, if that is why there is nothing.
    pub(crate) async fn read(
        &self,
        id: &LaunchId,
        left: &[Undelivered],
    ) -> Result<Option<String>, DriverError> {
        let Some((record, trial)) = self.launch(id).await.map_err(unavailable)? else {
            return Ok(None);
        };
        if !left.is_empty() && left.iter().all(|left| left.is_whole) {
            self.keep(id, &trial, left).await?;
            return Ok(None);
        }
        let reported = self.reported(&trial, left.is_empty()).await;
        let reported = reported.map_err(unavailable)?;
        if left.is_empty() && reported.count > 0 {
            return Ok(None);
        }
        let template = record.spec.trial_template.clone().unwrap_or_default();
        let _turn = self.turns.acquire().await;
        let pods = self.pods(id).await?;
        if let Some(wrong) = no_primary(&pods, &template) {
            return Ok(Some(wrong));
        }
        let is_silent = left.is_empty() && reported.count == 0;
        let uncollected = no_collector(&pods, &record).filter(|_| is_silent);
        let log = collector(&record).and_then(|collector| Log::of(pods, template, collector));
        let Some(log) = log else {
            self.keep(id, &trial, left).await?;
            return Ok(uncollected);
        };
        if left.is_empty() {
            let is_there = self.store(id, &trial, &log, 0, reported.latest).await?;
            return Ok(uncollected.filter(|_| !is_there));
        }
        let Some(printed) = self.count(id, &log).await? else {
            self.keep(id, &trial, left).await?;
            return Ok(None);
        };
        let undelivered = left.iter().map(|left| left.undelivered);
        let undelivered = undelivered.reduce(usize::saturating_add);
        let written = reported.count.saturating_add(undelivered.unwrap_or(0));
        let skips = reported.skips(printed, undelivered);
        if !self.store(id, &trial, &log, skips, reported.latest).await? {
            let why = format!("the log of {} went away while it was read", id.trial);
            return Err(DriverError::Unavailable(why));
        }
        if written > printed {
            // The beginning of the log is gone, or its end (what a runtime has not read when a container ends), or others report
            // too. Last, because what is kept counts as reported if this is repeated.
            self.keep(id, &trial, left).await?;
        }
        Ok(None)
    }

    /// How many points a log has, if it is there.
    async fn count(&self, id: &LaunchId, log: &Log) -> Result<Option<usize>, DriverError> {
        let Some(mut printed) = self.open(id, log).await? else {
            return Ok(None);
        };
        let (mut count, mut points) = (0, Vec::new());
        while read(id, &mut printed, &mut points).await? {
            count += points.drain(..).count();
        }
        Ok(Some(count + points.len()))
    }

    /// Stores the points of a log but the first so many, none of them before a moment; false if there is no log. What a killed
    /// Diwan has stored of them is known by its place.
    async fn store(
        &self,
        id: &LaunchId,
        trial: &TrialRef,
        log: &Log,
        mut skips: usize,
        latest: i64,
    ) -> Result<bool, DriverError> {
        let Some(mut printed) = self.open(id, log).await? else {
            return Ok(false);
        };
        let (mut least, mut points, mut is_more) = (latest, Vec::new(), true);
        while is_more {
            is_more = read(id, &mut printed, &mut points).await?;
            let skipped = skips.min(points.len());
            points.drain(..skipped);
            skips -= skipped;
            if is_more && points.len() < TOGETHER {
                continue;
            }
            for point in &mut points {
                least = least.saturating_add(1);
                point.time_ns = Some(point.time_ns.unwrap_or(least).max(least));
            }
            let cursor = Cursor::new(Source::StdOut, printed.cursor());
            let stored = self.store.append(trial, &points, &[cursor]).await;
            stored.map_err(unavailable)?;
            points.clear();
        }
        Ok(true)
    }

    /// Stores what collectors have left, which is nowhere else.
    pub(crate) async fn keep_left(
        &self,
        id: &LaunchId,
        left: &[Undelivered],
    ) -> Result<(), DriverError> {
        if left.is_empty() {
            return Ok(());
        }
        match self.launch(id).await.map_err(unavailable)? {
            Some((_, trial)) => self.keep(id, &trial, left).await,
            None => Ok(()),
        }
    }

    async fn keep(
        &self,
        id: &LaunchId,
        trial: &TrialRef,
        left: &[Undelivered],
    ) -> Result<(), DriverError> {
        for left in left {
            if !left.is_whole {
                warn!(
                    trial = id.trial,
                    "its collector could not deliver all that there was; its curve has a gap"
                );
            }
            let kept = keep_reports(&*self.store, trial, left).await;
            kept.map_err(unavailable)?;
        }
        Ok(())
    }

    /// The experiment and the launch, if that is the trial's current one.
    async fn launch(
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
        Ok(Some((snapshot.record, trial)))
    }

    /// What is known of what a launch reported, which is not what was read here before; of it the `first` point only.
    async fn reported(&self, trial: &TrialRef, first: bool) -> Result<Reported, StoreError> {
        let limit = if first { 1 } else { MAX_PAGE };
        let mut query = ObservationQuery {
            limit,
            after: Some(BEFORE_REPORTS),
            ..ObservationQuery::of(trial.clone())
        };
        let mut reported = Reported::default();
        loop {
            let page = self.store.observations(&query).await?;
            reported.count += page.len();
            let latest = page.iter().filter_map(|point| point.time_ns).max();
            reported.latest = reported.latest.max(latest.unwrap_or_default());
            query.after = page.last().map(|point| point.place);
            if first || page.len() < limit as usize {
                return Ok(reported);
            }
        }
    }

    /// The pods of a launch.
    async fn pods(&self, id: &LaunchId) -> Result<Vec<Pod>, DriverError> {
        let namespace = &id.experiment.namespace;
        let (any, all) = (ListParams::default().match_any(), ListParams::default());
        let mut pods = Vec::new();
        for how in [any, all] {
            if pods.is_empty() {
                let found = pods_of(&self.client, namespace, &id.trial, &how).await;
                pods = found.map_err(|error| cannot_read(id, error))?;
            }
        }
        Ok(pods)
    }

    /// What a container has printed, from the beginning, if there is a log.
    async fn open(
        &self,
        id: &LaunchId,
        log: &Log,
    ) -> Result<Option<Printed<impl AsyncBufRead + Unpin + use<>>>, DriverError> {
        let how = LogParams {
            container: Some(log.container.clone()),
            limit_bytes: Some(MOST),
            timestamps: true,
            ..LogParams::default()
        };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &id.experiment.namespace);
        match api.log_stream(&log.pod, &how).await {
            Ok(bytes) => {
                let stream = log.collector.stream(Source::StdOut, 0);
                Ok(Some(Printed::new(Box::pin(bytes), stream)))
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => {
                warn!(
                    trial = id.trial,
                    "nothing was reported of it, and its pod has no log: {}", status.message
                );
                Ok(None)
            }
            Err(error) => Err(cannot_read(id, error)),
        }
    }
}

/// Where a launch has printed, and what finds the points in it.
struct Log {
    pod: String,
    container: String,
    collector: Collector,
}

impl Log {
    /// That of the newest primary pod, if there is one.
    fn of(mut pods: Vec<Pod>, template: TrialTemplate, collector: Collector) -> Option<Self> {
        pods.retain(|pod| is_primary(pod, &template));
        let pod = pods.into_iter().max_by_key(Pod::creation_timestamp)?;
        Some(Self {
            pod: pod.name_any(),
            container: template.primary_container_name,
            collector,
        })
    }
}

async fn read(
    id: &LaunchId,
    printed: &mut Printed<impl AsyncBufRead + Unpin>,
    points: &mut Vec<MetricPoint>,
) -> Result<bool, DriverError> {
    let read = printed.read(points).await;
    read.map_err(|error| {
        DriverError::Unavailable(format!("the log of {} broke off: {error}", id.trial))
    })
}

/// What was reported of a launch.
#[derive(Debug, Default)]
struct Reported {
    count: usize,
    /// In nanoseconds.
    latest: i64,
}

impl Reported {
    /// How many of the `printed` points were reported, if so many could not be; points are reported in their order. Some that the
    /// collector was never told to have arrived may have.
    fn skips(&self, printed: usize, undelivered: Option<usize>) -> usize {
        let told = printed.saturating_sub(undelivered.unwrap_or(printed));
        match self.count <= printed {
            true => self.count.max(told),
            false => told,
        }
    }
}

/// What reads the points in what a trial prints, if that is where they are.
fn collector(record: &ExperimentRecord) -> Option<Collector> {
    let spec = record.spec.metrics_collector_spec.clone();
    let objective = record.spec.objective.clone().unwrap_or_default();
    let collector = Collector::new(&spec.unwrap_or_default(), &objective).ok()?;
    let sources = collector.sources();
    sources.contains(&Source::StdOut).then_some(collector)
}

/// That no pod has the container whose metrics count, if there are pods.
fn no_primary(pods: &[Pod], template: &TrialTemplate) -> Option<String> {
    let specs = pods.iter().flat_map(|pod| &pod.spec);
    let containers = specs.flat_map(|spec| &spec.containers);
    let names: BTreeSet<&str> = containers.map(|one| one.name.as_str()).collect();
    let wanted = template.primary_container_name.as_str();
    if names.is_empty() || names.contains(wanted) {
        return None;
    }
    let names: Vec<&str> = names.into_iter().collect();
    Some(format!(
        "none of its pods has a container {wanted}: they have {}; spec.trialTemplate.primaryContainerName names the one that \
         reports",
        names.join(", ")
    ))
}

/// What is wrong if metrics that are in no log were to be collected, and no pod had a collector.
fn no_collector(pods: &[Pod], record: &ExperimentRecord) -> Option<String> {
    let kind = record.spec.metrics_collector_spec.as_ref()?.kind();
    let is_elsewhere = matches!(
        kind,
        CollectorKind::File | CollectorKind::TensorFlowEvent | CollectorKind::PrometheusMetric
    );
    let specs = || pods.iter().flat_map(|pod| &pod.spec);
    let containers = specs().flat_map(|spec| {
        spec.init_containers
            .iter()
            .flatten()
            .chain(&spec.containers)
    });
    let has_one = containers
        .into_iter()
        .any(|one| [COLLECTOR, LOG_COLLECTOR].contains(&one.name.as_str()));
    (is_elsewhere && !has_one && specs().next().is_some()).then(|| {
        "there was no collector in its pod: the webhook was not reached when the pod was created, or the namespace is labelled \
         katib.kubeflow.org/metrics-collector-injection=disabled"
            .to_owned()
    })
}

fn cannot_read(id: &LaunchId, error: kube::Error) -> DriverError {
    DriverError::Kubernetes {
        doing: format!("read the log of {}", id.trial),
        source: Box::new(error),
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
    use diwan_core::record::Progress;
    use diwan_core::resources::ObjectMeta;
    use serde_json::json;

    #[test]
    fn a_pod_without_its_collector_is_told() {
        let of = |kind: &str| ExperimentRecord {
            metadata: ObjectMeta::default(),
            spec: serde_json::from_value(json!({
                "metricsCollectorSpec": {"collector": {"kind": kind}},
            }))
            .unwrap(),
            progress: Progress::default(),
        };
        let pod = |collector: &str| -> Pod {
            serde_json::from_value(json!({"spec": {
                "containers": [{"name": "main"}],
                "initContainers": [{"name": collector}],
            }}))
            .unwrap()
        };
        let told = |kind, pods: &[Pod]| no_collector(pods, &of(kind)).is_some();
        assert!(told("File", &[pod("own")]));
        assert!(!told("File", &[pod("own"), pod(LOG_COLLECTOR)]));
        assert!(!told("File", &[]), "they are gone");
        assert!(!told("StdOut", &[pod("own")]), "its log is read");
        assert!(!told("Push", &[pod("own")]));
    }

    #[test]
    fn what_was_reported_is_not_read_again() {
        let reported = |count| Reported { count, latest: 0 };
        assert_eq!(reported(0).skips(5, None), 0, "it was silent");
        assert_eq!(reported(3).skips(5, Some(2)), 3);
        assert_eq!(reported(4).skips(5, Some(2)), 4, "one had arrived");
        assert_eq!(reported(3).skips(5, Some(usize::MAX)), 3, "it was killed");
        assert_eq!(
            reported(9).skips(5, Some(2)),
            3,
            "the log has lost its start"
        );
    }

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
        let workers = [pod("driver", "proxy"), pod("executor", "main")];
        let told = no_primary(&workers, &template).unwrap();
        assert!(
            told.contains("a container train: they have main, proxy;"),
            "{told}"
        );
        assert_eq!(no_primary(&[pod("executor", "train")], &template), None);
        assert_eq!(no_primary(&[], &template), None, "they are gone");
    }
}
