//! Owners, from the API server.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use diwan_core::resources::Trial;
use kube::api::Api;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use kube::discovery::{Scope, pinned_kind};
use kube::{Client, Error};

use super::{Objects, Owner, Unreadable, owners};
use crate::kinds;

/// The API server. What a kind's resource is called is asked once.
pub struct Cluster {
    client: Client,
    /// `None`: of no namespace, or not there.
    resources: Mutex<HashMap<(String, String), Option<ApiResource>>>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Cluster {
    /// By this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            resources: Mutex::default(),
        }
    }

    async fn resource(&self, owner: &Owner) -> Result<Option<ApiResource>, Error> {
        if (owner.api_version.as_str(), owner.kind.as_str()) == ("batch/v1", "Job") {
            return Ok(Some(job()));
        }
        let key = (owner.api_version.clone(), owner.kind.clone());
        let known = self
            .resources
            .lock()
            .ok()
            .and_then(|known| known.get(&key).cloned());
        if let Some(resource) = known {
            return Ok(resource);
        }
        let (group, version) = owner
            .api_version
            .rsplit_once('/')
            .unwrap_or(("", &owner.api_version));
        let kind = GroupVersionKind::gvk(group, version, &owner.kind);
        let found = match pinned_kind(&self.client, &kind).await {
            Ok((resource, capabilities)) => {
                (capabilities.scope == Scope::Namespaced).then_some(resource)
            }
            // Not remembered: its definition may come.
            Err(Error::Discovery(_)) => return Ok(None),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if let Ok(mut known) = self.resources.lock() {
            known.insert(key, found.clone());
        }
        Ok(found)
    }

    async fn get(
        &self,
        namespace: &str,
        owner: &Owner,
        resource: &ApiResource,
    ) -> Result<Option<DynamicObject>, Error> {
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), namespace, resource);
        let found = api.get_opt(&owner.name).await?;
        Ok(found.filter(|object| object.metadata.uid.as_deref() == Some(&owner.uid)))
    }
}

#[async_trait]
impl Objects for Cluster {
    async fn owners(&self, namespace: &str, object: &Owner) -> Result<Vec<Owner>, Unreadable> {
        let found = async {
            match self.resource(object).await? {
                Some(resource) => self.get(namespace, object, &resource).await,
                None => Ok(None),
            }
        };
        let found = found
            .await
            .map_err(|error| unreadable(namespace, object, &error))?;
        let found = found.map(|object| serde_json::json!(object));
        Ok(found.as_ref().map(owners).unwrap_or_default())
    }

    async fn trial(&self, namespace: &str, trial: &Owner) -> Result<Option<Trial>, Unreadable> {
        let failed = |error: &dyn std::fmt::Display| unreadable(namespace, trial, error);
        let found = self.get(namespace, trial, &kinds::trials()).await;
        let Some(found) = found.map_err(|error| failed(&error))? else {
            return Ok(None);
        };
        let trial = serde_json::to_value(found).and_then(serde_json::from_value);
        trial.map(Some).map_err(|error| failed(&error))
    }
}

fn unreadable(
    namespace: &str,
    owner: &Owner,
    cause: &(impl std::fmt::Display + ?Sized),
) -> Unreadable {
    Unreadable {
        kind: owner.kind.clone(),
        name: owner.name.clone(),
        namespace: namespace.to_owned(),
        cause: cause.to_string(),
    }
}

fn is_absent(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 404)
}

/// The kind that is asked for most.
fn job() -> ApiResource {
    ApiResource {
        group: "batch".to_owned(),
        version: "v1".to_owned(),
        api_version: "batch/v1".to_owned(),
        kind: "Job".to_owned(),
        plural: "jobs".to_owned(),
    }
}
