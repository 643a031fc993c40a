//! The driver itself.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::engine::End;
use tokio::process::Child;
use tokio::sync::watch as channel;

use super::live::Live;
use super::status::Status;
use super::survey::{Finding, look, look_now};
use super::sweep::Leavings;
use super::{blocking, prepare, watcher};
use crate::driver::{Driver, DriverError, Phase, TrialPlan};
use crate::launch::LaunchId;
use crate::podspec::PodCommand;

/// Kubernetes' `terminationGracePeriodSeconds` when a pod has none.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Runs trials as process groups of this machine.
///
/// Lives inside a tokio runtime with IO and time. Dropping it leaves its trials running; another one finds them.
#[derive(Debug)]
pub struct ProcessDriver {
    launches: Arc<Launches>,
    /// The tasks of this driver end when this is dropped.
    alive: channel::Sender<()>,
}

/// The launches that run, as far as this driver has met them. The disk knows all others.
#[derive(Debug, Default)]
struct Launches(Mutex<HashMap<LaunchId, Arc<Live>>>);

impl Launches {
    fn lock(&self) -> MutexGuard<'_, HashMap<LaunchId, Arc<Live>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A launch as a driver meets it.
enum Met {
    Absent,
    Live(Arc<Live>),
    Over(End),
}

impl Default for ProcessDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcessDriver {
    /// A driver that has met no launch yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            launches: Arc::default(),
            alive: channel::Sender::new(()),
        }
    }

    fn known(&self, id: &LaunchId) -> Option<Arc<Live>> {
        self.launches.lock().get(id).cloned()
    }

    /// Finds out about a launch. One that runs is watched from then on; of one that is over, leftovers are killed first.
    async fn meet(&self, id: &LaunchId) -> Result<Met, DriverError> {
        match self.known(id) {
            Some(live) => Ok(Met::Live(live)),
            None => Ok(self.take_up(id, look(id).await?).await),
        }
    }

    async fn take_up(&self, id: &LaunchId, finding: Finding) -> Met {
        match finding {
            Finding::Absent => Met::Absent,
            Finding::Running(leader) => Met::Live(self.watch(id, leader, None)),
            Finding::Over {
                leader,
                end,
                recorded,
            } => {
                if let Some(leader) = leader {
                    let leavings = Leavings {
                        leader,
                        told: recorded,
                        fresh: false,
                    };
                    leavings.sweep(id).await;
                }
                Met::Over(end)
            }
        }
    }

    /// Registers a launch and watches it. If it is registered already, whoever did that watches it.
    fn watch(&self, id: &LaunchId, leader: i32, child: Option<Child>) -> Arc<Live> {
        let live = match self.launches.lock().entry(id.clone()) {
            Entry::Occupied(known) => return Arc::clone(known.get()),
            Entry::Vacant(place) => {
                Arc::clone(place.insert(Arc::new(Live::new(id.clone(), leader))))
            }
        };
        let (launches, watched) = (Arc::clone(&self.launches), Arc::clone(&live));
        self.spawn(async move {
            if watcher::watch(Arc::clone(&watched), child).await {
                launches.lock().remove(watched.id());
            }
        });
        live
    }

    /// Runs a task until it is done or this driver is dropped.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut alive = self.alive.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                () = work => {}
                _ = alive.changed() => {}
            }
        });
    }

    /// Adopts a launch that is there and makes one that is not. One trip to the file system for both.
    async fn adopt_or_launch(
        &self,
        plan: TrialPlan,
        command: PodCommand,
    ) -> Result<Met, DriverError> {
        let id = plan.id();
        let (finding, child) = blocking(move || match look_now(&plan.id())? {
            Finding::Absent => {
                prepare::launch(&plan, &command).map(|child| (Finding::Absent, Some(child)))
            }
            found => Ok((found, None)),
        })
        .await?;
        let Some(child) = child else {
            return Ok(self.take_up(&id, finding).await);
        };
        let leader = child.id().and_then(|pid| i32::try_from(pid).ok());
        let live = self.watch(&id, leader.unwrap_or_default(), Some(child));
        Ok(Met::Live(live))
    }

    fn enforce_deadline(&self, live: Arc<Live>, deadline: Duration, grace: Duration) {
        if live.take_timer() {
            self.spawn(async move { live.enforce(deadline, grace).await });
        }
    }
}

#[async_trait]
impl Driver for ProcessDriver {
    async fn start(&self, plan: &TrialPlan) -> Result<(), DriverError> {
        let plan = prepare::absolute(plan)?;
        let command = prepare::command(&plan)?;
        let (deadline, grace) = (command.deadline, command.grace_period);
        let met = match self.known(&plan.id()) {
            Some(live) => Met::Live(live),
            None => self.adopt_or_launch(plan, command).await?,
        };
        if let (Met::Live(live), Some(deadline)) = (met, deadline) {
            self.enforce_deadline(live, deadline, grace.unwrap_or(DEFAULT_GRACE));
        }
        Ok(())
    }

    async fn observe(&self, id: &LaunchId) -> Result<Phase, DriverError> {
        let id = prepare::absolute_id(id)?;
        Ok(match self.meet(&id).await? {
            Met::Absent => Phase::NotStarted,
            Met::Over(end) => Phase::Ended(end),
            Met::Live(live) => match live.end() {
                Some(end) => Phase::Ended(end),
                None => Phase::Running {
                    pid: Some(live.leader()),
                },
            },
        })
    }

    async fn ended(&self, id: &LaunchId) -> Result<End, DriverError> {
        let id = prepare::absolute_id(id)?;
        match self.meet(&id).await? {
            Met::Absent => Err(DriverError::NotStarted(id)),
            Met::Over(end) => Ok(end),
            Met::Live(live) => Ok(live.ended().await),
        }
    }

    async fn stop(&self, id: &LaunchId, grace: Duration) -> Result<(), DriverError> {
        let id = prepare::absolute_id(id)?;
        loop {
            match self.meet(&id).await? {
                Met::Over(_) => return Ok(()),
                Met::Live(live) => {
                    live.stop(grace).await;
                    return Ok(());
                }
                Met::Absent if call_off(&id).await? => return Ok(()),
                // It was claimed in between.
                Met::Absent => {}
            }
        }
    }

    async fn forget(&self, id: &LaunchId) -> Result<(), DriverError> {
        let id = prepare::absolute_id(id)?;
        let ended = |live: &Arc<Live>| live.end().is_some();
        if let Entry::Occupied(known) = self.launches.lock().entry(id.clone())
            && ended(known.get())
        {
            known.remove();
        }
        let directory = id.work_directory();
        blocking(move || remove(&directory)).await
    }
}

/// Removes a directory with all that is in it. An empty one stays: some file systems take seconds to get over the removal of
/// thousands of directories, and it is in nobody's way.
fn remove(directory: &Path) -> Result<(), DriverError> {
    let first = std::fs::read_dir(directory).map(|mut entries| entries.next());
    let removed = match first {
        Ok(None) => Ok(()),
        Ok(Some(_)) => std::fs::remove_dir_all(directory),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(DriverError::io("remove", directory)(error))
        }
        _ => Ok(()),
    }
}

/// Takes an attempt that nobody has claimed, so that a leader on its way finds it taken. False: somebody was faster.
async fn call_off(id: &LaunchId) -> Result<bool, DriverError> {
    let (directory, path) = (id.attempt_directory(), Status::path(id));
    blocking(move || {
        std::fs::create_dir_all(&directory).map_err(DriverError::io("create", &directory))?;
        Status::call_off(&path).map_err(DriverError::io("write", &path))
    })
    .await
}
