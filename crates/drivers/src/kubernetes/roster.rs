//! The launches of this process, and what is seen of their objects.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::api::DynamicObject;
use kube::core::ApiResource;
use tokio::sync::watch;

use super::attempt;
use super::conditions::{Verdict, verdict};
use super::hindrance::hindrance;
use crate::LaunchId;
use crate::driver::Conditions;

/// What is known of a launch's object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Sight {
    /// Nothing yet.
    #[default]
    Unseen,
    /// It is there, and has ended so, if it has. No more of it is kept: there can be thousands.
    There(Option<Verdict>),
    /// It is not there any more.
    Gone,
}

/// A launch that was started or found again.
pub(super) struct Launch {
    pub(super) id: LaunchId,
    pub(super) resource: ApiResource,
    pub(super) conditions: Conditions,
    /// Nobody has launched it before this process did.
    pub(super) is_new: AtomicBool,
    /// Its object was seen.
    is_seen: AtomicBool,
    /// Somebody has asked for its end.
    pub(super) is_stopped: AtomicBool,
    sight: watch::Sender<Sight>,
    /// The version of its object that was seen last. What answers a question can be older than what the watch has told meanwhile,
    /// and the end of a job is told once.
    newest: Mutex<u64>,
    /// What keeps its object from getting on.
    hindrance: Mutex<Option<String>>,
    hindered: Arc<Hindered>,
}

/// How the object of a launch was found.
#[derive(Clone, Copy)]
pub(super) enum Found<'a> {
    /// Like this.
    There(&'a DynamicObject),
    /// Deleted, and like this when it was.
    Deleted(&'a DynamicObject),
    /// There is none.
    Missing,
}

/// Told of what keeps the object of a launch from getting on.
type Hindered = dyn Fn(&LaunchId, Option<String>) + Send + Sync;

/// Namespace and name of an object.
pub(super) type Place = (String, String);

/// All launches, by the place of their objects.
pub(super) struct Roster {
    hindered: Arc<Hindered>,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    launches: HashMap<Place, Arc<Launch>>,
    /// Launches that were stopped before they were started.
    called_off: HashMap<Place, u32>,
}

// === impl Found ===

impl<'a> Found<'a> {
    fn there(self) -> Option<&'a DynamicObject> {
        match self {
            Self::There(object) => Some(object),
            Self::Deleted(_) | Self::Missing => None,
        }
    }

    /// Versions of objects of one kind grow, and may be compared (Kubernetes KEP-5504).
    fn version(self) -> Option<u64> {
        match self {
            Self::There(object) | Self::Deleted(object) => {
                object.metadata.resource_version.as_ref()?.parse().ok()
            }
            Self::Missing => None,
        }
    }
}

// === impl Launch ===

impl Launch {
    /// Takes note of how the object was found, unless something newer is known, or it is an earlier attempt's.
    pub(super) fn see(&self, found: Found<'_>) {
        let object = found.there();
        if object
            .and_then(attempt)
            .is_some_and(|attempt| attempt != self.id.attempt)
        {
            return;
        }
        let mut newest = lock(&self.newest);
        if let Some(version) = found.version() {
            if version < *newest {
                return;
            }
            *newest = version;
        }
        self.is_seen.fetch_or(object.is_some(), Ordering::AcqRel);
        let sight = object.map_or(Sight::Gone, |object| {
            Sight::There(verdict(object, &self.conditions))
        });
        let hindrance = match &sight {
            Sight::There(None) if !self.is_stopped() => object.and_then(hindrance),
            _ => None,
        };
        self.sight.send_if_modified(|known| {
            let is_new = *known != sight;
            *known = sight;
            is_new
        });
        self.hinder(hindrance);
    }

    fn hinder(&self, why: Option<String>) {
        let known = &mut *lock(&self.hindrance);
        if *known != why {
            known.clone_from(&why);
            (self.hindered)(&self.id, why);
        }
    }

    pub(super) fn sight(&self) -> watch::Receiver<Sight> {
        self.sight.subscribe()
    }

    pub(super) fn is_seen(&self) -> bool {
        self.is_seen.load(Ordering::Acquire)
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(*self.sight.borrow(), Sight::There(Some(_)))
    }

    pub(super) fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        // What is seen means something else now.
        self.sight.send_modify(|_| {});
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    pub(super) fn place(&self) -> Place {
        place(&self.id)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(id: &LaunchId) -> Place {
    (id.experiment.namespace.clone(), id.trial.clone())
}

// === impl Entries ===

impl Entries {
    fn find(&self, id: &LaunchId) -> Option<Arc<Launch>> {
        let launch = self.launches.get(&place(id));
        launch.filter(|launch| launch.id == *id).cloned()
    }
}

// === impl Roster ===

impl Roster {
    pub(super) fn new(
        hindered: impl Fn(&LaunchId, Option<String>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            hindered: Arc::new(hindered),
            entries: Mutex::default(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        lock(&self.entries)
    }

    /// The launch of an id, entered if it is not there.
    pub(super) fn enter(
        &self,
        id: &LaunchId,
        resource: &ApiResource,
        conditions: &Conditions,
    ) -> Arc<Launch> {
        let mut entries = self.entries();
        let place = place(id);
        if let Some(known) = entries.launches.get(&place)
            && known.id == *id
        {
            return known.clone();
        }
        let called_off = entries.called_off.remove(&place);
        let launch = Arc::new(Launch {
            id: id.clone(),
            resource: resource.clone(),
            conditions: conditions.clone(),
            is_new: AtomicBool::new(false),
            is_seen: AtomicBool::new(false),
            is_stopped: AtomicBool::new(called_off == Some(id.attempt)),
            sight: watch::Sender::default(),
            newest: Mutex::default(),
            hindrance: Mutex::default(),
            hindered: self.hindered.clone(),
        });
        entries.launches.insert(place, launch.clone());
        launch
    }

    pub(super) fn find(&self, id: &LaunchId) -> Option<Arc<Launch>> {
        self.entries().find(id)
    }

    /// The launch of an id; `None`: it was not started, and will be stopped as soon as it is.
    pub(super) fn find_or_call_off(&self, id: &LaunchId) -> Option<Arc<Launch>> {
        let mut entries = self.entries();
        let found = entries.find(id);
        if found.is_none() {
            entries.called_off.insert(place(id), id.attempt);
        }
        found
    }

    /// Whether a launch was stopped, and never started.
    pub(super) fn is_called_off(&self, id: &LaunchId) -> bool {
        self.entries().called_off.get(&place(id)) == Some(&id.attempt)
    }

    /// Forgets a launch that has ended.
    pub(super) fn leave(&self, id: &LaunchId) {
        let mut entries = self.entries();
        let place = place(id);
        if entries
            .launches
            .get(&place)
            .is_some_and(|launch| launch.id == *id)
        {
            entries.launches.remove(&place);
        }
        if entries.called_off.get(&place) == Some(&id.attempt) {
            entries.called_off.remove(&place);
        }
    }

    /// Something was found where an object of a kind may be.
    pub(super) fn see(&self, resource: &ApiResource, place: &Place, found: Found<'_>) {
        let launch = self.entries().launches.get(place).cloned();
        if let Some(launch) = launch.filter(|launch| launch.resource == *resource) {
            launch.see(found);
        }
    }

    /// The launches whose objects are of a kind, and known to be there.
    pub(super) fn there(&self, resource: &ApiResource) -> Vec<Arc<Launch>> {
        let entries = self.entries();
        let there = entries.launches.values().filter(|launch| {
            launch.resource == *resource && matches!(*launch.sight.borrow(), Sight::There(_))
        });
        there.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::ATTEMPT_ANNOTATION;
    use diwan_core::record::ExperimentKey;
    use serde_json::{Value, json};

    fn id(attempt: u32) -> LaunchId {
        LaunchId {
            experiment: ExperimentKey::new("ns", "one"),
            trial: "trial".to_owned(),
            attempt,
            directory: std::path::PathBuf::new(),
        }
    }

    fn jobs() -> ApiResource {
        ApiResource::erase::<k8s_openapi::api::batch::v1::Job>(&())
    }

    fn job(attempt: u32, version: u64, status: Value) -> DynamicObject {
        let mut job = DynamicObject::new("trial", &jobs()).within("ns");
        job.metadata.resource_version = Some(version.to_string());
        let attempt = (ATTEMPT_ANNOTATION.to_owned(), attempt.to_string());
        job.metadata.annotations = Some([attempt].into());
        job.data = json!({ "status": status });
        job
    }

    #[test]
    fn what_is_older_than_what_is_known_is_not_believed() {
        let roster = Roster::new(|_, _| {});
        let conditions = Conditions {
            success: "status.end".to_owned(),
            ..Conditions::default()
        };
        let launch = roster.enter(&id(2), &jobs(), &conditions);
        let sight = || launch.sight().borrow().clone();
        let (runs, ended) = (json!({}), json!({ "end": {} }));
        // The end of the attempt before is no end of this one, and comes late.
        launch.see(Found::There(&job(1, 8, ended.clone())));
        assert_eq!(sight(), Sight::Unseen);
        launch.see(Found::There(&job(2, 10, runs.clone())));
        launch.see(Found::Deleted(&job(1, 9, ended.clone())));
        assert_eq!(sight(), Sight::There(None));
        // The answer to a question is overtaken by the watch.
        launch.see(Found::There(&job(2, 12, ended)));
        launch.see(Found::There(&job(2, 11, runs)));
        assert_eq!(sight(), Sight::There(Some(Verdict::Succeeded)));
        launch.see(Found::Deleted(&job(2, 13, json!({}))));
        assert_eq!(sight(), Sight::Gone);
    }

    #[test]
    fn a_launch_that_was_called_off_is_known_until_it_begins_or_is_forgotten() {
        let roster = Roster::new(|_, _| {});
        assert!(roster.find_or_call_off(&id(1)).is_none());
        assert!(roster.is_called_off(&id(1)) && !roster.is_called_off(&id(2)));
        roster.leave(&id(1));
        assert!(!roster.is_called_off(&id(1)));
        assert!(roster.find_or_call_off(&id(2)).is_none());
        let launch = roster.enter(&id(2), &jobs(), &Conditions::default());
        assert!(launch.is_stopped() && !roster.is_called_off(&id(2)));
    }
}
