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
use diwan_store::{Store, StoreError, TrialQuery};
use futures_util::{StreamExt, stream};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use thiserror::Error;
use tracing::warn;

use crate::kinds;
use crate::mirror::{Change, Due, News};

/// Time between two looks at what has changed.
const EVERY: Duration = Duration::from_millis(200);
/// Time before something is shown again that could not be.
const RETRY: Duration = Duration::from_secs(2);
/// Experiments that are shown at one time, and trials of one experiment.
const AT_ONCE: usize = 8;
/// Names of trials that a status lists of each state, and points that a Suggestion lists: the newest. All are in the store; an
/// object stays far below what etcd takes.
const NAMES: u32 = 100;

/// Writes what the store has into Kubernetes' objects.
pub(crate) struct Publisher {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) news: Arc<News>,
    pub(crate) driver: Arc<KubernetesDriver>,
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

// === impl Publisher ===

impl Publisher {
    /// Shows what comes, for ever.
    pub(crate) async fn run(&self) {
        loop {
            let news = self.news.take().await;
            let shown =
                stream::iter(news).for_each_concurrent(AT_ONCE, |(key, change)| async move {
                    if let Err(error) = self.show(&key, &change).await {
                        warn!(experiment = %key, %error, "cannot show how it stands; trying again");
                        let news = self.news.clone();
                        // Beside the others, which need not wait for it.
                        tokio::spawn(async move {
                            tokio::time::sleep(RETRY).await;
                            news.put_back(&key, change);
                        });
                    }
                });
            shown.await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Shows the trials, and then the experiment: who sees that it has ended must find them ended.
    async fn show(&self, key: &ExperimentKey, change: &Change) -> Result<(), PublishError> {
        let shown = stream::iter(change.trials.values())
            .map(|trial| self.show_trial(key, trial))
            .buffer_unordered(AT_ONCE);
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
    async fn show_trial(
        &self,
        key: &ExperimentKey,
        trial: &TrialRecord,
    ) -> Result<(), PublishError> {
        let trials = kinds::trials();
        if !trial.state.is_active() {
            let api = self.api(&trials, &key.namespace);
            if let Some(shown) = api.get_opt(&trial.name).await? {
                self.let_go(&shown).await?;
            }
        }
        let status = json!(view::trial_status(trial));
        self.set_status(&trials, key, &trial.name, status).await
    }

    async fn show_experiment(
        &self,
        record: &ExperimentRecord,
        version: u64,
    ) -> Result<(), PublishError> {
        let key = &record.key();
        let newest = self.newest(key, Vec::new()).await?;
        self.show_suggestion(key, &view::suggestion(record, &newest))
            .await?;
        let made = view::experiment(record, version, self.names(key).await?);
        let status = json!(made.status);
        self.set_status(&kinds::experiments(), key, &key.name, status)
            .await
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

    async fn show_suggestion(
        &self,
        key: &ExperimentKey,
        suggestion: &Suggestion,
    ) -> Result<(), PublishError> {
        let resource = kinds::suggestions();
        let api = self.api(&resource, &key.namespace);
        let value = serde_json::to_value(suggestion).map_err(kube::Error::SerdeError)?;
        let spec = json!({ "spec": value["spec"] });
        let params = PatchParams::default();
        match api.patch(&key.name, &params, &Patch::Merge(&spec)).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {
                let object: DynamicObject =
                    serde_json::from_value(value.clone()).map_err(kube::Error::SerdeError)?;
                match api.create(&PostParams::default(), &object).await {
                    // Its experiment is being removed, or somebody was faster.
                    Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                    other => drop(other?),
                }
            }
            Err(error) => return Err(error.into()),
        }
        let status = value["status"].clone();
        self.set_status(&resource, key, &key.name, status).await
    }

    /// Sets a status as a whole, because what it does not have must go; that of an object that is gone is nobody's.
    async fn set_status(
        &self,
        resource: &ApiResource,
        key: &ExperimentKey,
        name: &str,
        status: Value,
    ) -> Result<(), PublishError> {
        let api = self.api(resource, &key.namespace);
        let params = PatchParams::default();
        let replaced = json!([{ "op": "add", "path": "/status", "value": status }]);
        let patch = serde_json::from_value(replaced).map_err(kube::Error::SerdeError)?;
        let patch = Patch::<()>::Json(patch);
        match api.patch_status(name, &params, &patch).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
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
