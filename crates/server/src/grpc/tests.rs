//! Every call over a real socket, with the generated clients.

mod db_manager;
mod diwan_suggestion;
mod early_stopping;
mod reflection;
mod search_end;
mod server;
mod suggestion;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use diwan_core::engine::{Event, Point, Snapshot};
use diwan_core::record::{ExperimentKey, ExperimentRecord, OptimizerState, Progress};
use diwan_core::resources::{
    AlgorithmSpec, ExperimentSpec, FeasibleSpace, InitialTrial, ObjectMeta, ObjectiveSpec,
    ObjectiveType, ParameterSpec, ParameterType,
};
use diwan_core::time::Timestamp;
use diwan_proto::convert::experiment;
use diwan_proto::katib;
use diwan_store::{FoundTrial, Store};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

use super::{ServeError, Services, StopError, TrialStopper, serve};
use crate::suggester::{LocalSuggester, Suggester};

/// Remembers which trials it was told of.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

#[async_trait]
impl TrialStopper for Notes {
    async fn early_stopped(&self, trial: &FoundTrial) -> Result<(), StopError> {
        self.0.lock().unwrap().push(trial.trial.name.clone());
        Ok(())
    }
}

/// A server with an empty store, and a connection to it.
struct Fixture {
    store: Arc<dyn Store>,
    notes: Arc<Notes>,
    address: String,
    channel: Channel,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Result<(), ServeError>>,
}

impl Fixture {
    async fn new() -> Self {
        Self::on(diwan_store::open("sqlite::memory:").await.unwrap()).await
    }

    async fn on(store: Arc<dyn Store>) -> Self {
        let suggester = Arc::new(LocalSuggester::new(store.clone()));
        Self::with(store, suggester).await
    }

    async fn with(store: Arc<dyn Store>, suggester: Arc<dyn Suggester>) -> Self {
        let notes = Arc::new(Notes::default());
        let services = Services {
            store: store.clone(),
            suggester,
            stopper: notes.clone(),
            ask_db_managers: true,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(serve(listener, services, async { drop(stopped.await) }));
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let channel = endpoint.connect().await.unwrap();
        Self {
            store,
            notes,
            address,
            channel,
            stop,
            server,
        }
    }

    /// An experiment in the store, in namespace `namespace`, with trials of these names, all pending.
    async fn experiment(
        &self,
        namespace: &str,
        name: &str,
        spec: ExperimentSpec,
        trials: &[&str],
    ) -> Snapshot {
        let metadata = ObjectMeta {
            name: name.into(),
            namespace: namespace.into(),
            uid: format!("{namespace}-{name}"),
            ..ObjectMeta::default()
        };
        let record = ExperimentRecord {
            metadata,
            spec,
            progress: Progress::default(),
        };
        let now = Timestamp::from_millis(0);
        let mut snapshot = Snapshot::create(record, now);
        let points = trials.iter().map(|name| Point {
            name: (*name).into(),
            ..Point::default()
        });
        let suggested = Event::Suggested {
            points: points.collect(),
            settings: Vec::new(),
            next: OptimizerState::Ready,
        };
        snapshot.apply(suggested, now).unwrap();
        self.store.create(&mut snapshot).await.unwrap();
        snapshot
    }

    fn key(namespace: &str, name: &str) -> ExperimentKey {
        ExperimentKey::new(namespace, name)
    }
}

/// `x` from 0 to 1, minimised.
fn spec(algorithm: &str) -> ExperimentSpec {
    ExperimentSpec {
        parameters: vec![double("x", "0", "1")],
        objective: Some(ObjectiveSpec {
            kind: ObjectiveType::Minimize,
            objective_metric_name: "loss".into(),
            ..ObjectiveSpec::default()
        }),
        algorithm: Some(AlgorithmSpec {
            algorithm_name: algorithm.into(),
            algorithm_settings: Vec::new(),
        }),
        ..ExperimentSpec::default()
    }
}

fn double(name: &str, min: &str, max: &str) -> ParameterSpec {
    ParameterSpec {
        name: name.into(),
        parameter_type: ParameterType::Double,
        feasible_space: FeasibleSpace {
            min: min.into(),
            max: max.into(),
            ..FeasibleSpace::default()
        },
        condition: None,
    }
}

fn choice(name: &str, list: &[&str]) -> ParameterSpec {
    ParameterSpec {
        name: name.into(),
        parameter_type: ParameterType::Categorical,
        feasible_space: FeasibleSpace {
            list: list.iter().map(|word| (*word).to_owned()).collect(),
            ..FeasibleSpace::default()
        },
        condition: None,
    }
}

/// An experiment of `a`, one of five words, that begins with two points and two trials that are over.
fn begun(algorithm: &str) -> ExperimentSpec {
    let trial = |value: &str| InitialTrial {
        parameter_assignments: vec![
            serde_json::from_value(json!({"name": "a", "value": value})).unwrap(),
        ],
        ..InitialTrial::default()
    };
    let observation = json!({"metrics": [{"name": "loss", "latest": 0.5}]});
    let seen = InitialTrial {
        observation: serde_json::from_value(observation).unwrap(),
        ..trial("r")
    };
    let failed = InitialTrial {
        failed: true,
        ..trial("p")
    };
    ExperimentSpec {
        parameters: vec![choice("a", &["p", "q", "r", "s", "t"])],
        initial_trials: vec![trial("t"), seen, trial("q"), failed],
        ..spec(algorithm)
    }
}

fn message(name: &str, spec: &ExperimentSpec) -> Option<katib::Experiment> {
    Some(experiment::write(name, spec, &[]))
}

/// Points of a report: time, metric, value.
fn log(rows: &[(&str, &str, &str)]) -> Option<katib::ObservationLog> {
    let row = |(time, name, value): &(&str, &str, &str)| katib::MetricLog {
        time_stamp: (*time).to_owned(),
        metric: Some(katib::Metric {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        }),
    };
    Some(katib::ObservationLog {
        metric_logs: rows.iter().map(row).collect(),
    })
}
