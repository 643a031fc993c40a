//! Whose pod is it? Up the owner references, from the pod to a trial: Pod → Job → Trial, Pod → Job → JobSet → TrainJob → Trial.

mod cluster;
mod made;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::resources::{API_VERSION, Trial};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

pub use cluster::Cluster;
pub use made::{Made, Nearest};

/// Owners between a pod and its trial. The longest chain known is Pod, Job, `JobSet`, `TrainJob`, Trial.
const DEPTH: usize = 8;
/// Objects that are looked at for one pod.
const LOOKS: usize = 16;
/// Objects that are remembered.
const REMEMBERED: usize = 4096;
/// How long an object's owners are remembered. They hardly ever change, but can.
const MEMORY: Duration = Duration::from_secs(60);

/// Kinds that own pods and never belong to a trial. Most pods of a cluster are theirs, and cost nothing.
const STRANGERS: [(&str, &str); 3] = [
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "DaemonSet"),
    ("v1", "Node"),
];

/// An owner reference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Owner {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Identity.
    pub uid: String,
}

impl Owner {
    fn is_trial(&self) -> bool {
        self.kind == "Trial" && self.api_version == API_VERSION
    }

    fn is_stranger(&self) -> bool {
        STRANGERS.contains(&(self.api_version.as_str(), self.kind.as_str()))
    }
}

/// The owner references of an object.
#[must_use]
pub fn owners(object: &Value) -> Vec<Owner> {
    let references = object.pointer("/metadata/ownerReferences");
    let references = references.and_then(Value::as_array).into_iter().flatten();
    references
        .filter_map(|one| Owner::deserialize(one).ok())
        .collect()
}

/// Why an owner could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {name} in namespace {namespace} cannot be read: {cause}")]
pub struct Unreadable {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What the API server said.
    pub cause: String,
}

/// Where owners are looked up: the API server, or a copy of it.
#[async_trait]
pub trait Objects: Send + Sync {
    /// The owners of an object. An object that is gone, or another one of the same name, has none.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn owners(&self, namespace: &str, object: &Owner) -> Result<Vec<Owner>, Unreadable>;

    /// A trial; `None` if it is gone.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn trial(&self, namespace: &str, trial: &Owner) -> Result<Option<Trial>, Unreadable>;
}

/// Finds the trials of pods, and remembers what it saw on the way.
pub struct Finder {
    objects: Box<dyn Objects>,
    /// An object's owners, and when they were looked at.
    seen: Mutex<HashMap<Owner, (Instant, Vec<Owner>)>>,
}

impl std::fmt::Debug for Finder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder").finish_non_exhaustive()
    }
}

impl Finder {
    /// Finds them in these.
    #[must_use]
    pub fn new(objects: Box<dyn Objects>) -> Self {
        Self {
            objects,
            seen: Mutex::default(),
        }
    }

    /// The trial that a pod of a namespace belongs to; `None` if it is nobody's or somebody else's.
    ///
    /// # Errors
    /// When an owner cannot be read, so that nobody knows.
    pub async fn trial_of(
        &self,
        namespace: &str,
        pod: &Value,
    ) -> Result<Option<Trial>, Unreadable> {
        let mut level = owners(pod);
        let mut looks = 0;
        let mut unreadable = None;
        for _ in 0..DEPTH {
            if let Some(trial) = level.iter().find(|owner| owner.is_trial()) {
                return self.objects.trial(namespace, trial).await;
            }
            let mut next = Vec::new();
            for owner in level.iter().filter(|owner| !owner.is_stranger()) {
                looks += 1;
                if looks > LOOKS {
                    return Ok(None);
                }
                match self.owners_of(namespace, owner).await {
                    Ok(owners) => next.extend(owners),
                    Err(why) => unreadable = Some(why),
                }
            }
            level = next;
            if level.is_empty() {
                break;
            }
        }
        unreadable.map_or(Ok(None), Err)
    }

    async fn owners_of(&self, namespace: &str, object: &Owner) -> Result<Vec<Owner>, Unreadable> {
        let now = Instant::now();
        if let Some(owners) = self.remembered(object, now) {
            return Ok(owners);
        }
        let owners = self.objects.owners(namespace, object).await?;
        if let Ok(mut seen) = self.seen.lock() {
            if seen.len() >= REMEMBERED {
                seen.retain(|_, (at, _)| now.duration_since(*at) < MEMORY);
            }
            if seen.len() >= REMEMBERED {
                seen.clear();
            }
            seen.insert(object.clone(), (now, owners.clone()));
        }
        Ok(owners)
    }

    fn remembered(&self, object: &Owner, now: Instant) -> Option<Vec<Owner>> {
        let seen = self.seen.lock().ok()?;
        let (at, owners) = seen.get(object)?;
        (now.duration_since(*at) < MEMORY).then(|| owners.clone())
    }
}

#[cfg(test)]
mod tests;
