//! `api.v1.beta1.DBManager`: what trials report, kept in the store.
//!
//! Messages name a trial alone. Reports for a trial of an experiment here go to it; those for any other trial are kept under
//! its name, so that Diwan can stand in for Katib's database manager.

use std::sync::Arc;

use diwan_core::problem::{Problem, Problems};
use diwan_core::record::{ExperimentKey, ExperimentRecord};
use diwan_core::resources::{CollectorKind, MetricsCollectorSpec};
use diwan_core::view::WORK_ANNOTATION;
use diwan_proto::convert::{observation, read_nanoseconds};
use diwan_proto::katib;
use diwan_proto::katib::db_manager_server::DbManager;
use diwan_store::{ObservationQuery, Store, TrialRef};
use tonic::{Request, Response, Status};

use super::{reports, status, trials};

/// The service.
pub(super) struct DbManagerService {
    pub(super) store: Arc<dyn Store>,
    /// Most points of one reply, all of which are in memory while it is made.
    pub(super) most_points: usize,
}

#[tonic::async_trait]
impl DbManager for DbManagerService {
    async fn report_observation_log(
        &self,
        request: Request<katib::ReportObservationLogRequest>,
    ) -> Result<Response<katib::ReportObservationLogReply>, Status> {
        let request = request.into_inner();
        let name = trials::given(&request.trial_name)?;
        let points = observation::read(request.observation_log)
            .map_err(|problems| status::invalid(&problems))?;
        if !points.is_empty() {
            let trial = self.place_of(name).await?;
            let stored = self.store.report(&trial, &points).await;
            stored.map_err(|error| status::store(&error))?;
        }
        Ok(Response::new(katib::ReportObservationLogReply {}))
    }

    async fn get_observation_log(
        &self,
        request: Request<katib::GetObservationLogRequest>,
    ) -> Result<Response<katib::GetObservationLogReply>, Status> {
        let request = request.into_inner();
        let name = trials::given(&request.trial_name)?;
        let (from_ns, to_ns) = interval(&request).map_err(|problems| status::invalid(&problems))?;
        let Some(trial) = trials::find_reports(&*self.store, name).await? else {
            return Ok(Response::new(katib::GetObservationLogReply {
                observation_log: Some(observation::write(&[])),
            }));
        };
        let metric = Some(request.metric_name).filter(|metric| !metric.is_empty());
        let query = ObservationQuery {
            metric,
            from_ns,
            to_ns,
            ..ObservationQuery::of(trial)
        };
        let points = reports::all(&*self.store, query, self.most_points).await;
        let points = points.map_err(|error| status::store(&error))?;
        let points = points.ok_or_else(|| too_many(self.most_points))?;
        Ok(Response::new(katib::GetObservationLogReply {
            observation_log: Some(observation::write(&points)),
        }))
    }

    async fn delete_observation_log(
        &self,
        request: Request<katib::DeleteObservationLogRequest>,
    ) -> Result<Response<katib::DeleteObservationLogReply>, Status> {
        let request = request.into_inner();
        let name = trials::given(&request.trial_name)?;
        if let Some(trial) = trials::find_reports(&*self.store, name).await? {
            let deleted = self.store.delete_observations(&trial).await;
            deleted.map_err(|error| status::store(&error))?;
        }
        Ok(Response::new(katib::DeleteObservationLogReply {}))
    }
}

impl DbManagerService {
    /// Where reports of a trial go.
    async fn place_of(&self, name: &str) -> Result<TrialRef, Status> {
        if let Some(found) = trials::find(&*self.store, name).await? {
            self.check_collector(&found.experiment).await?;
            return Ok(found.reference());
        }
        let foreign = self.store.foreign_trial(name).await;
        foreign.map_err(|error| status::store(&error))
    }

    /// Refuses points for a trial whose observation is made of what it prints: they would be kept and count for nothing.
    async fn check_collector(&self, experiment: &ExperimentKey) -> Result<(), Status> {
        let found = self.store.load(experiment).await;
        match found.map_err(|error| status::store(&error))? {
            Some(snapshot) if is_read_here(&snapshot.record) => {
                Err(Status::failed_precondition(format!(
                    "experiment {experiment} reads the metrics of its trials from their output; to report them instead, \
                     make its spec.metricsCollectorSpec.collector.kind Push"
                )))
            }
            _ => Ok(()),
        }
    }
}

fn too_many(most: usize) -> Status {
    Status::resource_exhausted(format!(
        "the trial has reported more than {most} of these points, too many for one reply; ask for one metric_name and \
         for one interval from start_time to end_time after the other"
    ))
}

/// Whether the runner of this machine reads the metrics of an experiment's trials itself.
fn is_read_here(record: &ExperimentRecord) -> bool {
    let collector = record.spec.metrics_collector_spec.as_ref();
    let kind = collector.map_or(CollectorKind::StdOut, MetricsCollectorSpec::kind);
    record.metadata.annotations.contains_key(WORK_ANNOTATION)
        && matches!(kind, CollectorKind::StdOut | CollectorKind::File)
}

fn interval(
    request: &katib::GetObservationLogRequest,
) -> Result<(Option<i64>, Option<i64>), Problems> {
    let mut problems = Vec::new();
    let mut read = |field: &str, text: &str| {
        read_nanoseconds(text).unwrap_or_else(|message| {
            problems.push(Problem::invalid(field, text, message));
            None
        })
    };
    let interval = (
        read("start_time", &request.start_time),
        read("end_time", &request.end_time),
    );
    Problems(problems).or(interval)
}
