//! The loop that owns an experiment's snapshot.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use diwan_core::causes::in_full;
use diwan_core::engine::{Action, Change, Event, Snapshot, step};
use diwan_core::record::{
    ExperimentKey, ExperimentRecord, OptimizerState, StopCause, TrialRecord, TrialState,
};
use diwan_core::time::Timestamp;
use diwan_store::StoreError;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::debug;

use super::judge::Judge;
use super::launch::{Launch, Shared, launch};
use super::{Control, Plans, Report, RunError, Runner};
use crate::clock::now;
use crate::suggester::{Next, SuggestError, Suggestions};

/// Launches that are started at one time. The others wait here, where a stop reaches them, and not in the driver's queue.
const STARTS: usize = 32;

/// What the tasks beside the loop tell it.
pub(super) enum Message {
    /// Something happened to a trial.
    Event(Event),
    /// The store failed a launch for good, which goes on until it ends or is stopped.
    Failed(StoreError),
    /// A launch's task is over; its `Ended` or `Failed` came before.
    Gone { trial: u64 },
    /// Something stands in a launch's way; it goes on trying.
    Trouble(String),
}

/// What the optimizer said, asked when so many trials had ended.
type Answer = (u64, Result<Suggestions, SuggestError>);

/// The loop and what it knows.
pub(super) struct Actor<'a> {
    runner: &'a Runner,
    key: ExperimentKey,
    snapshot: Snapshot,
    /// What launches are given.
    shared: Shared,
    /// Events that were applied and not committed yet; applied again when somebody else committed first.
    uncommitted: Vec<(Event, Timestamp)>,
    launches: HashMap<u64, Launch>,
    /// Launches that wait for the commit under way, which says that they run.
    ready: HashMap<u64, Launch>,
    /// Trials that an earlier run of Diwan has launched: their output may have been read before.
    found: HashSet<u64>,
    /// The question that the optimizer was asked, if it has not answered yet. Dropping the loop drops it.
    question: JoinSet<Answer>,
    /// When to look for other processes' edits again, whatever happens until then.
    next_look: Instant,
    mailbox: mpsc::UnboundedReceiver<Message>,
    control: watch::Receiver<Control>,
    report: watch::Sender<Report>,
}

impl<'a> Actor<'a> {
    pub(super) fn new(
        runner: &'a Runner,
        key: ExperimentKey,
        snapshot: Snapshot,
        (plans, judge): (Plans, Option<Arc<Judge>>),
        control: watch::Receiver<Control>,
        report: watch::Sender<Report>,
    ) -> Self {
        let (sender, mailbox) = mpsc::unbounded_channel();
        let shared = Shared {
            plans: Arc::new(plans),
            judge,
            starts: Arc::new(Semaphore::new(STARTS)),
            mailbox: sender,
        };
        Self {
            runner,
            key,
            shared,
            uncommitted: Vec::new(),
            found: snapshot
                .in_state(TrialState::Running)
                .map(|trial| trial.number)
                .collect(),
            snapshot,
            launches: HashMap::new(),
            ready: HashMap::new(),
            question: JoinSet::new(),
            next_look: Instant::now() + runner.options.poll,
            mailbox,
            control,
            report,
        }
    }

    pub(super) async fn run(mut self) -> Result<ExperimentRecord, RunError> {
        self.publish(self.snapshot.record.clone(), None);
        self.recover().await;
        loop {
            let wake = self.decide();
            self.commit().await?;
            self.act();
            if self.is_over() {
                return Ok(self.snapshot.record);
            }
            self.wait(wake).await?;
        }
    }

    /// Lets the driver look after what an earlier run of Diwan has left.
    async fn recover(&mut self) {
        let running = self.snapshot.in_state(TrialState::Running);
        let ids: Vec<_> = running
            .map(|trial| self.shared.plans.launch_id(&self.snapshot.record, trial))
            .collect();
        while let Err(error) = self.runner.driver.recover(&ids).await {
            let trouble = format!("cannot look for what an earlier run has left: {error}");
            self.publish(self.snapshot.record.clone(), Some(trouble));
            if self.wanted() != Control::Run {
                return;
            }
            self.pause().await;
        }
    }

    fn wanted(&self) -> Control {
        *self.control.borrow()
    }

    /// Applies the changes that are due, until only waiting is left; returns when to look again.
    fn decide(&mut self) -> Option<Timestamp> {
        loop {
            let time = now();
            let mut wake = None;
            let mut changed = false;
            for action in self.due(time) {
                match action {
                    Action::Start { trial } => {
                        changed |= self.apply(Event::Started { trial }, time)
                    }
                    Action::Stop { trial, cause } => {
                        let told = self
                            .snapshot
                            .active
                            .get(&trial)
                            .is_none_or(|trial| trial.stopping.is_some());
                        changed |= !told && self.apply(Event::Stopping { trial, cause }, time);
                    }
                    Action::Finish(outcome) => {
                        changed |= self.apply(Event::Finished(outcome), time)
                    }
                    Action::WakeAt(moment) => wake = Some(moment),
                    Action::Suggest { count } => changed |= self.suggest_at_once(count, time),
                }
            }
            if !changed {
                return wake;
            }
        }
    }

    /// Takes points of an optimizer that needs no time, so that they are committed with what made them due.
    fn suggest_at_once(&mut self, count: u64, time: Timestamp) -> bool {
        if !self.question.is_empty() {
            return false;
        }
        let answer = self.runner.suggester.suggest_at_once(&self.snapshot, count);
        answer.is_some_and(|answer| {
            let finished = self.snapshot.record.progress.counts.finished();
            self.apply(Self::event_of(finished, Ok(answer)), time)
        })
    }

    /// What the engine says is due; when the owner wants the runner to go, only that.
    fn due(&self, time: Timestamp) -> Vec<Action> {
        if self.wanted() == Control::Run || self.snapshot.is_completed() {
            return step(&self.snapshot, time);
        }
        let running = self.snapshot.in_state(TrialState::Running);
        running
            .map(|trial| Action::Stop {
                trial: trial.number,
                cause: StopCause::Interrupted,
            })
            .collect()
    }

    /// Applies an event; whether it fitted.
    fn apply(&mut self, event: Event, time: Timestamp) -> bool {
        match self.snapshot.apply(event.clone(), time) {
            Ok(()) => {
                self.uncommitted.push((event, time));
                true
            }
            Err(rejected) => {
                debug!(%rejected, "event dropped");
                false
            }
        }
    }

    /// Commits what was applied. When somebody else committed first, what was applied is applied again on top of that. While
    /// the store cannot take it (the disk is full, the server is away), trials go on and the same commit is repeated: nobody may know
    /// whether it took effect, and what it holds must not be applied twice. If the owner wants to go, trials are stopped and it is
    /// tried once more: the next run finds out what became of them.
    async fn commit(&mut self) -> Result<(), RunError> {
        while !self.uncommitted.is_empty() {
            let change = self.snapshot.take_change();
            let mut committed = self.try_to_commit(&change).await;
            let mut is_last = false;
            while let Err(error) = &committed
                && error.is_transient()
                && !is_last
            {
                self.publish(
                    change.record.clone(),
                    Some(in_full(&error.to_string(), error)),
                );
                is_last = self.pause_or_halt().await;
                committed = self.try_to_commit(&change).await;
            }
            match committed {
                Ok(version) => {
                    self.snapshot.version = version;
                    self.uncommitted.clear();
                    if let Some(judge) = &self.shared.judge {
                        change.trials.iter().for_each(|trial| judge.settle(trial));
                    }
                    self.publish(change.record, None);
                }
                Err(StoreError::Conflict { .. }) => self.reload_when_possible().await?,
                Err(error) => return Err(self.failed(error).await),
            }
        }
        Ok(())
    }

    async fn try_to_commit(&mut self, change: &Change) -> Result<u64, StoreError> {
        let (key, version) = (self.key.clone(), self.snapshot.version);
        let commit = self.runner.store.commit(&key, version, change);
        // Beside the commit, which is on its way first: who yields lets the store's task send it off.
        let get_ready = async {
            tokio::task::yield_now().await;
            self.get_ready();
        };
        let (committed, ()) = tokio::join!(biased; commit, get_ready);
        committed
    }

    /// Takes the stored state and puts what was not committed on top. What does not fit any more is dropped, and so are starts
    /// and the end: whether they are still due is decided again, because the other's commit may be a pause.
    async fn reload(&mut self) -> Result<(), RunError> {
        self.ready.clear();
        let stored = self.runner.store.load(&self.key).await?;
        let uid = &self.snapshot.record.metadata.uid;
        let Some(stored) = stored.filter(|stored| stored.record.metadata.uid == *uid) else {
            return Err(self.deleted().await);
        };
        self.snapshot = stored;
        for (event, time) in std::mem::take(&mut self.uncommitted) {
            if !matches!(event, Event::Started { .. } | Event::Finished(_)) {
                self.apply(event, time);
            }
        }
        self.decide();
        Ok(())
    }

    /// Reloads as soon as the store can be read again; if the owner wants to go, when nothing runs any more.
    async fn reload_when_possible(&mut self) -> Result<(), RunError> {
        let mut is_last = false;
        loop {
            match self.reload().await {
                Err(RunError::Store(error)) if error.is_transient() && !is_last => {
                    self.publish(
                        self.snapshot.record.clone(),
                        Some(in_full(&error.to_string(), &error)),
                    );
                }
                other => return other,
            }
            is_last = self.pause_or_halt().await;
        }
    }

    /// Before a call of the store is repeated. If the owner wants to go, nothing runs any more, and it is the last time.
    async fn pause_or_halt(&mut self) -> bool {
        self.pause().await;
        let is_last = self.wanted() != Control::Run;
        if is_last {
            self.halt().await;
        }
        is_last
    }

    /// Makes the world follow the committed state: a launch for every running trial, a stop for every stopping one, a
    /// question to the optimizer when points are due.
    fn act(&mut self) {
        for trial in self.snapshot.in_state(TrialState::Running) {
            let stop = trial.stopping.is_some().then(|| self.grace());
            if let Some(launch) = self.launches.get(&trial.number) {
                if let Some(grace) = stop {
                    launch.stop(grace);
                }
            } else {
                let ready = self.ready.remove(&trial.number);
                let launch = ready.unwrap_or_else(|| self.launch(trial));
                self.found.remove(&trial.number);
                if let Some(grace) = stop {
                    launch.stop(grace);
                }
                launch.begin();
                self.launches.insert(trial.number, launch);
            }
        }
        self.ask();
    }

    /// Makes launches of the trials that are about to run.
    fn get_ready(&mut self) {
        let running = self.snapshot.in_state(TrialState::Running);
        self.ready = running
            .filter(|trial| !self.launches.contains_key(&trial.number))
            .map(|trial| (trial.number, self.launch(trial)))
            .collect();
    }

    fn launch(&self, trial: &TrialRecord) -> Launch {
        let is_new = !self.found.contains(&trial.number);
        let record = &self.snapshot.record;
        launch(self.runner, &self.shared, record, trial, is_new)
    }

    /// `None`: as long as the trial's template says.
    fn grace(&self) -> Option<Duration> {
        (self.wanted() == Control::Kill).then_some(Duration::ZERO)
    }

    fn ask(&mut self) {
        if !self.question.is_empty() || self.wanted() != Control::Run {
            return;
        }
        let due = step(&self.snapshot, now());
        let Some(Action::Suggest { count }) = due
            .into_iter()
            .find(|action| matches!(action, Action::Suggest { .. }))
        else {
            return;
        };
        let suggester = self.runner.suggester.clone();
        let snapshot = self.snapshot.clone();
        self.question.spawn(async move {
            let finished = snapshot.record.progress.counts.finished();
            (finished, suggester.suggest(&snapshot, count).await)
        });
    }

    /// Over: nothing runs, and there is nothing more to do or the owner wants to go.
    fn is_over(&self) -> bool {
        let done = self.snapshot.is_completed() && self.snapshot.active.is_empty();
        let leaving = self.wanted() != Control::Run
            && self.snapshot.in_state(TrialState::Running).next().is_none();
        self.launches.is_empty() && (done || leaving)
    }

    /// Waits until something has happened, and applies it and all that has come with it.
    async fn wait(&mut self, wake: Option<Timestamp>) -> Result<(), RunError> {
        let until_wake = wake.map_or(Duration::from_secs(3600), |moment| {
            Duration::from_millis(u64::try_from(moment.millis_since(now())).unwrap_or(0))
        });
        tokio::select! {
            Some(message) = self.mailbox.recv() => self.hear(message).await?,
            Some(answer) = self.question.join_next() => self.take(answer),
            () = changed(&mut self.control) => {}
            () = tokio::time::sleep(until_wake) => {}
            () = tokio::time::sleep_until(self.next_look) => {}
        }
        if self.next_look <= Instant::now() {
            self.look_for_edits().await?;
            self.next_look = Instant::now() + self.runner.options.poll;
        }
        while let Ok(message) = self.mailbox.try_recv() {
            self.hear(message).await?;
        }
        Ok(())
    }

    async fn look_for_edits(&mut self) -> Result<(), RunError> {
        match self.runner.store.version(&self.key).await {
            Ok(Some(version)) if version == self.snapshot.version => Ok(()),
            Ok(Some(_)) => match self.reload().await {
                Err(RunError::Store(error)) if error.is_transient() => Ok(()),
                other => other,
            },
            Ok(None) => Err(self.deleted().await),
            Err(error) if error.is_transient() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn hear(&mut self, message: Message) -> Result<(), RunError> {
        let time = now();
        match message {
            Message::Event(event) => {
                self.apply(event, time);
            }
            Message::Failed(error) => return Err(self.failed(error).await),
            Message::Gone { trial } => {
                self.launches.remove(&trial);
            }
            Message::Trouble(trouble) => {
                self.publish(self.snapshot.record.clone(), Some(trouble));
            }
        }
        Ok(())
    }

    fn take(&mut self, answer: Result<Answer, JoinError>) {
        let (finished, answer) = answer.unwrap_or_else(|error| {
            let broke_down = format!("the optimizer broke down: {error}");
            (0, Err(SuggestError::Failed(broke_down)))
        });
        self.apply(Self::event_of(finished, answer), now());
    }

    /// What an answer means, of an optimizer that was asked when `finished` trials had ended.
    fn event_of(finished: u64, answer: Result<Suggestions, SuggestError>) -> Event {
        match answer {
            Ok(Suggestions {
                points,
                settings,
                next,
            }) => {
                let next = match next {
                    Next::Ready => OptimizerState::Ready,
                    Next::Exhausted => OptimizerState::Exhausted,
                    Next::Waiting { why } => OptimizerState::Waiting { finished, why },
                };
                Event::Suggested {
                    points,
                    settings,
                    next,
                }
            }
            Err(error) => {
                debug!(%error, "no suggestion");
                let permanent = matches!(error, SuggestError::Refused(_));
                Event::SuggestionFailed {
                    message: error.to_string(),
                    permanent,
                }
            }
        }
    }

    /// The store failed for good. Trials go on, and are found again when the experiment does; not if it was deleted, or if the
    /// owner wants them gone.
    async fn failed(&mut self, error: StoreError) -> RunError {
        match error {
            StoreError::NotFound { .. } => self.deleted().await,
            error => {
                if self.wanted() != Control::Run {
                    self.halt().await;
                }
                error.into()
            }
        }
    }

    async fn deleted(&mut self) -> RunError {
        self.halt().await;
        for launch in self.launches.values() {
            launch.forget().await;
        }
        RunError::Deleted(self.key.clone())
    }

    /// Stops whatever runs, with nothing to record it in.
    async fn halt(&mut self) {
        loop {
            let grace = self.grace();
            let running = self.launches.values();
            let halting: JoinSet<()> = running.map(|launch| launch.halt(grace)).collect();
            tokio::select! {
                _ = halting.join_all() => return,
                () = changed(&mut self.control) => {}
            }
        }
    }

    async fn pause(&mut self) {
        tokio::select! {
            () = changed(&mut self.control) => {}
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }

    /// Shows the record, and what is in the way: `trouble`, or an optimizer that fails.
    fn publish(&self, record: ExperimentRecord, trouble: Option<String>) {
        let optimizer = match &record.progress.optimizer {
            OptimizerState::Failing { message, .. } => Some(message.clone()),
            _ => None,
        };
        let trouble = trouble.or(optimizer);
        self.report.send_replace(Report {
            record: Some(Arc::new(record)),
            trouble,
        });
    }
}

/// Resolves when the owner wants something else; never when there is no owner any more.
async fn changed(control: &mut watch::Receiver<Control>) {
    if control.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
