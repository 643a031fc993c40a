//! Optimizers in images that `katib-config` names. As with Katib, each experiment has one in a pod of its own, behind a Service
//! `<experiment>-<algorithm>`, and asks it by Katib's protocol.

pub(crate) mod objects;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::ResumePolicy;
use diwan_drivers::kubernetes::told_by;
use diwan_server::suggester::{Elsewhere, KatibService, SuggestError};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams, Preconditions};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::admission::server::Settings;
use objects::{DEPLOYMENT_LABEL, PORT};

/// How long a request for points waits for a pod that begins.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether it is ready.
const LOOK: Duration = Duration::from_millis(500);

/// An optimizer's image, and how it is run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Optimizer {
    /// The algorithm's name.
    pub algorithm: String,
    /// Its container: an image, and what else `katib-config` says.
    pub container: Map<String, Value>,
    /// The pod's service account, if not the namespace's own.
    pub service_account: Option<String>,
    /// Where the volume of `resumePolicy: FromVolume` is mounted.
    pub volume_mount_path: Option<String>,
    /// The claim of that volume.
    pub claim: Option<Value>,
    /// Whether it answers gRPC's health checks.
    pub is_probed: bool,
}

/// Starts such optimizers, and asks them.
pub struct Optimizers {
    client: Client,
    settings: watch::Receiver<Settings>,
}

// === impl Optimizers ===

impl Optimizers {
    /// Those of `settings`, in a cluster.
    #[must_use]
    pub fn new(client: Client, settings: watch::Receiver<Settings>) -> Self {
        Self { client, settings }
    }

    fn find(&self, record: &ExperimentRecord) -> Option<Optimizer> {
        let name = &record.spec.algorithm.as_ref()?.algorithm_name;
        self.settings.borrow().optimizer(name).cloned()
    }

    fn api<K>(&self, record: &ExperimentRecord) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &record.metadata.namespace)
    }

    /// What an experiment asks goes when it has ended, unless it is to stay, or keeps a volume.
    ///
    /// # Errors
    /// When it cannot be removed now. The call may be repeated.
    pub(crate) async fn release(&self, record: &ExperimentRecord) -> Result<(), kube::Error> {
        let stays = record.spec.resume_policy == Some(ResumePolicy::LongRunning);
        if stays || record.progress.completion_time.is_none() || !self.has(record) {
            return Ok(());
        }
        self.remove::<Deployment>(record).await?;
        self.remove::<Service>(record).await
    }

    async fn remove<K>(&self, record: &ExperimentRecord) -> Result<(), kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + DeserializeOwned + std::fmt::Debug,
    {
        let (api, name) = (self.api::<K>(record), objects::name(record));
        let found = api.get_opt(&name).await?;
        let Some(found) = found.filter(|found| is_of(found.meta(), record)) else {
            return Ok(());
        };
        let only_this = Preconditions {
            uid: found.meta().uid.clone(),
            ..Preconditions::default()
        };
        let how = DeleteParams::background().preconditions(only_this);
        match api.delete(&name, &how).await {
            // It is gone, or another of its name is there.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            other => other.map(drop),
        }
    }

    /// The object of an experiment's optimizer, made if it is not there.
    async fn make<K>(&self, record: &ExperimentRecord, wanted: Value) -> Result<K, SuggestError>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Serialize + DeserializeOwned + std::fmt::Debug,
    {
        let (api, name) = (self.api::<K>(record), objects::name(record));
        let cannot = |error: &dyn Display| cannot::<K>(record, error);
        let wanted: K = serde_json::from_value(wanted).map_err(|error| cannot(&error))?;
        let found = match api.get_opt(&name).await.map_err(|error| cannot(&error))? {
            Some(found) => found,
            None => match api.create(&PostParams::default(), &wanted).await {
                Ok(made) => made,
                Err(error) => return Err(cannot(&error)),
            },
        };
        if !is_of(found.meta(), record) {
            return Err(cannot(
                &"it belongs to something else, which may be about to go",
            ));
        }
        Ok(found)
    }

    /// The address of an optimizer, when its pod is ready.
    async fn ready(
        &self,
        record: &ExperimentRecord,
        optimizer: &Optimizer,
    ) -> Result<String, SuggestError> {
        if let Some(claim) = objects::claim(record, optimizer) {
            self.make::<PersistentVolumeClaim>(record, claim).await?;
        }
        let service: Service = self.make(record, objects::service(record)).await?;
        let wanted = objects::deployment(record, optimizer);
        let end = Instant::now() + PATIENCE;
        loop {
            let deployment: Deployment = self.make(record, wanted.clone()).await?;
            let status = deployment.status.as_ref();
            if status.and_then(|status| status.ready_replicas) > Some(0) {
                break;
            }
            if objects::is_outdated(&deployment, &wanted) {
                self.replace(record, &wanted).await?;
            }
            if Instant::now() > end {
                return Err(SuggestError::Failed(
                    self.why_not(record, &deployment).await,
                ));
            }
            sleep(LOOK).await;
        }
        // Not its name: this controller may be outside the cluster.
        let address = service.spec.and_then(|spec| spec.cluster_ip);
        let address = address.filter(|address| !address.is_empty() && address != "None");
        let address = address.ok_or_else(|| {
            SuggestError::Failed(format!("Service {} has no address", objects::name(record)))
        })?;
        Ok(match address.contains(':') {
            true => format!("http://[{address}]:{PORT}"),
            false => format!("http://{address}:{PORT}"),
        })
    }

    /// One that cannot get ready is made as it is configured now. One that is ready stays: what it knows is in its memory.
    async fn replace(&self, record: &ExperimentRecord, wanted: &Value) -> Result<(), SuggestError> {
        let cannot = |error: &dyn Display| cannot::<Deployment>(record, error);
        let wanted = Deployment::deserialize(wanted).map_err(|error| cannot(&error))?;
        let (api, name) = (self.api::<Deployment>(record), objects::name(record));
        let replaced = api.replace(&name, &PostParams::default(), &wanted).await;
        replaced.map(drop).map_err(|error| cannot(&error))
    }

    /// What keeps an optimizer from being ready.
    async fn why_not(&self, record: &ExperimentRecord, deployment: &Deployment) -> String {
        let name = objects::name(record);
        let of_deployment = ListParams::default().labels(&format!("{DEPLOYMENT_LABEL}={name}"));
        let pods = self.api::<Pod>(record).list(&of_deployment).await;
        let mut pods = pods.map(|pods| pods.items).unwrap_or_default().into_iter();
        let told = pods.find_map(|pod| told_by(&pod));
        // Where no pod is made, the Deployment says why.
        let told = told.or_else(|| objects::failure(deployment));
        let told = told.unwrap_or_else(|| "nothing says why".to_owned());
        format!("its optimizer, Deployment {name}, is not ready: {told}")
    }
}

fn cannot<K: Resource<DynamicType = ()>>(
    record: &ExperimentRecord,
    error: &dyn Display,
) -> SuggestError {
    let (kind, name) = (K::kind(&()), objects::name(record));
    SuggestError::Failed(format!("{kind} {name} of its optimizer: {error}"))
}

fn is_of(object: &ObjectMeta, record: &ExperimentRecord) -> bool {
    let mut owners = object.owner_references.iter().flatten();
    owners.any(|owner| owner.uid == record.metadata.uid)
}

#[async_trait]
impl Elsewhere for Optimizers {
    /// Also of an algorithm that is known to nobody: it was known when the experiment began, and may be again.
    fn has(&self, experiment: &ExperimentRecord) -> bool {
        let algorithm = experiment.spec.algorithm.as_ref();
        let name = algorithm.map_or("", |algorithm| &algorithm.algorithm_name);
        self.find(experiment).is_some() || !self.settings.borrow().has_own(name)
    }

    /// It begins with the experiment.
    async fn validate(&self, _: &ExperimentRecord) -> Result<(), SuggestError> {
        Ok(())
    }

    async fn service(
        &self,
        experiment: &ExperimentRecord,
    ) -> Result<Arc<KatibService>, SuggestError> {
        let optimizer = self.find(experiment).ok_or_else(|| {
            SuggestError::Failed("katib-config names no image for its algorithm now".into())
        })?;
        let address = self.ready(experiment, &optimizer).await?;
        let service = KatibService::new(&address)
            .map_err(|error| SuggestError::Failed(format!("{address}: {error}")))?;
        // Once, as with Katib: an experiment that runs was taken.
        if experiment.progress.counts.trials == 0 {
            service.validate(experiment).await?;
        }
        Ok(Arc::new(service))
    }
}
