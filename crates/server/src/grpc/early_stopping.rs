//! `api.v1.beta1.EarlyStopping`: when a trial is hopeless.

use std::sync::Arc;

use async_trait::async_trait;
use diwan_algorithms::settings::Settings;
use diwan_algorithms::stopping::{self, Curves, Stopping};
use diwan_algorithms::study::Objective;
use diwan_core::problem::{Problem, Problems};
use diwan_core::record::{TrialRecord, TrialState};
use diwan_core::resources::{EarlyStoppingSpec, Experiment};
use diwan_proto::convert::{experiment, read_early_stopping, rules, trials as history};
use diwan_proto::katib;
use diwan_proto::katib::early_stopping_server::EarlyStopping;
use diwan_store::{FoundTrial, ObservationQuery, Store};
use thiserror::Error;
use tonic::{Code, Request, Response, Status};

use super::reports::{self, DbManager};
use super::{status, trials};

/// Takes note of trials that somebody else has stopped.
#[async_trait]
pub trait TrialStopper: Send + Sync {
    /// A collector has stopped this active trial, because all its rules hold. The trial ends as `EarlyStopped`; being told
    /// again changes nothing. What is noted is durable when the call returns.
    ///
    /// # Errors
    /// See [`StopError`].
    async fn early_stopped(&self, trial: &FoundTrial) -> Result<(), StopError>;
}

/// Why a stop was not noted.
#[derive(Debug, Error)]
pub enum StopError {
    /// The trial has ended otherwise meanwhile.
    #[error("the trial has already ended")]
    Ended,
    /// The note could not be made; telling it again may help.
    #[error("{0}")]
    Failed(String),
}

/// The service.
pub(super) struct EarlyStoppingService {
    pub(super) store: Arc<dyn Store>,
    pub(super) stopper: Arc<dyn TrialStopper>,
    pub(super) ask_db_managers: bool,
}

#[tonic::async_trait]
impl EarlyStopping for EarlyStoppingService {
    async fn get_early_stopping_rules(
        &self,
        request: Request<katib::GetEarlyStoppingRulesRequest>,
    ) -> Result<Response<katib::GetEarlyStoppingRulesReply>, Status> {
        let request = request.into_inner();
        let experiment = experiment::read(request.experiment);
        let experiment = experiment.map_err(|problems| status::invalid(&problems))?;
        let trials =
            history::read(request.trials).map_err(|problems| status::invalid(&problems))?;
        let Some(named) = experiment.spec.early_stopping.clone() else {
            return Ok(Response::new(rules::write(&[])));
        };
        let root = "experiment.spec";
        let stopping = rule_of(&named, root).map_err(|problems| status::invalid(&problems))?;
        let objective = Objective::from(&experiment.spec.objective.clone().unwrap_or_default());
        let source = self.source(&experiment, &request.db_manager_address)?;
        let curves = source.curves(trials, &objective.metric, &stopping).await?;
        let work = move || stopping.rules(&objective, &curves);
        let found = tokio::task::spawn_blocking(work).await;
        Ok(Response::new(rules::write(
            &found.map_err(|error| status::broke_down(&error))?,
        )))
    }

    async fn set_trial_status(
        &self,
        request: Request<katib::SetTrialStatusRequest>,
    ) -> Result<Response<katib::SetTrialStatusReply>, Status> {
        let request = request.into_inner();
        let name = trials::given(&request.trial_name)?;
        let found = trials::find(&*self.store, name).await?.ok_or_else(|| {
            let message = format!("trial {name:?} is of no experiment here");
            status::status(Code::NotFound, message)
        })?;
        match found.trial.state {
            TrialState::EarlyStopped => {}
            state if state.is_active() => self.stop(&found).await?,
            state => {
                let message = format!("trial {name:?} has already ended: {}", state.condition());
                return Err(status::status(Code::FailedPrecondition, message));
            }
        }
        Ok(Response::new(katib::SetTrialStatusReply {}))
    }

    async fn validate_early_stopping_settings(
        &self,
        request: Request<katib::ValidateEarlyStoppingSettingsRequest>,
    ) -> Result<Response<katib::ValidateEarlyStoppingSettingsReply>, Status> {
        read_early_stopping(request.into_inner().early_stopping)
            .and_then(|named| rule_of(&named, "").map(drop))
            .map_err(|problems| status::invalid(&problems))?;
        Ok(Response::new(katib::ValidateEarlyStoppingSettingsReply {}))
    }
}

impl EarlyStoppingService {
    async fn stop(&self, found: &FoundTrial) -> Result<(), Status> {
        self.stopper.early_stopped(found).await.map_err(|error| {
            let code = match error {
                StopError::Ended => Code::FailedPrecondition,
                StopError::Failed(_) => Code::Unavailable,
            };
            status::status(code, format!("trial {:?}: {error}", found.trial.name))
        })
    }

    fn source(&self, experiment: &Experiment, address: &str) -> Result<ReportSource<'_>, Status> {
        let elsewhere = (self.ask_db_managers && !address.is_empty())
            .then(|| DbManager::at(address))
            .transpose()
            .map_err(|error| {
                let message = format!("must be host:port: {error}");
                let problem = Problem::refused("db_manager_address", message);
                status::invalid_field(problem)
            })?;
        Ok(ReportSource {
            store: &*self.store,
            experiment: experiment.metadata.name.clone(),
            elsewhere,
        })
    }
}

/// The stopping rule of a name and its settings, or all that is wrong with them. `root` is the path of the message that
/// `early_stopping` is a field of.
fn rule_of(named: &EarlyStoppingSpec, root: &str) -> Result<Stopping, Problems> {
    let rule = stopping::find(&named.algorithm_name).map_err(|unknown| {
        let path = status::message_path(root, "earlyStopping.algorithmName");
        Problems(vec![Problem::refused(path, unknown.to_string())])
    })?;
    let settings = Settings::from(named.algorithm_settings.as_slice());
    let stopping = Stopping::of(rule, settings);
    stopping.map_err(|problems| status::in_message(root, problems))
}

/// Where the reports of a request's trials are: in the store if it knows them, be they trials of an experiment here or ones
/// that only reported here; else in the database manager that the request names.
struct ReportSource<'a> {
    store: &'a dyn Store,
    experiment: String,
    elsewhere: Option<DbManager>,
}

impl ReportSource<'_> {
    /// As many first values as a rule needs, of the trials that it compares with.
    async fn curves(
        &self,
        trials: Vec<TrialRecord>,
        metric: &str,
        stopping: &Stopping,
    ) -> Result<Curves, Status> {
        let mut curves = Curves::default();
        let count = stopping.values_needed();
        for (number, trial) in (0..).zip(trials) {
            if count > 0 && stopping.compares_with(trial.state) {
                let values = self.values(&trial.name, metric, count).await?;
                curves.insert(number, trial.state, values.into_iter().collect());
            }
        }
        Ok(curves)
    }

    async fn values(&self, trial: &str, metric: &str, count: usize) -> Result<Vec<f64>, Status> {
        let found = self
            .store
            .find_trials(trial)
            .await
            .map_err(|error| status::store(&error))?;
        let own = found
            .iter()
            .find(|found| found.experiment.name == self.experiment);
        let place = match own {
            Some(found) => Some(found.reference()),
            None => {
                let foreign = self.store.find_foreign_trial(trial).await;
                foreign.map_err(|error| status::store(&error))?
            }
        };
        match (place, &self.elsewhere) {
            (Some(place), _) => {
                let query = ObservationQuery {
                    metric: Some(metric.to_owned()),
                    ..ObservationQuery::of(place)
                };
                let values = reports::first_values(self.store, query, count).await;
                values.map_err(|error| status::store(&error))
            }
            (None, Some(elsewhere)) => {
                let values = elsewhere.first_values(trial, metric, count).await;
                values.map_err(|error| {
                    let message = format!("db_manager_address: {}", error.message());
                    status::status(Code::Unavailable, message)
                })
            }
            (None, None) => Ok(Vec::new()),
        }
    }
}
