//! What accompanies one launched trial: reads its output while it runs, stops it when told, and reports its end.

mod output;
mod reading;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diwan_core::engine::{End, Event};
use diwan_core::record::{ExperimentRecord, TrialRecord};
use diwan_core::resources::ObjectiveSpec;
use diwan_drivers::{Driver, LaunchId, TrialPlan};
use diwan_store::{Store, StoreError, TrialRef};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tracing::warn;

use self::reading::Reading;
use super::actor::Message;
use super::judge::Judge;
use super::tails::Tails;
use super::{Options, Plans, Runner};

/// Time between two tries of something that the system refused.
const RETRY: Duration = Duration::from_secs(1);

/// A launch that is accompanied.
pub(super) struct Launch {
    driver: Arc<dyn Driver>,
    /// None if the template cannot be rendered; then there is nothing to stop.
    plan: Option<Arc<TrialPlan>>,
    /// When the trial's template says nothing.
    default_grace: Duration,
    begin: Arc<Notify>,
    stop: watch::Sender<Option<Stop>>,
    mailbox: mpsc::UnboundedSender<Message>,
    task: JoinHandle<()>,
}

impl Drop for Launch {
    /// Whoever drops the loop ends what it accompanies; the trials go on, and the next run finds them.
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How to stop; `None`: with the grace of the trial's template.
type Stop = Option<Duration>;

impl Launch {
    /// Lets it begin: what it is about to do is committed.
    pub(super) fn begin(&self) {
        self.begin.notify_one();
    }

    /// Asks the launch to end, whatever keeps its task busy; asking again with less grace makes it shorter. One that was not
    /// started yet never is.
    pub(super) fn stop(&self, grace: Stop) {
        let is_new = self.stop.send_if_modified(|current| {
            let new = *current != Some(grace);
            *current = Some(grace);
            new
        });
        if is_new {
            tokio::spawn(self.halt(grace));
        }
    }

    /// Has the driver forget it, once nothing of it runs and nobody is told of it.
    pub(super) async fn forget(&self) {
        if let Some(plan) = &self.plan {
            forget(&*self.driver, &plan.id()).await;
        }
    }

    /// The same as [`Self::stop`]; resolves when nothing of it runs.
    pub(super) fn halt(&self, grace: Stop) -> impl Future<Output = ()> + Send + use<> {
        let (driver, plan, mailbox) =
            (self.driver.clone(), self.plan.clone(), self.mailbox.clone());
        let default_grace = self.default_grace;
        async move {
            let Some(plan) = plan else { return };
            let of_template = || plan.grace_period();
            let grace = grace.or_else(of_template).unwrap_or(default_grace);
            while let Err(error) = driver.stop(&plan.id(), grace).await {
                let trouble = format!("cannot stop {}: {error}", plan.id());
                if mailbox.send(Message::Trouble(trouble)).is_err() {
                    return;
                }
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

async fn forget(driver: &dyn Driver, id: &LaunchId) {
    if let Err(error) = driver.forget(id).await {
        warn!(%error, "trial left something behind");
    }
}

/// What the launches of an experiment share.
pub(super) struct Shared {
    /// What they do.
    pub(super) plans: Arc<Plans>,
    /// What stops them early, if anything does.
    pub(super) judge: Option<Arc<Judge>>,
    /// Turns to start.
    pub(super) starts: Arc<Semaphore>,
    /// The loop's.
    pub(super) mailbox: mpsc::UnboundedSender<Message>,
}

/// Accompanies the current launch of a trial in a task of its own, which gets ready at once, and starts the launch, or finds it
/// again, when it is let. One that `is_new` was never launched before, so nothing of it is stored yet; it takes a turn to start.
pub(super) fn launch(
    runner: &Runner,
    shared: &Shared,
    record: &ExperimentRecord,
    trial: &TrialRecord,
    is_new: bool,
) -> Launch {
    let (stop, stopped) = watch::channel(None);
    let begin = Arc::<Notify>::default();
    let plan = shared.plans.plan(record, trial).map(Arc::new);
    let reading = Reading::new(shared, record, trial, is_new);
    let task = Task {
        store: runner.store.clone(),
        driver: runner.driver.clone(),
        options: runner.options.clone(),
        reference: TrialRef::new(record, trial),
        objective: record.spec.objective.clone().unwrap_or_default(),
        mailbox: shared.mailbox.clone(),
        stopped,
        starts: Arc::clone(&shared.starts),
        is_new,
    };
    Launch {
        driver: runner.driver.clone(),
        plan: plan.as_ref().ok().cloned(),
        default_grace: runner.options.grace,
        begin: begin.clone(),
        stop,
        mailbox: shared.mailbox.clone(),
        task: tokio::spawn(async move {
            begin.notified().await;
            task.run(plan, reading).await;
        }),
    }
}

/// What the task of a launch knows.
struct Task {
    store: Arc<dyn Store>,
    driver: Arc<dyn Driver>,
    options: Options,
    reference: TrialRef,
    objective: ObjectiveSpec,
    mailbox: mpsc::UnboundedSender<Message>,
    stopped: watch::Receiver<Option<Stop>>,
    starts: Arc<Semaphore>,
    is_new: bool,
}

impl Task {
    async fn run(mut self, plan: Result<Arc<TrialPlan>, String>, mut reading: Reading) {
        let trial = self.reference.number;
        let end = match plan {
            Ok(plan) => self.accompany(&plan, &mut reading).await,
            Err(why) => Ok(End::Failed(format!(
                "the trial template cannot be rendered: {why}"
            ))),
        };
        let observed = match end {
            Ok(end) => self
                .observation(&reading)
                .await
                .map(|observation| (end, observation)),
            Err(error) => Err(error),
        };
        if let Ok((End::Lost(message), _)) = &observed {
            warn!(experiment = %self.reference.experiment, trial, "{message}");
        }
        self.tell(match observed {
            Ok((end, observation)) => Message::Event(Event::Ended {
                trial,
                attempt: self.reference.attempt,
                end,
                observation,
            }),
            Err(error) => Message::Failed(error),
        });
        self.tell(Message::Gone { trial });
    }

    /// From the start to the end, whatever the store does meanwhile: who stops the launch must find it followed.
    async fn accompany(
        &mut self,
        plan: &TrialPlan,
        reading: &mut Reading,
    ) -> Result<End, StoreError> {
        let id = plan.id();
        if let Some(directory) = reading.metrics_file.as_deref().and_then(Path::parent) {
            // A failure shows when the trial cannot write there.
            let _ = std::fs::create_dir_all(directory);
        }
        if let Err(why) = self.start(plan).await {
            return Ok(End::Failed(why));
        }
        let end = match self.read_on(plan, reading).await {
            Ok(end) => end,
            Err(error) => {
                self.tell(Message::Failed(error));
                let mut nothing = Tails::default();
                return self.follow(&id, &mut nothing, reading).await;
            }
        };
        if !reading.retain {
            forget(&*self.driver, &id).await;
        }
        Ok(end)
    }

    /// Reads what the launch writes, from where an earlier run of Diwan stopped until its end.
    async fn read_on(
        &mut self,
        plan: &TrialPlan,
        reading: &mut Reading,
    ) -> Result<End, StoreError> {
        reading.begin();
        let mut tails = self.tails(&plan.id(), reading).await?;
        if !self.is_new {
            self.catch_up(reading).await?;
        }
        let end = self.follow(&plan.id(), &mut tails, reading).await?;
        self.collect(&mut tails, reading, true).await?;
        tails.trim(self.options.log_cap);
        Ok(match tails.vanished() {
            Some(vanished) if end == End::Succeeded => End::Failed(vanished),
            _ => end,
        })
    }

    /// Starts the launch; a new one when its turn comes.
    async fn start(&mut self, plan: &TrialPlan) -> Result<(), String> {
        if !self.is_new {
            return self.start_now(plan).await;
        }
        let starts = Arc::clone(&self.starts);
        let turn = tokio::select! {
            biased;
            _ = self.stopped.wait_for(Option::is_some) => None,
            turn = starts.acquire() => turn.ok(),
        };
        match &turn {
            Some(_) => self.start_now(plan).await,
            // It never runs, so nothing needs grace.
            None => {
                let called_off = self.driver.stop(&plan.id(), Duration::ZERO).await;
                called_off.map_err(|error| error.to_string())
            }
        }
    }

    /// Starts the launch; what the system refuses for now (no memory, no disk) is tried until it goes or a stop comes.
    async fn start_now(&self, plan: &TrialPlan) -> Result<(), String> {
        loop {
            match self.driver.start(plan).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_permanent() => return Err(error.to_string()),
                Err(error) => {
                    // One that an earlier run of Diwan has launched must be found to be stopped.
                    if self.is_new && self.stopped.borrow().is_some() {
                        return Err(format!("stopped before it could start: {error}"));
                    }
                    self.tell(Message::Trouble(error.to_string()));
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Reads on until the launch has ended.
    async fn follow(
        &mut self,
        id: &LaunchId,
        tails: &mut Tails,
        reading: &mut Reading,
    ) -> Result<End, StoreError> {
        let driver = self.driver.clone();
        let mut ended = driver.ended(id);
        let mut tick = tokio::time::interval(self.options.poll);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tick.reset();
        let mut judged = 0;
        loop {
            tokio::select! {
                written = driver.more(id, judged), if reading.is_judged() => {
                    self.collect(tails, reading, false).await?;
                    judged = written;
                }
                end = &mut ended => match end {
                    Ok(end) => return Ok(end),
                    Err(error) => {
                        self.tell(Message::Trouble(error.to_string()));
                        tokio::time::sleep(RETRY).await;
                        ended = driver.ended(id);
                    }
                },
                _ = tick.tick() => {
                    self.collect(tails, reading, false).await?;
                    self.judge_pushed(reading).await?;
                    tails.trim(self.options.log_cap);
                }
            }
        }
    }

    /// Repeats a call of the store while it fails for a passing reason, and says so.
    ///
    /// # Errors
    /// When the experiment was deleted, or the store failed for good.
    async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
        &self,
        mut call: impl FnMut() -> F,
    ) -> Result<T, StoreError> {
        loop {
            match call().await {
                Err(error) if error.is_transient() => {
                    self.tell(Message::Trouble(error.to_string()));
                    tokio::time::sleep(RETRY).await;
                }
                other => return other,
            }
        }
    }

    fn tell(&self, message: Message) {
        // The loop is gone only when the program ends.
        let _ = self.mailbox.send(message);
    }
}
