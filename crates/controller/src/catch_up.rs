//! What has happened while nobody watched, and what was committed and not shown.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use diwan_core::record::ExperimentKey;
use diwan_core::view::EXPERIMENT_LABEL;
use diwan_store::{ExperimentQuery, Store, StoreError};
use kube::api::{Api, ApiResource, DynamicObject, ListParams, ObjectList};
use kube::{Client, ResourceExt};
use serde_json::Value;
use thiserror::Error;
use tokio::sync::mpsc;
use tracing::warn;

use crate::experiments::{Heard, key};
use crate::kinds;
use crate::mirror::News;
use crate::shards::{Shards, shard};

/// Time until it is tried again.
const RETRY: Duration = Duration::from_secs(2);
/// Objects that are listed at one time.
const PAGE: u32 = 500;

/// Looks after the experiments of some shards.
pub(crate) struct CatchUp {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) news: Arc<News>,
    pub(crate) mailbox: mpsc::UnboundedSender<Heard>,
    pub(crate) shards: Shards,
}

#[derive(Debug, Error)]
enum CatchUpError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Kubernetes(#[from] kube::Error),
}

// === impl CatchUp ===

impl CatchUp {
    /// Does it, however often it takes. `listed`: what was seen to be there; otherwise it is looked for, and heard.
    pub(crate) async fn run(self, listed: Option<HashSet<ExperimentKey>>) {
        while let Err(error) = self.attempt(listed.as_ref()).await {
            warn!(%error, "cannot catch up with what has happened meanwhile; trying again");
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn attempt(&self, listed: Option<&HashSet<ExperimentKey>>) -> Result<(), CatchUpError> {
        let listed = match listed {
            Some(listed) => Cow::Borrowed(listed),
            None => Cow::Owned(self.look().await?),
        };
        // Who sees that an experiment has ended must find its trials ended.
        self.look_for_trials().await?;
        self.look_for_others(&listed).await
    }

    async fn look_for_trials(&self) -> Result<(), CatchUpError> {
        let (trials, mut token) = (kinds::trials(), None);
        loop {
            let page = self.page(&trials, token).await?;
            for trial in page.items {
                self.show(&trial).await?;
            }
            token = page.metadata.continue_.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// All Experiments there are. Those that count are heard.
    async fn look(&self) -> Result<HashSet<ExperimentKey>, kube::Error> {
        let (experiments, mut token) = (kinds::experiments(), None);
        let mut found = HashSet::new();
        loop {
            let page = self.page(&experiments, token).await?;
            for object in page.items {
                let key = key(&object);
                if self.shards.contains(&shard(&key)) {
                    let _ = self.mailbox.send(Heard::There(Box::new(object)));
                }
                found.insert(key);
            }
            token = page.metadata.continue_.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    async fn page(
        &self,
        resource: &ApiResource,
        token: Option<String>,
    ) -> Result<ObjectList<DynamicObject>, kube::Error> {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), resource);
        let page = ListParams {
            continue_token: token,
            ..ListParams::default().limit(PAGE)
        };
        api.list(&page).await
    }

    /// Has a Trial shown as its trial is stored, if it does not say that it is over.
    async fn show(&self, trial: &DynamicObject) -> Result<(), CatchUpError> {
        let Some(experiment) = trial.labels().get(EXPERIMENT_LABEL) else {
            return Ok(());
        };
        let key = ExperimentKey::new(trial.namespace().unwrap_or_default(), experiment);
        if is_over(trial) || !self.shards.contains(&shard(&key)) {
            return Ok(());
        }
        if let Some(stored) = self.store.trial(&key, &trial.name_any()).await? {
            self.news.add_trial(&key, stored);
        }
        Ok(())
    }

    /// Has experiments forgotten whose Experiments are gone, and shown how the others stand.
    async fn look_for_others(&self, listed: &HashSet<ExperimentKey>) -> Result<(), CatchUpError> {
        let mut query = ExperimentQuery::default();
        loop {
            let page = self.store.experiments(&query).await?;
            let Some(last) = page.last().map(|one| one.record.key()) else {
                return Ok(());
            };
            for one in page {
                let key = one.record.key();
                let uid = one.record.metadata.uid;
                if !self.shards.contains(&shard(&key)) {
                    continue;
                }
                if listed.contains(&key) || self.is_there(&key).await? {
                    self.news.add(&key);
                } else {
                    let _ = self.mailbox.send(Heard::Gone(key, uid));
                }
            }
            query.after = Some(last);
        }
    }

    /// One that was made after the others were listed is there, too.
    async fn is_there(&self, key: &ExperimentKey) -> Result<bool, kube::Error> {
        let client = self.client.clone();
        let api: Api<DynamicObject> =
            Api::namespaced_with(client, &key.namespace, &kinds::experiments());
        Ok(api.get_opt(&key.name).await?.is_some())
    }
}

/// Whether a Trial, or an Experiment, says that it has ended.
pub(crate) fn is_over(object: &DynamicObject) -> bool {
    let conditions = object.data.pointer("/status/conditions");
    let mut conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    conditions.any(|one| {
        let is_end = !matches!(
            one["type"].as_str(),
            Some("Created" | "Running" | "Restarting")
        );
        is_end && one["status"] == "True"
    })
}
