//! The launches of this process, and what is seen of their objects.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::api::DynamicObject;
use kube::core::ApiResource;
use tokio::sync::watch;

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
    /// What keeps its object from getting on.
    hindrance: Mutex<Option<String>>,
    hindered: Arc<Hindered>,
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

// === impl Launch ===

impl Launch {
    /// The object was seen; `None`: it is gone.
    pub(super) fn see(&self, object: Option<&DynamicObject>) {
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
        let known = &mut *self
            .hindrance
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
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

fn place(id: &LaunchId) -> Place {
    (id.experiment.namespace.clone(), id.trial.clone())
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
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
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
            hindrance: Mutex::default(),
            hindered: self.hindered.clone(),
        });
        entries.launches.insert(place, launch.clone());
        launch
    }

    pub(super) fn find(&self, id: &LaunchId) -> Option<Arc<Launch>> {
        let entries = self.entries();
        let launch = entries.launches.get(&place(id));
        launch.filter(|launch| launch.id == *id).cloned()
    }

    /// The launch of an id; `None`: it was not started, and will be stopped as soon as it is.
    pub(super) fn find_or_call_off(&self, id: &LaunchId) -> Option<Arc<Launch>> {
        let found = self.find(id);
        if found.is_none() {
            self.entries().called_off.insert(place(id), id.attempt);
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

    /// An object of a kind was seen; `None`: it is gone.
    pub(super) fn see(
        &self,
        resource: &ApiResource,
        place: &Place,
        object: Option<&DynamicObject>,
    ) {
        let launch = self.entries().launches.get(place).cloned();
        if let Some(launch) = launch.filter(|launch| launch.resource == *resource) {
            launch.see(object);
        }
    }

    /// Where objects of a kind are known to be.
    pub(super) fn there(&self, resource: &ApiResource) -> Vec<Place> {
        let entries = self.entries();
        let there = entries.launches.values().filter(|launch| {
            launch.resource == *resource && matches!(*launch.sight.borrow(), Sight::There(_))
        });
        there.map(|launch| launch.place()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_core::record::ExperimentKey;

    #[test]
    fn a_launch_that_was_called_off_is_known_until_it_begins_or_is_forgotten() {
        let roster = Roster::new(|_, _| {});
        let attempt = |attempt| LaunchId {
            experiment: ExperimentKey::new("ns", "one"),
            trial: "trial".to_owned(),
            attempt,
            directory: std::path::PathBuf::new(),
        };
        let resource = ApiResource::erase::<k8s_openapi::api::batch::v1::Job>(&());
        assert!(roster.find_or_call_off(&attempt(1)).is_none());
        assert!(roster.is_called_off(&attempt(1)) && !roster.is_called_off(&attempt(2)));
        roster.leave(&attempt(1));
        assert!(!roster.is_called_off(&attempt(1)));
        assert!(roster.find_or_call_off(&attempt(2)).is_none());
        let launch = roster.enter(&attempt(2), &resource, &Conditions::default());
        assert!(launch.is_stopped() && !roster.is_called_off(&attempt(2)));
    }
}
