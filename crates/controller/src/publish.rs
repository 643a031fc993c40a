//! Shows in Kubernetes what the store has: statuses, the Suggestion, and jobs that are not needed any more.
//!
//! Objects carry a bounded summary. What has changed is shown together, at most once in [`EVERY`] an experiment; what cannot be
//! shown now is shown later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use diwan_core::record::{ExperimentKey, TrialRecord, TrialState};
use diwan_core::view::{self, NamesByState};
use diwan_store::{Store, StoreError, TrialQuery};
use futures_util::{StreamExt, stream};
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use thiserror::Error;
use tracing::warn;

use crate::kinds;
use crate::mirror::News;

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
}

#[derive(Debug, Error)]
enum PublishError {
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
                stream::iter(news).for_each_concurrent(AT_ONCE, |(key, trials)| async move {
                    if let Err(error) = self.show(&key, &trials).await {
                        warn!(experiment = %key, %error, "cannot show how it stands; trying again");
                        self.news.put_back(&key, trials);
                        tokio::time::sleep(RETRY).await;
                    }
                });
            shown.await;
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn show(
        &self,
        key: &ExperimentKey,
        trials: &BTreeMap<u64, TrialRecord>,
    ) -> Result<(), PublishError> {
        let Some(snapshot) = self.store.load(key).await? else {
            return Ok(());
        };
        let record = &snapshot.record;
        let shown = stream::iter(trials.values())
            .map(|trial| async {
                let status = json!(view::trial(record, trial, None).status);
                self.set_status(&kinds::trials(), key, &trial.name, status)
                    .await?;
                if !trial.state.is_active() {
                    self.let_go(record, trial).await?;
                }
                Ok::<_, PublishError>(())
            })
            .buffer_unordered(AT_ONCE);
        let results: Vec<_> = shown.collect().await;
        results.into_iter().collect::<Result<Vec<()>, _>>()?;
        let newest = self.newest(key, Vec::new()).await?;
        self.show_suggestion(key, &view::suggestion(record, &newest))
            .await?;
        let names = self.names(key).await?;
        let made = view::experiment(record, snapshot.version, names);
        let status = json!(made.status);
        self.set_status(&kinds::experiments(), key, &key.name, status)
            .await
    }

    /// The job of a trial that is over and recorded, unless it is to be kept.
    async fn let_go(
        &self,
        record: &diwan_core::record::ExperimentRecord,
        trial: &TrialRecord,
    ) -> Result<(), PublishError> {
        let template = record.spec.trial_template.clone().unwrap_or_default();
        let text = |field: &str| {
            let job = template.trial_spec.as_ref();
            job.and_then(|job| job.get(field)?.as_str())
                .unwrap_or_default()
        };
        if template.retain || text("kind").is_empty() {
            return Ok(());
        }
        let (group, version) = text("apiVersion")
            .split_once('/')
            .unwrap_or(("", text("apiVersion")));
        let gvk = kube::core::GroupVersionKind::gvk(group, version, text("kind"));
        let resource = ApiResource::from_gvk(&gvk);
        let api = self.api(&resource, &record.metadata.namespace);
        match api.delete(&trial.name, &DeleteParams::foreground()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    async fn show_suggestion(
        &self,
        key: &ExperimentKey,
        suggestion: &diwan_core::resources::Suggestion,
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
