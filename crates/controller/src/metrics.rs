//! What Prometheus is told, under Katib's names.

use std::collections::HashMap;
use std::fmt::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use diwan_core::engine;
use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialRecord, TrialState};
use diwan_store::{ExperimentQuery, Store, StoreError};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

/// Counts since the start of this process of what was committed by it, and how everything stands.
#[derive(Debug, Default)]
pub struct Metrics {
    experiments: Counters,
    trials: Counters,
    /// How experiments stood when they were seen last: what has changed since is counted.
    known: Mutex<HashMap<ExperimentKey, Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    version: u64,
    trials: u64,
    has_ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    namespace: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Standing {
    namespace: String,
    status: String,
}

/// Counters of one resource.
#[derive(Debug, Default)]
struct Counters {
    created: Family<Of, Counter>,
    deleted: Family<Of, Counter>,
    succeeded: Family<Of, Counter>,
    failed: Family<Of, Counter>,
    metrics_unavailable: Family<Of, Counter>,
}

// === impl Known ===

impl Known {
    fn of(record: &ExperimentRecord, version: u64) -> Self {
        Self {
            version,
            trials: record.progress.counts.trials,
            has_ended: end(record).is_some(),
        }
    }
}

// === impl Metrics ===

impl Metrics {
    fn known(&self) -> MutexGuard<'_, HashMap<ExperimentKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An experiment was made.
    pub(crate) fn created(&self, record: &ExperimentRecord) {
        let key = record.key();
        let new = Known::of(record, 0);
        self.known().insert(key.clone(), new);
        add(&self.experiments.created, &key, 1);
        // One that is refused has failed before it could run.
        if new.has_ended {
            add(&self.experiments.failed, &key, 1);
        }
    }

    /// An experiment is there, and what was committed by others up to this version is theirs to count.
    pub(crate) fn seen(&self, record: &ExperimentRecord, version: u64) {
        let seen = Known::of(record, version);
        let mut known = self.known();
        let known = known.entry(record.key()).or_insert(seen);
        if known.version < version {
            *known = seen;
        }
    }

    /// An experiment was deleted.
    pub(crate) fn deleted(&self, key: &ExperimentKey) {
        let trials = self.known().remove(key).map_or(0, |known| known.trials);
        add(&self.experiments.deleted, key, 1);
        add(&self.trials.deleted, key, trials);
    }

    /// A change was committed.
    pub(crate) fn committed(&self, key: &ExperimentKey, version: u64, change: &engine::Change) {
        let now = Known::of(&change.record, version);
        let before = self.known().insert(key.clone(), now).unwrap_or(now);
        add(
            &self.trials.created,
            key,
            now.trials - before.trials.min(now.trials),
        );
        for trial in &change.trials {
            if let Some(counter) = self.of_end(trial) {
                add(counter, key, 1);
            }
        }
        match end(&change.record) {
            Some(_) if before.has_ended => {}
            Some("Succeeded") => add(&self.experiments.succeeded, key, 1),
            Some(_) => add(&self.experiments.failed, key, 1),
            None => {}
        }
    }

    /// What the end of a trial adds to. One that has ended changes no more.
    fn of_end(&self, trial: &TrialRecord) -> Option<&Family<Of, Counter>> {
        match trial.state {
            TrialState::Succeeded => Some(&self.trials.succeeded),
            TrialState::Failed => Some(&self.trials.failed),
            TrialState::MetricsUnavailable => Some(&self.trials.metrics_unavailable),
            TrialState::Pending
            | TrialState::Running
            | TrialState::Killed
            | TrialState::EarlyStopped => None,
        }
    }

    /// All of it in the format of OpenMetrics.
    async fn text(&self, store: &dyn Store) -> Result<String, Unavailable> {
        let mut registry = Registry::default();
        self.experiments.register(&mut registry, "experiment");
        self.trials.register(&mut registry, "trial");
        self.trials.register_unavailable(&mut registry);
        let (experiments, trials) = current(store).await?;
        for (of, family) in [("experiments", experiments), ("trials", trials)] {
            let help = format!("The {of} that there are, by status");
            registry.register(format!("katib_{of}_current"), help, family);
        }
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

// === impl Counters ===

impl Counters {
    fn register(&self, registry: &mut Registry, of: &str) {
        let families = [
            ("created", &self.created),
            ("deleted", &self.deleted),
            ("succeeded", &self.succeeded),
            ("failed", &self.failed),
        ];
        for (what, family) in families {
            let help = format!("The {of}s that were {what}");
            registry.register(format!("katib_{of}_{what}"), help, family.clone());
        }
    }

    fn register_unavailable(&self, registry: &mut Registry) {
        let help = "The trials that ended without their objective";
        let family = self.metrics_unavailable.clone();
        registry.register("katib_trial_metrics_unavailable", help, family);
    }
}

fn add(family: &Family<Of, Counter>, key: &ExperimentKey, count: u64) {
    let namespace = key.namespace.clone();
    family.get_or_create(&Of { namespace }).inc_by(count);
}

/// How an experiment has ended, if it has.
fn end(record: &ExperimentRecord) -> Option<&str> {
    let last = record.progress.conditions.last()?;
    let is_end = matches!(last.kind.as_str(), "Succeeded" | "Failed");
    is_end.then_some(last.kind.as_str())
}

/// How everything stands: experiments, and trials.
async fn current(
    store: &dyn Store,
) -> Result<(Family<Standing, Gauge>, Family<Standing, Gauge>), StoreError> {
    let (experiments, trials) = (Family::default(), Family::default());
    let put = |family: &Family<Standing, Gauge>, namespace: &str, status: &str, count: u64| {
        let standing = Standing {
            namespace: namespace.to_owned(),
            status: status.to_owned(),
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        family.get_or_create(&standing).inc_by(count);
    };
    let mut query = ExperimentQuery::default();
    loop {
        let page = store.experiments(&query).await?;
        let Some(last) = page.last() else {
            return Ok((experiments, trials));
        };
        query.after = Some(last.record.key());
        for one in &page {
            let (record, namespace) = (&one.record, &one.record.metadata.namespace);
            let conditions = &record.progress.conditions;
            let status = conditions
                .last()
                .map_or("Created", |last| last.kind.as_str());
            put(&experiments, namespace, status, 1);
            let counts = &record.progress.counts;
            for (status, count) in [
                ("Created", counts.trials_pending),
                ("Running", counts.trials_running),
                ("Succeeded", counts.trials_succeeded),
                ("Failed", counts.trials_failed),
                ("Killed", counts.trials_killed),
                ("EarlyStopped", counts.trials_early_stopped),
                ("MetricsUnavailable", counts.trial_metrics_unavailable),
            ] {
                put(&trials, namespace, status, count);
            }
        }
    }
}

/// Why there is nothing to tell.
#[derive(Debug, thiserror::Error)]
enum Unavailable {
    #[error("the record cannot be reached: {0}")]
    Store(#[from] StoreError),
    #[error("the metrics cannot be written")]
    Format(#[from] Error),
}

#[derive(Clone)]
struct Source {
    metrics: Arc<Metrics>,
    store: Arc<dyn Store>,
}

/// Serves `/metrics`, until `shutdown`.
///
/// # Errors
/// When the connection to the world is lost.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    store: Arc<dyn Store>,
    shutdown: impl Future<Output = ()>,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/metrics", get(answer))
        .with_state(Source { metrics, store });
    // Nothing is lost with a scrape that is cut off.
    tokio::select! {
        served = axum::serve(listener, router).into_future() => served,
        () = shutdown => Ok(()),
    }
}

async fn answer(State(source): State<Source>) -> Response {
    const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match source.metrics.text(&*source.store).await {
        Ok(text) => ([(header::CONTENT_TYPE, FORMAT)], text).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_core::record::Progress;
    use diwan_core::resources::Condition;
    use diwan_core::resources::{ConditionStatus, ExperimentSpec, ObjectMeta};

    fn record(kinds: &[&str], trials: u64) -> ExperimentRecord {
        let condition = |kind: &&str| Condition {
            kind: (*kind).to_owned(),
            status: ConditionStatus::True,
            reason: String::new(),
            message: String::new(),
            last_update_time: None,
            last_transition_time: None,
        };
        let mut progress = Progress {
            conditions: kinds.iter().map(condition).collect(),
            ..Progress::default()
        };
        progress.counts.trials = trials;
        let metadata = ObjectMeta {
            namespace: "ns".to_owned(),
            name: "one".to_owned(),
            ..ObjectMeta::default()
        };
        ExperimentRecord {
            metadata,
            spec: ExperimentSpec::default(),
            progress,
        }
    }

    #[test]
    fn what_has_changed_is_counted_once() {
        let metrics = Metrics::default();
        let key = record(&[], 0).key();
        metrics.created(&record(&["Created"], 0));
        let steps = [
            (&["Created"][..], 2),
            (&["Created", "Succeeded"], 3),
            (&["Succeeded"], 3),
            (&["Restarting"], 5),
            (&["Succeeded"], 5),
        ];
        for (version, (kinds, trials)) in (2..).zip(steps) {
            let record = record(kinds, trials);
            let trials = Vec::new();
            metrics.committed(&key, version, &engine::Change { record, trials });
        }
        metrics.deleted(&key);
        // One that an earlier process has begun.
        metrics.seen(&record(&["Running"], 5), 2);
        metrics.seen(&record(&["Running"], 7), 4);
        metrics.seen(&record(&["Running"], 5), 2);
        let (record, trials) = (record(&["Running"], 8), Vec::new());
        metrics.committed(&key, 5, &engine::Change { record, trials });
        let mut registry = Registry::default();
        metrics.experiments.register(&mut registry, "experiment");
        metrics.trials.register(&mut registry, "trial");
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        for (counter, count) in [
            ("experiment_created", 1),
            ("experiment_succeeded", 2),
            ("experiment_deleted", 1),
            ("trial_created", 6),
            ("trial_deleted", 5),
        ] {
            let line = format!("katib_{counter}_total{{namespace=\"ns\"}} {count}");
            assert!(text.lines().any(|one| one == line), "{line} in {text}");
        }
    }
}
