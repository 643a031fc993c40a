//! The kinds of jobs that are in use, and a watch for each.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diwan_core::view::EXPERIMENT_LABEL;
use futures_util::StreamExt;
use kube::api::{Api, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tracing::warn;

use super::roster::{Found, Place, Roster};
use crate::driver::DriverError;

/// Finds kinds, and watches those that were asked for.
pub(super) struct Kinds {
    client: Client,
    roster: Arc<Roster>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// Each is looked up once, however many want it, and no kind waits for another's answer.
    resources: HashMap<GroupVersionKind, Arc<OnceCell<ApiResource>>>,
    /// Ends with the driver.
    watches: JoinSet<()>,
}

impl Kinds {
    pub(super) fn new(client: Client, roster: Arc<Roster>) -> Self {
        Self {
            client,
            roster,
            known: Mutex::default(),
        }
    }

    /// The kind of a job, which is watched from now on.
    ///
    /// # Errors
    /// When the cluster does not know it.
    pub(super) async fn resolve(
        &self,
        manifest: &Map<String, Value>,
    ) -> Result<ApiResource, DriverError> {
        let text = |field: &str| {
            manifest
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (version, kind) = (text("apiVersion"), text("kind"));
        let gvk = match version.split_once('/') {
            Some((group, version)) => GroupVersionKind::gvk(group, version, kind),
            None => GroupVersionKind::gvk("", version, kind),
        };
        let cell = self
            .known()
            .resources
            .entry(gvk.clone())
            .or_default()
            .clone();
        let look_up = async || {
            let found = kube::discovery::pinned_kind(&self.client, &gvk).await;
            let (resource, _) = found.map_err(|source| unknown(version, kind, source))?;
            let watch = watch(self.client.clone(), resource.clone(), self.roster.clone());
            self.known().watches.spawn(watch);
            Ok(resource)
        };
        cell.get_or_try_init(look_up).await.cloned()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(version: &str, kind: &str, source: kube::Error) -> DriverError {
    let is_missing = match &source {
        kube::Error::Api(status) => status.code == 404,
        kube::Error::Discovery(_) => true,
        _ => false,
    };
    if is_missing {
        return DriverError::Refused(format!(
            "the cluster has no kind {kind} of {version}; install what runs it, or correct apiVersion and kind of \
             spec.trialTemplate.trialSpec"
        ));
    }
    DriverError::Kubernetes {
        doing: format!("look up kind {kind} of {version}"),
        source: Box::new(source),
    }
}

/// Tells the roster of all jobs of a kind, for ever.
async fn watch(client: Client, resource: ApiResource, roster: Arc<Roster>) {
    let api: Api<DynamicObject> = Api::all_with(client, &resource);
    let config = watcher::Config::default().labels(EXPERIMENT_LABEL);
    let mut events = watcher(api, config).default_backoff().boxed();
    let (mut before, mut listed) = (Vec::new(), HashSet::new());
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(object)) => {
                see(&roster, &resource, &object);
            }
            Ok(Event::InitApply(object)) => {
                listed.insert(see(&roster, &resource, &object));
            }
            Ok(Event::Delete(object)) => {
                roster.see(&resource, &place(&object), Found::Deleted(&object));
            }
            // What was there before the list was asked for, and is not in it, is gone. What was made since need not be in it.
            Ok(Event::Init) => (before, listed) = (roster.there(&resource), HashSet::new()),
            Ok(Event::InitDone) => {
                let launches = std::mem::take(&mut before);
                let gone = launches
                    .iter()
                    .filter(|launch| !listed.contains(&launch.place()));
                gone.for_each(|launch| launch.see(Found::Missing));
            }
            Err(error) => warn!(kind = resource.kind, %error, "cannot watch; trying again"),
        }
    }
}

fn place(object: &DynamicObject) -> Place {
    (object.namespace().unwrap_or_default(), object.name_any())
}

fn see(roster: &Roster, resource: &ApiResource, object: &DynamicObject) -> Place {
    let place = place(object);
    roster.see(resource, &place, Found::There(object));
    place
}
