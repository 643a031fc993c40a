//! The driver itself.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::engine::End;
use diwan_core::record::TrialState;
use diwan_simulate::play::Timeline;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::job::Job;
use super::pace::Pace;
use super::record::{self, Output};
use crate::driver::{Driver, DriverError, Phase, TrialPlan};
use crate::launch::LaunchId;

/// Plays trials of kind `Simulated`, each in a task of this process.
///
/// What a launch prints and how it ends is in files, like that of processes. One that is played when Diwan ends goes on where its
/// output ends when it is started again. Lives inside a tokio runtime with time.
#[derive(Debug)]
pub struct SimulatedDriver {
    launches: Mutex<HashMap<LaunchId, Arc<Launch>>>,
    /// The tasks of this driver end when this is dropped.
    alive: watch::Sender<()>,
}

/// A launch that is played, or was by this driver.
#[derive(Debug)]
struct Launch {
    end: watch::Sender<Option<End>>,
    stop: watch::Sender<bool>,
    pace: Pace,
}

impl Default for SimulatedDriver {
    fn default() -> Self {
        Self {
            launches: Mutex::default(),
            alive: watch::Sender::new(()),
        }
    }
}

impl SimulatedDriver {
    /// Looks for what would keep a plan from being played, and plays nothing. What its trials report.
    ///
    /// # Errors
    /// What [`start`](Driver::start) would say.
    pub fn check(plan: &TrialPlan) -> Result<&'static str, DriverError> {
        Ok(Job::read(plan)?.metric)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LaunchId, Arc<Launch>>> {
        self.launches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, id: &LaunchId) -> Option<Arc<Launch>> {
        self.lock().get(id).cloned()
    }

    fn play(&self, id: LaunchId, job: Job) -> Arc<Launch> {
        let launch = Arc::new(Launch {
            end: watch::Sender::new(None),
            stop: watch::Sender::new(false),
            pace: Pace::default(),
        });
        let (played, mut alive) = (launch.clone(), self.alive.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                () = played.play(&id, &job) => {}
                _ = alive.changed() => {}
            }
        });
        launch
    }
}

impl Launch {
    /// Plays to the end, or until it is stopped.
    async fn play(&self, id: &LaunchId, job: &Job) {
        let mut stop = self.stop.subscribe();
        let end = tokio::select! {
            end = run(id, job, &self.pace) => end,
            _ = stop.wait_for(|stop| *stop) => Ok(End::Left("it was told to stop".to_owned())),
        };
        let end = end.unwrap_or_else(|error| {
            End::Failed(format!(
                "its output {} cannot be written: {error}",
                id.stdout().display()
            ))
        });
        // Whoever asks later and finds no record plays the rest again, to the same end.
        if let Err(error) = record::set_end(id, &end) {
            tracing::warn!(%id, %error, "the end of a simulated trial cannot be recorded");
        }
        self.end.send_replace(Some(end));
    }

    async fn ended(&self) -> End {
        let mut end = self.end.subscribe();
        let ended = end.wait_for(Option::is_some).await;
        let end = ended.ok().and_then(|end| end.clone());
        end.unwrap_or_else(|| End::Lost("nobody plays it any more".to_owned()))
    }
}

/// Prints what is due, and sleeps until more is. Of reports that are judged, one at a time.
async fn run(id: &LaunchId, job: &Job, pace: &Pace) -> io::Result<End> {
    let Timeline {
        reports,
        end,
        state,
    } = &job.timeline;
    let mut output = Output::open(id)?;
    let mut next = output.lines.min(reports.len());
    // What an earlier process has played is over.
    let before = reports[..next].last().map_or(0.0, |report| report.at);
    let mut begun = Instant::now();
    let moment = |begun: Instant, at: f64| {
        let seconds = (at - before) / job.speed_up;
        begun
            + Duration::try_from_secs_f64(seconds)
                .unwrap_or(LONGEST)
                .min(LONGEST)
    };
    while let Some(report) = reports.get(next) {
        sleep_until(moment(begun, report.at)).await;
        // A timer is coarser than a fast simulation.
        let now = Instant::now();
        let due = reports[next..]
            .iter()
            .take_while(|report| moment(begun, report.at) <= now);
        let count = if pace.is_judged() {
            1
        } else {
            due.count().max(1)
        };
        let lines = (next..next + count).map(|step| {
            let value = reports[step].value;
            format!("step={} {}={value:?}\n", step + 1, job.metric)
        });
        output.write(&lines.collect::<String>())?;
        next += count;
        let written = Instant::now();
        pace.wrote().await;
        // The simulation stands still meanwhile.
        begun += written.elapsed();
    }
    sleep_until(moment(begun, *end)).await;
    Ok(match state {
        TrialState::Succeeded => End::Succeeded,
        _ => End::Failed(
            "its simulation failed, as its problem or the template's failures want it".to_owned(),
        ),
    })
}

/// Nobody waits longer, and tokio's clock does not overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

#[async_trait]
impl Driver for SimulatedDriver {
    async fn start(&self, plan: &TrialPlan) -> Result<(), DriverError> {
        let (id, job) = (plan.id(), Job::read(plan)?);
        let mut launches = self.lock();
        if let Entry::Vacant(place) = launches.entry(id)
            && recorded(place.key())?.is_none()
        {
            let launch = self.play(place.key().clone(), job);
            place.insert(launch);
        }
        Ok(())
    }

    async fn observe(&self, id: &LaunchId) -> Result<Phase, DriverError> {
        let end = match self.known(id) {
            Some(launch) => launch.end.borrow().clone(),
            None => match recorded(id)? {
                Some(end) => Some(end),
                None => return Ok(Phase::NotStarted),
            },
        };
        Ok(end.map_or(Phase::Running { pid: None }, Phase::Ended))
    }

    async fn more(&self, id: &LaunchId, judged: u64) -> u64 {
        match self.known(id) {
            Some(launch) => launch.pace.more(judged).await,
            None => future::pending().await,
        }
    }

    async fn ended(&self, id: &LaunchId) -> Result<End, DriverError> {
        match self.known(id) {
            Some(launch) => Ok(launch.ended().await),
            None => recorded(id)?.ok_or_else(|| DriverError::NotStarted(id.clone())),
        }
    }

    /// Nothing of a simulation needs grace.
    async fn stop(&self, id: &LaunchId, _grace: Duration) -> Result<(), DriverError> {
        let launch = {
            let launches = self.lock();
            if !launches.contains_key(id) && recorded(id)?.is_none() {
                let end = End::Left("it was stopped before it began".to_owned());
                record::set_end(id, &end).map_err(DriverError::io("write in", &id.directory))?;
            }
            launches.get(id).cloned()
        };
        if let Some(launch) = launch {
            launch.stop.send_replace(true);
            launch.ended().await;
        }
        Ok(())
    }

    async fn forget(&self, id: &LaunchId) -> Result<(), DriverError> {
        if let Entry::Occupied(known) = self.lock().entry(id.clone())
            && known.get().end.borrow().is_some()
        {
            known.remove();
        }
        Ok(())
    }
}

fn recorded(id: &LaunchId) -> Result<Option<End>, DriverError> {
    record::end(id).map_err(DriverError::io("read in", &id.directory))
}
