//! The driver itself.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::engine::End;
use tokio::sync::watch as channel;

use super::census::Census;
use super::launcher::{Launcher, Reports, SupervisorCommand};
use super::live::Live;
use super::protocol::{Doing, Order, Refusal, Report};
use super::status::{Leader, Status};
use super::survey::{Finding, look};
use super::sweep::Leavings;
use super::{blocking, prepare, watcher};
use crate::driver::{DEFAULT_GRACE, Driver, DriverError, Phase, TrialPlan};
use crate::launch::LaunchId;

/// Supervisors that may die over one order before that is an error.
const SUPERVISORS: usize = 3;

/// Runs trials as process groups of this machine.
///
/// They are children of a supervisor, a small process that is started at the first launch and outlives this one until its
/// last trial has ended. Lives inside a tokio runtime with IO and time. Dropping it leaves its trials running; another one
/// finds them.
#[derive(Debug)]
pub struct ProcessDriver {
    launcher: Launcher,
    launches: Arc<Launches>,
    census: Census,
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

impl ProcessDriver {
    /// A driver that has met no launch yet, and the command that starts its supervisor.
    #[must_use]
    pub fn new(supervisor: SupervisorCommand) -> Self {
        Self {
            launcher: Launcher::new(supervisor),
            launches: Arc::default(),
            census: Census::default(),
            alive: channel::Sender::new(()),
        }
    }

    /// Looks for what would keep a plan from ever being launched here, and launches nothing.
    ///
    /// # Errors
    /// What [`start`](Driver::start) would say.
    pub fn check(plan: &TrialPlan) -> Result<(), DriverError> {
        prepare::check(plan)
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
                        leader: Some(leader.pid),
                        told: recorded,
                        fresh: false,
                    };
                    leavings.sweep(id, &self.census).await;
                }
                Met::Over(end)
            }
        }
    }

    /// Registers a launch and watches it. If it is registered already, whoever did that watches it.
    fn watch(&self, id: &LaunchId, leader: Option<Leader>, reports: Option<Reports>) -> Arc<Live> {
        let live = match self.launches.lock().entry(id.clone()) {
            Entry::Occupied(known) => return Arc::clone(known.get()),
            Entry::Vacant(place) => {
                Arc::clone(place.insert(Arc::new(Live::new(id.clone(), leader))))
            }
        };
        let (launches, watched) = (Arc::clone(&self.launches), Arc::clone(&live));
        let census = self.census.clone();
        self.spawn(async move {
            if watcher::watch(Arc::clone(&watched), reports, &census).await {
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

    /// Makes a launch, or adopts the one that is there.
    async fn launch_or_adopt(&self, order: Order) -> Result<Met, DriverError> {
        let id = &order.id;
        for _ in 0..SUPERVISORS {
            let refused = |source| DriverError::Spawn {
                id: id.clone(),
                source,
            };
            let mut reports = self.launcher.order(&order).map_err(refused)?;
            match reports.recv().await {
                Some(Report::Started(leader)) => {
                    return Ok(Met::Live(self.watch(id, Some(leader), Some(reports))));
                }
                Some(Report::Refused(refusal)) => return Err(error(id, refusal)),
                Some(Report::Ended { .. } | Report::Taken) | None => {}
            }
            match self.take_up(id, look(id).await?).await {
                // The supervisor was gone before it took the order; or the attempt was taken and is free again.
                Met::Absent => {}
                met => return Ok(met),
            }
        }
        let source = std::io::Error::other("its supervisor ends as soon as it is started");
        Err(DriverError::Spawn {
            id: id.clone(),
            source,
        })
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
        let id = prepare::absolute_id(&plan.id())?;
        let source = prepare::absolute_source(plan)?;
        let command = prepare::command(plan, &id, source.as_deref())?;
        let (deadline, grace) = (command.deadline, command.grace_period);
        let met = match self.known(&id) {
            Some(live) => Met::Live(live),
            None => match prepare::order(id.clone(), source, command).await {
                Ok(order) => self.launch_or_adopt(order).await?,
                // What keeps it from being launched now does not end one that was launched before.
                Err(error) => match self.meet(&id).await? {
                    Met::Absent => return Err(error),
                    met => met,
                },
            },
        };
        if let (Met::Live(live), Some(deadline)) = (met, deadline) {
            self.enforce_deadline(live, deadline, grace.unwrap_or(DEFAULT_GRACE));
        }
        Ok(())
    }

    /// A trial's record is gone when its directory was removed under it.
    async fn recover(&self, ids: &[LaunchId]) -> Result<(), DriverError> {
        let mut unrecorded = Vec::new();
        let mut failed = Ok(());
        for id in ids {
            let id = prepare::absolute_id(id)?;
            match look(&id).await {
                Ok(Finding::Absent) => unrecorded.push(id),
                Ok(_) => {}
                Err(error) => failed = Err(error),
            }
        }
        if !unrecorded.is_empty() {
            for id in self.census.take().await.running(unrecorded) {
                tracing::warn!(%id, "it still runs and its directory is gone: it is ended and launched again");
                Leavings::UNRECORDED.sweep(&id, &self.census).await;
            }
        }
        failed
    }

    async fn observe(&self, id: &LaunchId) -> Result<Phase, DriverError> {
        let id = prepare::absolute_id(id)?;
        Ok(match self.meet(&id).await? {
            Met::Absent => Phase::NotStarted,
            Met::Over(end) => Phase::Ended(end),
            Met::Live(live) => match live.end() {
                Some(end) => Phase::Ended(end),
                None => Phase::Running {
                    pid: live.leader().map(|leader| leader.pid),
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

    /// Files stay: what a trial left in its working directory may be the model that somebody is after.
    async fn forget(&self, id: &LaunchId) -> Result<(), DriverError> {
        let id = prepare::absolute_id(id)?;
        let ended = |live: &Arc<Live>| live.end().is_some();
        if let Entry::Occupied(known) = self.launches.lock().entry(id)
            && ended(known.get())
        {
            known.remove();
        }
        Ok(())
    }
}

fn error(id: &LaunchId, refusal: Refusal) -> DriverError {
    let source = std::io::Error::from_raw_os_error(refusal.errno);
    match refusal.doing {
        Doing::Create => DriverError::io("create", &refusal.path)(source),
        Doing::Spawn => DriverError::Spawn {
            id: id.clone(),
            source,
        },
    }
}

/// Takes an attempt that nobody has claimed, so that a leader on its way finds it taken. False: somebody was faster.
async fn call_off(id: &LaunchId) -> Result<bool, DriverError> {
    let (directory, path) = (id.directory.clone(), Status::path(id));
    blocking(move || {
        std::fs::create_dir_all(&directory).map_err(DriverError::io("create", &directory))?;
        Status::call_off(&path).map_err(DriverError::io("write", &path))
    })
    .await
}
