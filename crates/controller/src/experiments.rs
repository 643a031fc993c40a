//! Experiments as custom resources: each is taken into the store, and a runner of its own carries it on.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use diwan_core::record::ExperimentKey;
use diwan_core::view::EXPERIMENT_LABEL;
use diwan_server::runner::{Control, Report, RunError, Runner};
use diwan_store::{ExperimentQuery, Store, StoreError};
use futures_util::StreamExt;
use kube::api::{Api, DynamicObject, ListParams};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::intake::{Intake, Taken};
use crate::kinds;
use crate::mirror::News;

/// Time before an experiment is tried again whose run failed.
const RETRY: std::time::Duration = std::time::Duration::from_secs(5);

/// Trials that are listed at one time.
const PAGE: u32 = 500;

/// Follows the Experiments of a cluster.
pub(crate) struct Experiments {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) news: Arc<News>,
    pub(crate) runner: Arc<Runner>,
    pub(crate) intake: Arc<Intake>,
}

/// What has happened to an Experiment.
enum Heard {
    /// It is there, like this.
    There(Box<DynamicObject>),
    /// It is gone.
    Gone(ExperimentKey),
    /// These are all there are.
    All(HashSet<ExperimentKey>),
    /// It is in the store, and something is left to do about it.
    Open(ExperimentKey),
    /// Its runner has returned; whether it must run again.
    Ended(ExperimentKey, bool),
}

/// Whether a Trial says that it has ended.
fn is_over(trial: &DynamicObject) -> bool {
    let conditions = trial.data.pointer("/status/conditions");
    let mut conditions = conditions.and_then(Value::as_array).into_iter().flatten();
    conditions.any(|one| {
        let is_end = !matches!(one["type"].as_str(), Some("Created" | "Running"));
        is_end && one["status"] == "True"
    })
}

/// The loop's state: one task for each experiment that something is left to do about.
struct Loop<'a> {
    of: &'a Experiments,
    running: HashMap<ExperimentKey, watch::Sender<Control>>,
    tasks: JoinSet<()>,
    mailbox: mpsc::UnboundedSender<Heard>,
}

// === impl Experiments ===

impl Experiments {
    /// Follows them until `shutdown`; trials go on without.
    pub(crate) async fn run(&self, shutdown: impl Future<Output = ()>) {
        let (mailbox, mut heard) = mpsc::unbounded_channel();
        let watching = tokio::spawn(watch_all(self.client.clone(), mailbox.clone()));
        let mut following = Loop {
            of: self,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            mailbox,
        };
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(one) = heard.recv() => following.hear(one).await,
            }
        }
        watching.abort();
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
            Ok(Event::Delete(object)) => Heard::Gone(key(&object)),
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

fn key(object: &DynamicObject) -> ExperimentKey {
    ExperimentKey::new(object.namespace().unwrap_or_default(), object.name_any())
}

// === impl Loop ===

impl Loop<'_> {
    async fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::There(object) => self.there(*object),
            Heard::Gone(key) => self.forget(&key).await,
            Heard::All(listed) => self.catch_up(&listed).await,
            Heard::Open(key) => self.carry_on(key),
            Heard::Ended(key, again) => {
                self.running.remove(&key);
                if again {
                    self.carry_on(key);
                }
            }
        }
        while self.tasks.try_join_next().is_some() {}
    }

    /// Takes an Experiment in, beside the others: none waits for another's store or optimizer.
    fn there(&mut self, object: DynamicObject) {
        let key = key(&object);
        let intake = self.of.intake.clone();
        let mailbox = self.mailbox.clone();
        self.tasks.spawn(async move {
            match intake.take(&object).await {
                Ok(Taken::Open) => drop(mailbox.send(Heard::Open(key))),
                Ok(Taken::Over) => {}
                Err(error) => {
                    warn!(experiment = %key, %error, "cannot take it in; trying again");
                    tokio::time::sleep(RETRY).await;
                    let _ = mailbox.send(Heard::There(Box::new(object)));
                }
            }
        });
    }

    /// Runs an experiment of the store, unless it runs.
    fn carry_on(&mut self, key: ExperimentKey) {
        if self.running.contains_key(&key) {
            return;
        }
        let (control, controls) = watch::channel(Control::Run);
        self.running.insert(key.clone(), control);
        let (runner, mailbox) = (self.of.runner.clone(), self.mailbox.clone());
        let (report, _) = watch::channel(Report::default());
        self.tasks.spawn(async move {
            let again = match runner.run(&key, controls, report).await {
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
    }

    /// The record goes with the Experiment; its runner finds out and stops the trials.
    async fn forget(&mut self, key: &ExperimentKey) {
        match self.of.store.delete(key).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => {}
            Err(error) => {
                warn!(experiment = %key, %error, "cannot forget it; trying again");
                let (mailbox, key) = (self.mailbox.clone(), key.clone());
                self.tasks.spawn(async move {
                    tokio::time::sleep(RETRY).await;
                    let _ = mailbox.send(Heard::Gone(key));
                });
            }
        }
    }

    /// Catches up with what has happened while nobody watched, and with what was committed and not shown.
    async fn catch_up(&mut self, listed: &HashSet<ExperimentKey>) {
        self.forget_others(listed).await;
        let api: Api<DynamicObject> = Api::all_with(self.of.client.clone(), &kinds::trials());
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let found = match api.list(&page).await {
                Ok(found) => found,
                Err(error) => {
                    warn!(%error, "cannot look for Trials that have ended meanwhile");
                    return;
                }
            };
            for trial in found.items.iter().filter(|trial| !is_over(trial)) {
                self.show(trial).await;
            }
            match found.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return,
            }
        }
    }

    /// Has a Trial shown as its trial is stored.
    async fn show(&self, trial: &DynamicObject) {
        let Some(experiment) = trial.labels().get(EXPERIMENT_LABEL) else {
            return;
        };
        let key = ExperimentKey::new(trial.namespace().unwrap_or_default(), experiment);
        match self.of.store.trial(&key, &trial.name_any()).await {
            Ok(Some(stored)) => self.of.news.add_trial(&key, stored),
            Ok(None) => {}
            Err(error) => warn!(trial = trial.name_any(), %error, "cannot show how it stands"),
        }
    }

    /// Forgets experiments whose Experiments are gone, and shows how the others stand.
    async fn forget_others(&mut self, listed: &HashSet<ExperimentKey>) {
        let mut query = ExperimentQuery::default();
        loop {
            let page = match self.of.store.experiments(&query).await {
                Ok(page) => page,
                Err(error) => {
                    warn!(%error, "cannot look for experiments that were deleted");
                    return;
                }
            };
            let Some(last) = page.last().map(|one| one.record.key()) else {
                return;
            };
            for one in page {
                let key = one.record.key();
                match listed.contains(&key) {
                    true => self.of.news.add(&key),
                    false => self.forget(&key).await,
                }
            }
            query.after = Some(last);
        }
    }
}
