//! Optimizers in images that `katib-config` names. As with Katib, each experiment has one in a pod of its own, behind a Service
//! `<experiment>-<algorithm>`, and asks it by Katib's protocol.

mod objects;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::ResumePolicy;
use diwan_drivers::kubernetes::told_by;
use diwan_server::suggester::{Elsewhere, KatibService, SuggestError};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Service};
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams};
use kube::{Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
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
    /// Those that have taken their experiment, by its uid and their address.
    known: Mutex<HashMap<String, (String, Arc<KatibService>)>>,
}

// === impl Optimizers ===

impl Optimizers {
    /// Those of `settings`, in a cluster.
    #[must_use]
    pub fn new(client: Client, settings: watch::Receiver<Settings>) -> Self {
        Self {
            client,
            settings,
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, (String, Arc<KatibService>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.known().remove(&record.metadata.uid);
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
        if !found.is_some_and(|found| is_of(found.meta(), record)) {
            return Ok(());
        }
        match api.delete(&name, &DeleteParams::background()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
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
        let cannot = |error: &dyn std::fmt::Display| {
            let kind = K::kind(&());
            SuggestError::Failed(format!("{kind} {name} of its optimizer: {error}"))
        };
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
        let end = Instant::now() + PATIENCE;
        loop {
            let wanted = objects::deployment(record, optimizer);
            let deployment: Deployment = self.make(record, wanted).await?;
            let status = deployment.status.unwrap_or_default();
            if status.ready_replicas.unwrap_or_default() > 0 {
                break;
            }
            if Instant::now() > end {
                return Err(SuggestError::Failed(self.why_not(record).await));
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

    /// What keeps an optimizer from being ready.
    async fn why_not(&self, record: &ExperimentRecord) -> String {
        let name = objects::name(record);
        let of_deployment = ListParams::default().labels(&format!("{DEPLOYMENT_LABEL}={name}"));
        let pods = self.api::<Pod>(record).list(&of_deployment).await;
        let mut pods = pods.map(|pods| pods.items).unwrap_or_default().into_iter();
        let told = pods.find_map(|pod| told_by(&pod));
        let told = told.unwrap_or_else(|| "nothing says why".to_owned());
        format!("its optimizer, Deployment {name}, is not ready: {told}")
    }
}

fn is_of(object: &ObjectMeta, record: &ExperimentRecord) -> bool {
    let mut owners = object.owner_references.iter().flatten();
    owners.any(|owner| owner.uid == record.metadata.uid)
}

#[async_trait]
impl Elsewhere for Optimizers {
    fn has(&self, experiment: &ExperimentRecord) -> bool {
        self.find(experiment).is_some()
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
            SuggestError::Failed("katib-config names no image for its algorithm any more".into())
        })?;
        let address = self.ready(experiment, &optimizer).await?;
        let uid = &experiment.metadata.uid;
        if let Some((known, service)) = self.known().get(uid)
            && *known == address
        {
            return Ok(service.clone());
        }
        let service = KatibService::new(&address)
            .map_err(|error| SuggestError::Failed(format!("{address}: {error}")))?;
        service.validate(experiment).await?;
        let service = Arc::new(service);
        let of = (address, service.clone());
        self.known().insert(uid.clone(), of);
        Ok(service)
    }
}
