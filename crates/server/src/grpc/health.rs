//! What health checks are told: whether the store can be read, looked at every second, for the services that need it.

use std::sync::Arc;
use std::time::Duration;

use diwan_core::record::ExperimentKey;
use diwan_proto::diwan::suggestion_server::SuggestionServer as DiwanSuggestionServer;
use diwan_proto::katib::db_manager_server::DbManagerServer;
use diwan_proto::katib::early_stopping_server::EarlyStoppingServer;
use diwan_proto::katib::suggestion_server::SuggestionServer;
use diwan_store::{Store, StoreError};
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use super::db_manager::DbManagerService;
use super::diwan_suggestion::DiwanSuggestionService;
use super::early_stopping::EarlyStoppingService;
use super::suggestion::SuggestionService;

/// Time between two looks at the store.
const INTERVAL: Duration = Duration::from_secs(1);
/// A store that does not answer within this cannot be read.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names that are healthy while the store can be read. Probes ask a database manager for the last but one, whatever its real
/// name is. The empty name stands for the server; it is told last, so who watches it finds the others told.
const WITH_STORE: [&str; 5] = [
    <DbManagerServer<DbManagerService> as NamedService>::NAME,
    <EarlyStoppingServer<EarlyStoppingService> as NamedService>::NAME,
    <DiwanSuggestionServer<DiwanSuggestionService> as NamedService>::NAME,
    "grpc.health.v1.Health",
    "",
];

/// Names that are healthy while the server serves: this service answers from the request alone. Katib's probes ask it for the
/// last.
const WITHOUT_STORE: [&str; 2] = [
    <SuggestionServer<SuggestionService> as NamedService>::NAME,
    "manager.v1beta1.Suggestion",
];

/// The health of all services.
pub(super) struct Health {
    reporter: HealthReporter,
    store: Arc<dyn Store>,
    is_readable: bool,
}

impl Health {
    /// Looks at the store for the first time.
    pub(super) async fn new(store: Arc<dyn Store>) -> Self {
        let mut health = Self {
            reporter: HealthReporter::new(),
            store,
            is_readable: true,
        };
        health.tell(&WITHOUT_STORE, ServingStatus::Serving).await;
        health.tell(&WITH_STORE, ServingStatus::Serving).await;
        health.look().await;
        health
    }

    /// The service that answers.
    pub(super) fn server(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Looks at the store again and again, for ever.
    pub(super) async fn keep_up(&mut self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            self.look().await;
        }
    }

    /// Tells everybody that the server ends.
    pub(super) async fn end(&self) {
        self.tell(&WITHOUT_STORE, ServingStatus::NotServing).await;
        self.tell(&WITH_STORE, ServingStatus::NotServing).await;
    }

    /// Whoever watches is told of changes only.
    async fn look(&mut self) {
        let answer = self.ask().await;
        if answer.is_ok() == self.is_readable {
            return;
        }
        self.is_readable = answer.is_ok();
        let status = match answer {
            Ok(()) => {
                tracing::info!("the store can be read again");
                ServingStatus::Serving
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the store cannot be read");
                ServingStatus::NotServing
            }
        };
        self.tell(&WITH_STORE, status).await;
    }

    /// The cheapest question: nobody is an experiment without a name.
    async fn ask(&self) -> Result<(), StoreError> {
        let nobody = ExperimentKey::new("", "");
        let answer = tokio::time::timeout(PATIENCE, self.store.version(&nobody)).await;
        answer.unwrap_or(Err(StoreError::Busy)).map(drop)
    }

    async fn tell(&self, names: &[&str], status: ServingStatus) {
        for name in names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}
