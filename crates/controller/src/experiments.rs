//! Experiments as custom resources: each is taken into the store, and a runner of its own carries it on.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;

use diwan_core::record::ExperimentKey;
use diwan_server::runner::{Control, Report, RunError, Runner};
use diwan_store::Store;
use futures_util::StreamExt;
use futures_util::future::join_all;
use kube::api::{Api, DynamicObject};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

use crate::catch_up::CatchUp;
use crate::finalizers;
use crate::intake::{Intake, Taken, forget};
use crate::kinds;
use crate::mirror::News;
use crate::shards::{Shards, shard};

/// Time before an experiment is tried again whose run failed.
const RETRY: std::time::Duration = std::time::Duration::from_secs(5);

/// Follows the Experiments of a cluster.
pub(crate) struct Experiments {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) news: Arc<News>,
    pub(crate) runner: Arc<Runner>,
    pub(crate) intake: Arc<Intake>,
    /// The shards whose experiments are this controller's, for whom it may concern.
    pub(crate) held: watch::Sender<Shards>,
}

/// What is held from now on, and where to say that what is not has stopped.
pub(crate) type Holding = mpsc::UnboundedReceiver<(Shards, oneshot::Sender<()>)>;

/// What has happened to an Experiment.
pub(crate) enum Heard {
    /// It is there, like this.
    There(Box<DynamicObject>),
    /// The one of this uid is gone.
    Gone(ExperimentKey, String),
    /// These are all there are.
    All(HashSet<ExperimentKey>),
    /// It is in the store, and something is left to do about it.
    Open(ExperimentKey),
    /// Its runner has returned; whether it must run again.
    Ended(ExperimentKey, bool),
}

/// The loop's state: one task for each experiment that something is left to do about.
struct Loop<'a> {
    of: &'a Experiments,
    running: HashMap<ExperimentKey, Running>,
    /// Those to run again when their runner has returned: one of the same name was made meanwhile.
    again: HashSet<ExperimentKey>,
    tasks: JoinSet<()>,
    mailbox: mpsc::UnboundedSender<Heard>,
}

/// A runner at work.
struct Running {
    task: JoinHandle<()>,
    /// The runner takes its end for a wish to go on.
    _control: watch::Sender<Control>,
}

// === impl Experiments ===

impl Experiments {
    /// Follows those of the shards that are held, until `shutdown`; trials go on without.
    pub(crate) async fn run(&self, mut holding: Holding, shutdown: impl Future<Output = ()>) {
        let (mailbox, mut heard) = mpsc::unbounded_channel();
        let watching = tokio::spawn(watch_all(self.client.clone(), mailbox.clone()));
        let mut following = Loop {
            of: self,
            running: HashMap::new(),
            again: HashSet::new(),
            tasks: JoinSet::new(),
            mailbox,
        };
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some((shards, stopped)) = holding.recv() => {
                    following.hold(shards).await;
                    let _ = stopped.send(());
                }
                Some(one) = heard.recv() => following.hear(one).await,
            }
        }
        watching.abort();
        following.hold(Shards::new()).await;
    }
}

async fn watch_all(client: Client, mailbox: mpsc::UnboundedSender<Heard>) {
    let api: Api<DynamicObject> = Api::all_with(client, &kinds::experiments());
    let mut events = watcher(api, watcher::Config::default())
        .default_backoff()
        .boxed();
    let mut listed = HashSet::new();
    while let Some(event) = events.next().await {
        let heard = match event {
            Ok(Event::Apply(object)) => Heard::There(Box::new(object)),
            Ok(Event::InitApply(object)) => {
                listed.insert(key(&object));
                Heard::There(Box::new(object))
            }
            Ok(Event::Delete(object)) => {
                Heard::Gone(key(&object), object.uid().unwrap_or_default())
            }
            Ok(Event::Init) => {
                listed.clear();
                continue;
            }
            Ok(Event::InitDone) => Heard::All(std::mem::take(&mut listed)),
            Err(error) => {
                warn!(%error, "cannot watch Experiments; trying again");
                continue;
            }
        };
        if mailbox.send(heard).is_err() {
            return;
        }
    }
}

/// Says after a while how an Experiment is then. It may be gone, or another of its name.
async fn hear_again(client: &Client, of: &DynamicObject, mailbox: &mpsc::UnboundedSender<Heard>) {
    let (key, uid) = (key(of), of.uid().unwrap_or_default());
    let api: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), &key.namespace, &kinds::experiments());
    loop {
        tokio::time::sleep(RETRY).await;
        match api.get_opt(&key.name).await {
            Ok(Some(object)) => return drop(mailbox.send(Heard::There(Box::new(object)))),
            Ok(None) => return drop(mailbox.send(Heard::Gone(key, uid))),
            Err(error) => warn!(experiment = %key, %error, "cannot be read; trying again"),
        }
    }
}

/// Says in the log what is in the way of an experiment, now and then, for ever.
async fn tell_troubles(key: &ExperimentKey, mut reports: watch::Receiver<Report>) -> Infallible {
    let mut told = None;
    while reports.changed().await.is_ok() {
        let trouble = reports.borrow_and_update().trouble.clone();
        if let Some(trouble) = &trouble
            && told.as_ref() != Some(trouble)
        {
            warn!(experiment = %key, trouble, "does not get on");
            tokio::time::sleep(RETRY).await;
        }
        told = trouble;
    }
    std::future::pending().await
}

pub(crate) fn key(object: &DynamicObject) -> ExperimentKey {
    ExperimentKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

// === impl Loop ===

impl Loop<'_> {
    async fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::There(object) => {
                // It does not come back, and its jobs may go before it does.
                if object.metadata.deletion_timestamp.is_some() {
                    let uid = object.uid().unwrap_or_default();
                    self.forget(&key(&object), &uid).await;
                }
                self.there(*object);
            }
            Heard::Gone(key, uid) => self.forget(&key, &uid).await,
            Heard::All(listed) => {
                let held = self.of.held.borrow().clone();
                self.catch_up(held, Some(listed));
            }
            Heard::Open(key) => self.carry_on(key),
            Heard::Ended(key, again) => {
                self.running.remove(&key);
                if self.again.remove(&key) || again {
                    self.carry_on(key);
                }
            }
        }
        while self.tasks.try_join_next().is_some() {}
    }

    fn is_held(&self, key: &ExperimentKey) -> bool {
        self.of.held.borrow().contains(&shard(key))
    }

    /// Lets go of what is not held any more, and begins what is. Returns when nothing runs here that should not.
    async fn hold(&mut self, shards: Shards) {
        let before = self.of.held.send_replace(shards.clone());
        let lost = self
            .running
            .extract_if(|key, _| !shards.contains(&shard(key)));
        let lost = lost.map(|(_, running)| {
            running.task.abort();
            running.task
        });
        join_all(lost).await;
        self.of.news.keep(|key| shards.contains(&shard(key)));
        let new: Shards = shards.difference(&before).copied().collect();
        if !new.is_empty() {
            self.catch_up(new, None);
        }
    }

    fn catch_up(&mut self, shards: Shards, listed: Option<HashSet<ExperimentKey>>) {
        let catch_up = CatchUp {
            client: self.of.client.clone(),
            store: self.of.store.clone(),
            news: self.of.news.clone(),
            mailbox: self.mailbox.clone(),
            shards,
        };
        self.tasks.spawn(catch_up.run(listed));
    }

    /// Takes an Experiment in, beside the others: none waits for another's store or optimizer.
    fn there(&mut self, object: DynamicObject) {
        let key = key(&object);
        if !self.is_held(&key) {
            return;
        }
        let (intake, client) = (self.of.intake.clone(), self.of.client.clone());
        let mailbox = self.mailbox.clone();
        self.tasks.spawn(async move {
            if finalizers::is_held(&object) {
                if let Err(error) = finalizers::release(&client, &object).await {
                    warn!(experiment = %key, %error, "cannot let it go; trying again");
                    hear_again(&client, &object, &mailbox).await;
                }
                return;
            }
            match Box::pin(intake.take(&object)).await {
                Ok(Taken::Open) => drop(mailbox.send(Heard::Open(key))),
                Ok(Taken::Over) => {}
                Err(error) => {
                    warn!(experiment = %key, %error, "cannot take it in; trying again");
                    hear_again(&client, &object, &mailbox).await;
                }
            }
        });
    }

    /// Runs an experiment of the store, unless it runs.
    fn carry_on(&mut self, key: ExperimentKey) {
        if !self.is_held(&key) {
            return;
        }
        if self.running.contains_key(&key) {
            self.again.insert(key);
            return;
        }
        let (control, controls) = watch::channel(Control::Run);
        let of = key.clone();
        let (runner, mailbox) = (self.of.runner.clone(), self.mailbox.clone());
        let (report, reports) = watch::channel(Report::default());
        let task = tokio::spawn(async move {
            let ran = tokio::select! {
                ran = runner.run(&key, controls, report) => ran,
                never = tell_troubles(&key, reports) => match never {},
            };
            let again = match ran {
                Ok(_) => false,
                Err(RunError::NotFound(_) | RunError::Deleted(_)) => {
                    info!(experiment = %key, "was deleted");
                    false
                }
                Err(error) => {
                    warn!(experiment = %key, %error, "cannot be run now; trying again");
                    tokio::time::sleep(RETRY).await;
                    true
                }
            };
            let _ = mailbox.send(Heard::Ended(key, again));
        });
        let running = Running {
            task,
            _control: control,
        };
        self.running.insert(of, running);
    }

    /// The record goes with the Experiment; its runner finds out and stops the trials.
    async fn forget(&mut self, key: &ExperimentKey, uid: &str) {
        if !self.is_held(key) {
            return;
        }
        if let Err(error) = forget(&*self.of.store, key, uid).await {
            warn!(experiment = %key, %error, "cannot forget it; trying again");
            let (mailbox, key, uid) = (self.mailbox.clone(), key.clone(), uid.to_owned());
            self.tasks.spawn(async move {
                tokio::time::sleep(RETRY).await;
                let _ = mailbox.send(Heard::Gone(key, uid));
            });
        }
    }
}
