//! A driver that runs nothing.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use diwan_drivers::{Driver, DriverError, End, LaunchId, Phase, TrialPlan};
use tokio::sync::watch;

/// What a trial does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// Prints this on its standard output and ends so, at once.
    Ends(String, End),
    /// Runs until it is stopped or [`Scripted::end`] ends it.
    Runs,
    /// Cannot be launched; trying again may help.
    Refused,
}

impl Script {
    /// A trial that ends well at once, after printing `stdout`.
    pub fn prints(stdout: impl Into<String>) -> Self {
        Self::Ends(stdout.into(), End::Succeeded)
    }
}

type Told = dyn Fn(&TrialPlan) -> Script + Send + Sync;

/// A driver whose trials end as told, without processes and, unless they print, without files.
///
/// Clones share their trials, as two Diwans on one machine do: drop one and go on with another to act a restart.
#[derive(Clone)]
pub struct Scripted {
    script: Arc<Told>,
    world: Arc<Mutex<World>>,
}

#[derive(Debug, Default)]
struct World {
    launches: HashMap<LaunchId, watch::Sender<Phase>>,
    started: u64,
    running: usize,
    most_running: usize,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted")
            .field("world", &self.world)
            .finish_non_exhaustive()
    }
}

impl Scripted {
    /// A driver whose trials do what `script` says when they are started.
    pub fn new(script: impl Fn(&TrialPlan) -> Script + Send + Sync + 'static) -> Self {
        Self {
            script: Arc::new(script),
            world: Arc::default(),
        }
    }

    /// Ends a running launch. False: it does not run.
    pub fn end(&self, id: &LaunchId, end: End) -> bool {
        self.world().end(id, end)
    }

    /// Loses all that runs, as a power cut does.
    pub fn lose_all(&self) {
        let mut world = self.world();
        for id in world.running() {
            world.end(&id, End::Lost("the machine went down".to_owned()));
        }
    }

    /// The launches that run, in no order.
    #[must_use]
    pub fn running(&self) -> Vec<LaunchId> {
        self.world().running()
    }

    /// How many launches there have been. Starting one twice is one launch.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.world().started
    }

    /// The most launches that ever ran at once.
    #[must_use]
    pub fn most_running(&self) -> usize {
        self.world().most_running
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn running(&self) -> Vec<LaunchId> {
        let runs = |phase: &watch::Sender<Phase>| matches!(*phase.borrow(), Phase::Running { .. });
        self.launches
            .iter()
            .filter(|(_, phase)| runs(phase))
            .map(|(id, _)| id.clone())
            .collect()
    }

    fn begin(&mut self, id: LaunchId) {
        self.launches
            .insert(id, watch::Sender::new(Phase::Running { pid: None }));
        self.started += 1;
        self.running += 1;
        self.most_running = self.most_running.max(self.running);
    }

    fn end(&mut self, id: &LaunchId, end: End) -> bool {
        let ended = self.launches.get(id).is_some_and(|phase| {
            phase.send_if_modified(|phase| {
                let runs = matches!(phase, Phase::Running { .. });
                if runs {
                    *phase = Phase::Ended(end);
                }
                runs
            })
        });
        self.running -= usize::from(ended);
        ended
    }
}

#[async_trait]
impl Driver for Scripted {
    async fn start(&self, plan: &TrialPlan) -> Result<(), DriverError> {
        let id = plan.id();
        if self.world().launches.contains_key(&id) {
            return Ok(());
        }
        match (self.script)(plan) {
            Script::Runs => self.world().begin(id),
            Script::Ends(stdout, end) => {
                print(&id, &stdout)?;
                let mut world = self.world();
                world.begin(id.clone());
                world.end(&id, end);
            }
            Script::Refused => {
                let source = io::Error::from(io::ErrorKind::ResourceBusy);
                return Err(DriverError::Spawn { id, source });
            }
        }
        Ok(())
    }

    async fn observe(&self, id: &LaunchId) -> Result<Phase, DriverError> {
        let world = self.world();
        Ok(world
            .launches
            .get(id)
            .map_or(Phase::NotStarted, |phase| phase.borrow().clone()))
    }

    async fn ended(&self, id: &LaunchId) -> Result<End, DriverError> {
        let phase = self.world().launches.get(id).map(watch::Sender::subscribe);
        let mut phase = phase.ok_or_else(|| DriverError::NotStarted(id.clone()))?;
        loop {
            if let Phase::Ended(end) = &*phase.borrow_and_update() {
                return Ok(end.clone());
            }
            if phase.changed().await.is_err() {
                return Err(DriverError::NotStarted(id.clone()));
            }
        }
    }

    async fn stop(&self, id: &LaunchId, _: Duration) -> Result<(), DriverError> {
        let end = End::Left("stopped".to_owned());
        let mut world = self.world();
        if !world.end(id, end.clone()) {
            let never_started = || watch::Sender::new(Phase::Ended(end));
            world
                .launches
                .entry(id.clone())
                .or_insert_with(never_started);
        }
        Ok(())
    }

    async fn forget(&self, id: &LaunchId) -> Result<(), DriverError> {
        self.world().launches.remove(id);
        Ok(())
    }
}

fn print(id: &LaunchId, stdout: &str) -> Result<(), DriverError> {
    if stdout.is_empty() {
        return Ok(());
    }
    let path = id.stdout();
    let written =
        std::fs::create_dir_all(&id.directory).and_then(|()| std::fs::write(&path, stdout));
    written.map_err(|source| DriverError::Io {
        doing: "write",
        path,
        source,
    })
}
