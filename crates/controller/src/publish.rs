//! Shows in Kubernetes what the store has: statuses, the Suggestion, and jobs that are not needed any more.
//!
//! Objects carry a bounded summary. What has changed is shown together, at most once in [`EVERY`] an experiment; what cannot be
//! shown now is shown later.

use std::sync::Arc;
use std::time::Duration;

use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialRecord, TrialState};
use diwan_core::resources::Suggestion;
use diwan_core::view::{self, NamesByState};
use diwan_drivers::{DriverError, KubernetesDriver};
use diwan_server::suggester::Elsewhere;
use diwan_store::{Store, StoreError, TrialQuery};
use futures_util::{StreamExt, stream};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use tracing::{debug, warn};

use crate::announce::Announcer;
use crate::catch_up::is_over;
use crate::claims;
use crate::kinds;
use crate::mirror::{Change, Due, News, Waiting};
use crate::optimizers::Optimizers;
use crate::shards::{Shards, shard};
use crate::troubles::Troubles;

/// Time between two looks at what has changed.
const EVERY: Duration = Duration::from_millis(200);
/// How long it may take until a trial is seen to run while others wait to be launched: those go first.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time before something is shown again that could not be.
const RETRY: Duration = Duration::from_secs(2);
/// Experiments that are shown at one time.
const AT_ONCE: usize = 8;
/// Trials that are shown at one time, of all experiments. Fewer than are launched: these go first.
pub(crate) const TRIALS_AT_ONCE: usize = 32;
/// Names of trials that a status lists of each state, and points that a Suggestion lists: the newest. All are in the store; an
/// object stays far below what etcd takes.
const NAMES: u32 = 100;

/// Writes what the store has into Kubernetes' objects.
pub(crate) struct Publisher {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) news: Arc<News>,
    pub(crate) driver: Arc<KubernetesDriver>,
    pub(crate) troubles: Arc<Troubles>,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) optimizers: Arc<Optimizers>,
    pub(crate) turns: Semaphore,
    /// The shards whose experiments are this controller's: others show theirs.
    pub(crate) held: watch::Receiver<Shards>,
}

#[derive(Debug, Error)]
enum PublishError {
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Kubernetes(#[from] kube::Error),
}

// === impl PublishError ===

impl PublishError {
    /// Whether the namespace is going, and all in it.
    fn is_of_going_namespace(&self) -> bool {
        matches!(self, Self::Kubernetes(kube::Error::Api(status))
            if status.code == 403 && status.message.contains("being terminated"))
    }
}

fn operations(operations: Value) -> Result<Patch<()>, kube::Error> {
    let patch = serde_json::from_value(operations).map_err(kube::Error::SerdeError)?;
    Ok(Patch::Json(patch))
}

// === impl Publisher ===

impl Publisher {
    /// Shows what comes, for ever.
    pub(crate) async fn run(&self) {
        loop {
            let patience = || match self.driver.is_busy() {
                true => PATIENCE,
                false => Duration::ZERO,
            };
            let news = self.news.take(patience).await;
            let shown =
                stream::iter(news).for_each_concurrent(AT_ONCE, |(key, change)| async move {
                    if let Err(error) = self.show(&key, &change).await {
                        if error.is_of_going_namespace() {
                            return;
                        }
                        warn!(experiment = %key, %error, "cannot show how it stands; trying again");
                        self.news.put_back(&key, change, RETRY);
                    }
                });
            shown.await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Shows the trials, and then the experiment: who sees that it has ended must find them ended.
    async fn show(&self, key: &ExperimentKey, change: &Change) -> Result<(), PublishError> {
        if !self.is_ours(key) {
            return Ok(());
        }
        let shown = stream::iter(change.trials.values())
            .map(async |waiting| {
                let _turn = self.turns.acquire().await;
                self.show_trial(key, waiting).await
            })
            .buffer_unordered(TRIALS_AT_ONCE);
        let results: Vec<_> = shown.collect().await;
        results.into_iter().collect::<Result<Vec<()>, _>>()?;
        match &change.experiment {
            Due::No => Ok(()),
            Due::Committed(record, version) => self.show_experiment(record, *version).await,
            Due::AsStored => match self.store.load(key).await? {
                Some(stored) => self.show_experiment(&stored.record, stored.version).await,
                None => Ok(()),
            },
        }
    }

    /// The job goes before the Trial says that it is over, so that after a crash in between both are still to be done.
    async fn show_trial(&self, key: &ExperimentKey, waiting: &Waiting) -> Result<(), PublishError> {
        let api = self.api(&kinds::trials(), &key.namespace);
        let stored = match waiting.may_be_old {
            true => self.store.trial(key, &waiting.trial.name).await?,
            false => None,
        };
        let trial = stored.as_ref().unwrap_or(&waiting.trial);
        let trouble = self.troubles.of(&key.namespace, &trial.name);
        let shown = match trial.state.is_active() && trouble.is_none() {
            true => None,
            false => api.get_opt(&trial.name).await?,
        };
        if let Some(shown) = shown.as_ref().filter(|_| !trial.state.is_active()) {
            self.let_go(shown).await?;
        }
        let mut status = view::trial_status(trial);
        if let (Some(trouble), Some(last)) = (&trouble, status.conditions.last_mut())
            && matches!(
                trial.state,
                TrialState::Running | TrialState::MetricsUnavailable
            )
        {
            last.message = format!("{}; {}", last.message, trouble.words);
        }
        let place = shown
            .as_ref()
            .and_then(|shown| Some((shown.uid()?, shown.resource_version()?)));
        let place = place.or_else(|| waiting.made.clone());
        self.set_trial_status(&api, key, &trial.name, place, json!(status))
            .await?;
        match (shown, trouble) {
            (Some(shown), _) if !trial.state.is_active() => {
                self.troubles.forget(&key.namespace, &trial.name);
                if !is_over(&shown) {
                    self.announcer.end(&shown, trial).await;
                }
            }
            (Some(shown), Some(trouble)) if !trouble.is_of_job => {
                self.announcer.trouble(&shown, &trouble.words).await;
            }
            _ => {}
        }
        Ok(())
    }

    /// Puts a status onto the object that is known: that costs the API server half of a patch.
    async fn set_trial_status(
        &self,
        api: &Api<DynamicObject>,
        key: &ExperimentKey,
        name: &str,
        place: Option<(String, String)>,
        status: Value,
    ) -> Result<(), PublishError> {
        let resource = kinds::trials();
        if !self.is_ours(key) {
            return Ok(());
        }
        if let Some((uid, version)) = place {
            let mut next = DynamicObject::new(name, &resource).within(&key.namespace);
            (next.metadata.uid, next.metadata.resource_version) = (Some(uid), Some(version));
            next.data = json!({ "status": status });
            match api
                .replace_status(name, &PostParams::default(), &next)
                .await
            {
                Ok(_) => return Ok(()),
                // It has changed, or is another: see below.
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // Their names are of the experiment's uid.
        self.set_status(&resource, key, name, json!([]), status)
            .await
    }

    async fn show_experiment(
        &self,
        record: &ExperimentRecord,
        version: u64,
    ) -> Result<(), PublishError> {
        let key = &record.key();
        let newest = self.newest(key, Vec::new()).await?;
        self.show_suggestion(record, &view::suggestion(record, &newest))
            .await?;
        let made = view::experiment(record, version, self.names(key).await?);
        let status = json!(made.status);
        let of = json!([{"op": "test", "path": "/metadata/uid", "value": record.metadata.uid}]);
        self.set_status(&kinds::experiments(), key, &key.name, of, status)
            .await?;
        if !self.is_ours(key) {
            return Ok(());
        }
        self.announcer.experiment(record).await;
        Ok(self.optimizers.release(record).await?)
    }

    /// Lets go of the job of a trial that is over and recorded, unless the Trial says to keep it.
    async fn let_go(&self, trial: &DynamicObject) -> Result<(), PublishError> {
        let spec = &trial.data["spec"];
        let Some(job) = spec["runSpec"].as_object() else {
            return Ok(());
        };
        if spec["retainRun"] == true {
            return Ok(());
        }
        let (namespace, name) = (trial.namespace().unwrap_or_default(), trial.name_any());
        let owner = trial.uid().unwrap_or_default();
        match self.driver.release(&namespace, &name, &owner, job).await {
            // There is no such kind any more, and so no such job.
            Err(error) if error.is_permanent() => Ok(()),
            other => Ok(other?),
        }
    }

    /// `Gone`: it belongs to an experiment of this name that is not there any more, and goes with it.
    async fn show_suggestion(
        &self,
        record: &ExperimentRecord,
        suggestion: &Suggestion,
    ) -> Result<(), PublishError> {
        let key = &record.key();
        let resource = kinds::suggestions();
        let api = self.api(&resource, &key.namespace);
        let value = serde_json::to_value(suggestion).map_err(kube::Error::SerdeError)?;
        let place = "/metadata/ownerReferences/0/uid";
        let of = json!({"op": "test", "path": place, "value": record.metadata.uid});
        let spec = json!({"op": "add", "path": "/spec", "value": value["spec"]});
        let patch = operations(json!([of, spec]))?;
        match api.patch(&key.name, &PatchParams::default(), &patch).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let object: DynamicObject =
                    serde_json::from_value(value.clone()).map_err(kube::Error::SerdeError)?;
                match api.create(&PostParams::default(), &object).await {
                    // Its experiment is being removed, or somebody was faster.
                    Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                    // An optimizer that mounts its claim makes it.
                    other if self.optimizers.has(record) => drop(other?),
                    other => claims::keep(&self.client, record, &other?).await?,
                }
            }
            Err(error) => return Err(error.into()),
        }
        let status = value["status"].clone();
        self.set_status(&resource, key, &key.name, json!([of]), status)
            .await
    }

    /// Sets a status as a whole, because what it does not have must go, if the object passes the tests; that of an object that
    /// is gone, or is another's, is nobody's.
    async fn set_status(
        &self,
        resource: &ApiResource,
        key: &ExperimentKey,
        name: &str,
        mut tests: Value,
        status: Value,
    ) -> Result<(), PublishError> {
        if !self.is_ours(key) {
            return Ok(());
        }
        let api = self.api(resource, &key.namespace);
        if let Some(tests) = tests.as_array_mut() {
            tests.push(json!({ "op": "add", "path": "/status", "value": status }));
        }
        let patch = operations(tests)?;
        match api
            .patch_status(name, &PatchParams::default(), &patch)
            .await
        {
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 422) => {
                debug!(
                    name,
                    kind = resource.kind,
                    "is not shown: {}",
                    status.message
                );
                Ok(())
            }
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    /// Whether an experiment is shown here. Asked before each write: it may be another's meanwhile, who knows better.
    fn is_ours(&self, key: &ExperimentKey) -> bool {
        self.held.borrow().contains(&shard(key))
    }

    fn api(&self, resource: &ApiResource, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, resource)
    }

    async fn names(&self, key: &ExperimentKey) -> Result<NamesByState, StoreError> {
        let mut names = NamesByState::new();
        for state in TrialState::ALL {
            let newest = self.newest(key, vec![state]).await?;
            names.insert(state, newest.into_iter().map(|trial| trial.name).collect());
        }
        Ok(names)
    }

    /// The newest trials in some states, the newest last.
    async fn newest(
        &self,
        key: &ExperimentKey,
        states: Vec<TrialState>,
    ) -> Result<Vec<TrialRecord>, StoreError> {
        let query = TrialQuery {
            states,
            newest_first: true,
            limit: NAMES,
            ..TrialQuery::of(key.clone())
        };
        let mut newest = self.store.trials(&query).await?;
        newest.reverse();
        Ok(newest)
    }
}
