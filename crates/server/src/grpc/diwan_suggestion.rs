//! `diwan.v1.Suggestion`: points for experiments in the store.

use std::sync::Arc;

use diwan_algorithms::registry::ALGORITHMS;
use diwan_algorithms::stopping::STOPPING_RULES;
use diwan_core::engine::Snapshot;
use diwan_core::load;
use diwan_core::problem::{Problem, Problems};
use diwan_core::record::{ExperimentKey, ExperimentRecord, Progress};
use diwan_core::resources::{DEFAULT_NAMESPACE, Experiment};
use diwan_core::validate::Context;
use diwan_proto::convert::answer::{self, Answer, More};
use diwan_proto::convert::problems;
use diwan_proto::diwan;
use diwan_proto::diwan::suggestion_server::Suggestion;
use diwan_store::Store;
use tonic::{Code, Request, Response, Status};

use super::status;
use crate::suggester::{Next, SuggestError, Suggester, Suggestions};

/// Most points of one request.
const MAX_POINTS: u32 = 10_000;

/// The service.
pub(super) struct DiwanSuggestionService {
    pub(super) store: Arc<dyn Store>,
    pub(super) suggester: Arc<dyn Suggester>,
}

#[tonic::async_trait]
impl Suggestion for DiwanSuggestionService {
    async fn suggest(
        &self,
        request: Request<diwan::SuggestRequest>,
    ) -> Result<Response<diwan::SuggestReply>, Status> {
        let request = request.into_inner();
        let (key, count) = read(&request).map_err(|problems| status::invalid(&problems))?;
        let snapshot = self.snapshot(&key, request.revision).await?;
        let suggestions = self
            .suggester
            .suggest(&snapshot, count)
            .await
            .map_err(refused)?;
        Ok(Response::new(answer::write(&answer_of(suggestions))))
    }

    async fn validate(
        &self,
        request: Request<diwan::ValidateRequest>,
    ) -> Result<Response<diwan::ValidateReply>, Status> {
        let found = self.problems(&request.into_inner().manifest).await?;
        Ok(Response::new(problems::write(&found)))
    }
}

impl DiwanSuggestionService {
    /// The experiment as it is stored. The store behind this replica may lag behind the caller's: `revision` is what the
    /// caller has seen, 0 when it does not say.
    async fn snapshot(&self, key: &ExperimentKey, revision: u64) -> Result<Snapshot, Status> {
        let stored = self
            .store
            .load(key)
            .await
            .map_err(|error| status::store(&error))?;
        match stored {
            None => Err(status::status(
                Code::NotFound,
                format!("experiment {key} does not exist"),
            )),
            Some(snapshot) if snapshot.version < revision => {
                let message = format!(
                    "experiment {key} is at revision {} here, not {revision}",
                    snapshot.version
                );
                Err(status::status(Code::Aborted, message))
            }
            Some(snapshot) => Ok(snapshot),
        }
    }

    async fn problems(&self, manifest: &str) -> Result<Problems, Status> {
        let experiments = match check(manifest) {
            Ok(experiments) => experiments,
            Err(problems) => return Ok(problems),
        };
        let mut problems = Vec::new();
        for experiment in experiments {
            let record = ExperimentRecord {
                metadata: experiment.metadata,
                spec: experiment.spec,
                progress: Progress::default(),
            };
            match self.suggester.validate(&record).await {
                Ok(()) => {}
                Err(SuggestError::Refused(why)) => problems.push(Problem::refused("spec", why)),
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(Problems(problems))
    }
}

fn check(manifest: &str) -> Result<Vec<Experiment>, Problems> {
    let algorithms: Vec<&str> = ALGORITHMS.iter().map(|known| known.name()).collect();
    let rules: Vec<&str> = STOPPING_RULES.iter().map(|known| known.name()).collect();
    let context = Context {
        algorithms: &algorithms,
        early_stopping: &rules,
        config_map: None,
    };
    load::check(manifest, &context)
}

fn read(request: &diwan::SuggestRequest) -> Result<(ExperimentKey, u64), Problems> {
    let mut problems = Vec::new();
    if request.experiment.is_empty() {
        problems.push(Problem::required("experiment", "must be specified"));
    }
    if !(1..=MAX_POINTS).contains(&request.count) {
        let message = format!("must be from 1 to {MAX_POINTS}");
        problems.push(Problem::invalid("count", request.count, message));
    }
    let namespace = match request.namespace.as_str() {
        "" => DEFAULT_NAMESPACE,
        namespace => namespace,
    };
    let key = ExperimentKey::new(namespace, request.experiment.as_str());
    Problems(problems).or((key, request.count.into()))
}

fn answer_of(suggestions: Suggestions) -> Answer {
    Answer {
        points: suggestions.points,
        settings: suggestions.settings,
        more: match suggestions.next {
            Next::Ready => More::Now,
            Next::Waiting { why } => More::Later(why),
            Next::Exhausted => More::Never,
        },
    }
}

fn refused(error: SuggestError) -> Status {
    let code = match error {
        SuggestError::Refused(_) => Code::FailedPrecondition,
        SuggestError::Failed(_) => Code::Unavailable,
    };
    status::status(code, error.to_string())
}
