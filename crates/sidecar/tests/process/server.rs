//! A database manager and an early-stopping service that remember what they were told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use diwan_proto::katib;
use diwan_proto::katib::db_manager_server::{DbManager, DbManagerServer};
use diwan_proto::katib::early_stopping_server::{EarlyStopping, EarlyStoppingServer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// What it was told, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Report(katib::ReportObservationLogRequest),
    Stopped(String),
}

#[derive(Default)]
struct Memory {
    told: Vec<Told>,
    /// Whether it keeps what it is told and never answers.
    is_mute: bool,
}

pub(crate) struct Fake {
    pub(crate) address: SocketAddr,
    memory: Arc<Mutex<Memory>>,
    task: JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub(crate) async fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap()).await
    }

    pub(crate) async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let memory = Arc::<Mutex<Memory>>::default();
        let service = Service(memory.clone());
        let server = Server::builder()
            .add_service(DbManagerServer::new(service.clone()))
            .add_service(EarlyStoppingServer::new(service))
            .serve_with_incoming(TcpIncoming::from(listener));
        let task = tokio::spawn(async move { server.await.unwrap() });
        Self {
            address,
            memory,
            task,
        }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn be_mute(&self, is_mute: bool) {
        self.memory.lock().unwrap().is_mute = is_mute;
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.memory.lock().unwrap().told.clone()
    }

    pub(crate) fn reports(&self) -> Vec<katib::ReportObservationLogRequest> {
        let reports = self.told().into_iter();
        let reports = reports.filter_map(|told| match told {
            Told::Report(report) => Some(report),
            Told::Stopped(_) => None,
        });
        reports.collect()
    }

    /// What a store keeps of it: of equal reports in a row, one. `metric=value` of each point.
    pub(crate) fn kept(&self) -> Vec<String> {
        let mut reports = self.reports();
        reports.dedup();
        let points = reports.into_iter().flat_map(|report| {
            assert_eq!(report.trial_name, "tune-a");
            report.observation_log.unwrap().metric_logs
        });
        let metrics = points.map(|point| point.metric.unwrap());
        metrics
            .map(|metric| format!("{}={}", metric.name, metric.value))
            .collect()
    }
}

#[derive(Clone)]
struct Service(Arc<Mutex<Memory>>);

impl Service {
    async fn hear(&self, told: Told) {
        let is_mute = {
            let mut memory = self.0.lock().unwrap();
            memory.told.push(told);
            memory.is_mute
        };
        if is_mute {
            std::future::pending::<()>().await;
        }
    }
}

#[tonic::async_trait]
impl DbManager for Service {
    async fn report_observation_log(
        &self,
        request: Request<katib::ReportObservationLogRequest>,
    ) -> Result<Response<katib::ReportObservationLogReply>, Status> {
        self.hear(Told::Report(request.into_inner())).await;
        Ok(Response::new(katib::ReportObservationLogReply {}))
    }

    async fn get_observation_log(
        &self,
        _: Request<katib::GetObservationLogRequest>,
    ) -> Result<Response<katib::GetObservationLogReply>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn delete_observation_log(
        &self,
        _: Request<katib::DeleteObservationLogRequest>,
    ) -> Result<Response<katib::DeleteObservationLogReply>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}

#[tonic::async_trait]
impl EarlyStopping for Service {
    async fn get_early_stopping_rules(
        &self,
        _: Request<katib::GetEarlyStoppingRulesRequest>,
    ) -> Result<Response<katib::GetEarlyStoppingRulesReply>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }

    async fn set_trial_status(
        &self,
        request: Request<katib::SetTrialStatusRequest>,
    ) -> Result<Response<katib::SetTrialStatusReply>, Status> {
        self.hear(Told::Stopped(request.into_inner().trial_name))
            .await;
        Ok(Response::new(katib::SetTrialStatusReply {}))
    }

    async fn validate_early_stopping_settings(
        &self,
        _: Request<katib::ValidateEarlyStoppingSettingsRequest>,
    ) -> Result<Response<katib::ValidateEarlyStoppingSettingsReply>, Status> {
        Err(Status::unimplemented("nobody asks"))
    }
}
