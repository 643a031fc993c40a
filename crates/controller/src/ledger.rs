//! What is kept of launches: that they happened, in Trials as custom resources, to which their jobs belong; and what they reported.

use std::sync::Arc;

use async_trait::async_trait;
use diwan_core::record::TrialRecord;
use diwan_core::resources::Trial;
use diwan_core::view;
use diwan_drivers::kubernetes::{ATTEMPT_ANNOTATION, Claim, Ledger, lacks_rights};
use diwan_drivers::{DriverError, LaunchId, TrialPlan};
use diwan_server::grpc::{StopError, TrialStopper};
use diwan_server::stopper::StoreStopper;
use diwan_store::{FoundTrial, Store, StoreError};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::{Client, ResourceExt};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admission::owner::{Made, Owner};
use crate::announce::Announcer;
use crate::collectors::Collectors;
use crate::kinds;
use crate::logs::PodLogs;
use crate::mirror::News;
use crate::troubles::{Troubles, show};

/// Makes the Trial of a trial that is about to be launched. That it says an attempt means that this attempt was, or nearly was,
/// launched, whatever has become of its job.
pub(crate) struct TrialObjects {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) news: Arc<News>,
    pub(crate) logs: PodLogs,
    pub(crate) collectors: Arc<Collectors>,
    pub(crate) troubles: Arc<Troubles>,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) made: Arc<Made>,
}

#[async_trait]
impl Ledger for TrialObjects {
    async fn claim(&self, plan: &TrialPlan) -> Result<Claim, DriverError> {
        let namespace = &plan.experiment.namespace;
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, &kinds::trials());
        let (mut trial, record) = self.trial(plan).await?;
        let object = serde_json::to_value(&trial).and_then(serde_json::from_value);
        let object: DynamicObject = object.map_err(|error| {
            DriverError::Refused(format!("the trial is no object of Kubernetes: {error}"))
        })?;
        match api.create(&PostParams::default(), &object).await {
            Ok(made) => {
                // Nobody who asks whose pod it is wants to know more.
                (trial.spec.run_spec, trial.status) = (None, None);
                let uid = made.uid().unwrap_or_default();
                trial.metadata.uid.clone_from(&uid);
                self.made.trial(trial);
                let (announcer, shown) = (self.announcer.clone(), made.clone());
                // Nobody waits for it.
                tokio::spawn(async move { announcer.launch(&shown).await });
                // Its status could not be shown before.
                let version = made.resource_version().unwrap_or_default();
                self.news.add_made(&plan.experiment, record, (uid, version));
                return Ok(claim(&made, true));
            }
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(kube::Error::Api(status)) if self.is_namespace_going(namespace).await => {
                // All in it is, and nothing will be known of it.
                return Err(DriverError::Unavailable(status.message));
            }
            Err(kube::Error::Api(status))
                if matches!(status.code, 403 | 404) && !lacks_rights(&status) =>
            {
                return Err(DriverError::Refused(status.message));
            }
            Err(error) => return Err(cannot("make", plan, error)),
        }
        let found = api.get(&plan.trial).await;
        let found = found.map_err(|error| cannot("read", plan, error))?;
        let claimed = found.annotations().get(ATTEMPT_ANNOTATION);
        if claimed.is_some_and(|text| {
            text.parse()
                .is_ok_and(|claimed: u32| claimed >= plan.attempt)
        }) {
            return Ok(claim(&found, false));
        }
        // Whoever has changed it in between has claimed it.
        let next = json!({"metadata": {
            "resourceVersion": found.resource_version(),
            "annotations": {ATTEMPT_ANNOTATION: plan.attempt.to_string()},
        }});
        let patched = api
            .patch(&plan.trial, &PatchParams::default(), &Patch::Merge(&next))
            .await;
        let patched = patched.map_err(|error| cannot("update", plan, error))?;
        self.troubles.begin_again(namespace, &plan.trial);
        (trial.spec.run_spec, trial.status) = (None, None);
        trial.metadata.uid = patched.uid().unwrap_or_default();
        self.made.trial(trial);
        Ok(claim(&patched, true))
    }

    fn made(&self, job: &DynamicObject, owner: &Value) {
        if let (Some(uid), Ok(owner)) = (job.uid(), Owner::deserialize(owner)) {
            self.made.job(uid, owner);
        }
    }

    async fn settle(&self, id: &LaunchId, is_gone: bool) -> Result<(), DriverError> {
        let left = self.collectors.left(id, is_gone).await?;
        if left.iter().any(|left| left.stopped) {
            self.tell_stop(id).await?;
        }
        if is_gone {
            return self.logs.keep_left(id, &left).await;
        }
        if let Some(wrong) = self.logs.read(id, &left).await? {
            let place = (id.experiment.namespace.clone(), id.trial.clone());
            self.troubles.judge(&place, wrong);
        }
        Ok(())
    }

    fn last_words(&self, id: &LaunchId) -> Option<String> {
        self.troubles
            .last_words(&id.experiment.namespace, &id.trial)
    }

    fn hindered(&self, id: &LaunchId, why: Option<String>) {
        let place = (id.experiment.namespace.clone(), id.trial.clone());
        if !self.troubles.hindered(&place, why) {
            return;
        }
        let (store, news, key) = (self.store.clone(), self.news.clone(), id.experiment.clone());
        // Whoever has seen the job has others to look at.
        tokio::spawn(async move { show(&*store, &news, &key, &place.1).await });
    }

    async fn is_going(&self, id: &LaunchId) -> bool {
        self.is_namespace_going(&id.experiment.namespace).await
            || self.is_experiment_going(id).await
    }
}

impl TrialObjects {
    async fn is_namespace_going(&self, name: &str) -> bool {
        let api: Api<Namespace> = Api::all(self.client.clone());
        is_deleted(&api.get_metadata_opt(name).await)
    }

    /// One that was deleted and made again is another, and has no such trial.
    async fn is_experiment_going(&self, id: &LaunchId) -> bool {
        let key = &id.experiment;
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &key.namespace, &kinds::experiments());
        is_deleted(&api.get_metadata_opt(&key.name).await)
            || matches!(self.store.trial(key, &id.trial).await, Ok(None))
    }

    /// A collector has stopped a trial early and could not tell.
    async fn tell_stop(&self, id: &LaunchId) -> Result<(), DriverError> {
        let found = self.store.find_trials(&id.trial).await.map_err(lost)?;
        let mut found = found.into_iter();
        let is_it =
            |one: &FoundTrial| one.experiment == id.experiment && one.trial.attempt == id.attempt;
        let Some(found) = found.find(is_it).filter(|one| one.trial.state.is_active()) else {
            return Ok(());
        };
        match StoreStopper::new(self.store.clone())
            .early_stopped(&found)
            .await
        {
            Ok(()) | Err(StopError::Ended) => Ok(()),
            Err(StopError::Failed(why)) => Err(DriverError::Unavailable(why)),
        }
    }

    /// The Trial of a trial, as it is made, and the trial.
    async fn trial(&self, plan: &TrialPlan) -> Result<(Trial, TrialRecord), DriverError> {
        let missing = || DriverError::Refused("its experiment was deleted".to_owned());
        let snapshot = self.store.load(&plan.experiment).await.map_err(lost)?;
        let record = snapshot.ok_or_else(missing)?.record;
        let trial = self
            .store
            .trial(&plan.experiment, &plan.trial)
            .await
            .map_err(lost)?;
        let trial = trial.ok_or_else(missing)?;
        let mut made = view::trial(&record, &trial, Some(plan.manifest.clone()));
        let attempt = plan.attempt.to_string();
        made.metadata
            .annotations
            .insert(ATTEMPT_ANNOTATION.to_owned(), attempt);
        Ok((made, trial))
    }
}

/// Whether what was looked for is gone, or about to go; not if nobody can tell.
fn is_deleted<K>(found: &kube::Result<Option<PartialObjectMeta<K>>>) -> bool {
    let is_going = |found: &PartialObjectMeta<K>| found.metadata.deletion_timestamp.is_some();
    matches!(found, Ok(found) if found.as_ref().is_none_or(is_going))
}

fn claim(trial: &DynamicObject, is_new: bool) -> Claim {
    let owner = kinds::owner(&kinds::trials(), trial);
    Claim { is_new, owner }
}

fn lost(error: StoreError) -> DriverError {
    DriverError::Unavailable(format!("the record cannot be read: {error}"))
}

fn cannot(what: &str, plan: &TrialPlan, error: kube::Error) -> DriverError {
    DriverError::Kubernetes {
        doing: format!("{what} Trial {}", plan.trial),
        source: Box::new(error),
    }
}
