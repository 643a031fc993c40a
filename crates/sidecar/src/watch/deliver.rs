//! Sends what is to be told, one thing after the other, each until it is taken.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use diwan_core::causes::in_full;
use diwan_core::observation::MetricPoint;
use diwan_core::sidecar::SidecarConfig;
use diwan_proto::convert::observation;
use diwan_proto::katib;
use diwan_proto::katib::db_manager_client::DbManagerClient;
use diwan_proto::katib::early_stopping_client::EarlyStoppingClient;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::say;

/// Longest time for a connection, and again for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time before the first repetition; it doubles with each.
const FIRST_RETRY: Duration = Duration::from_millis(200);

/// Longest time between two.
const LAST_RETRY: Duration = Duration::from_secs(10);

/// Something to tell.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// To the database manager.
    Report(Arc<[MetricPoint]>),
    /// To the early-stopping service: the trial was stopped.
    Stopped,
}

/// How far it has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Things that were taken, or refused for good.
    pub(super) done: u64,
    /// Why the next one is not yet.
    pub(super) trouble: Option<String>,
}

/// The task that sends.
pub(super) struct Delivery {
    items: mpsc::UnboundedSender<Item>,
    progress: watch::Receiver<Progress>,
    task: JoinHandle<()>,
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Delivery {
    /// # Errors
    /// When an address is none.
    pub(super) fn start(config: &SidecarConfig) -> Result<Self, String> {
        let stopping = config.early_stopping.as_ref();
        let stopping = stopping.map(|stopping| endpoint(&stopping.address));
        let (items, queue) = mpsc::unbounded_channel();
        let (told, progress) = watch::channel(Progress::default());
        let sender = Sender {
            trial: config.trial.clone(),
            db_manager: endpoint(&config.db_manager)?,
            stopping: stopping.transpose()?,
            told,
            said: HashSet::new(),
        };
        Ok(Self {
            items,
            progress,
            task: tokio::spawn(sender.run(queue)),
        })
    }

    pub(super) fn send(&self, item: Item) {
        // The task ends only with this.
        let _ = self.items.send(item);
    }

    /// Waits for news.
    pub(super) async fn changed(&mut self) {
        if self.progress.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    pub(super) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }
}

fn endpoint(address: &str) -> Result<Endpoint, String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"));
    let endpoint = endpoint.map_err(|error| format!("{address:?} is no host:port: {error}"))?;
    Ok(endpoint.connect_timeout(PATIENCE).timeout(PATIENCE))
}

struct Sender {
    trial: String,
    db_manager: Endpoint,
    stopping: Option<Endpoint>,
    told: watch::Sender<Progress>,
    said: HashSet<String>,
}

impl Sender {
    async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Item>) {
        // A connection is made anew after a failure: one whose other end has vanished would fail until the kernel gives it up.
        let mut channels = Channels::default();
        while let Some(item) = queue.recv().await {
            let mut retry = FIRST_RETRY;
            while let Err(status) = self.send(&item, &mut channels).await {
                let target = item.target(&self);
                let why = format!("{target}: {}", told(&status));
                if item.is_refused(status.code()) {
                    say(&format!("{} was refused by {why}", item.name()));
                    break;
                }
                if self.said.insert(why.clone()) {
                    say(&format!(
                        "{} cannot be delivered yet, it is tried again: {why}",
                        item.name()
                    ));
                }
                self.told
                    .send_modify(|progress| progress.trouble = Some(why));
                channels = Channels::default();
                tokio::time::sleep(retry).await;
                retry = LAST_RETRY.min(retry * 2);
            }
            self.said.clear();
            self.told.send_modify(|progress| {
                progress.done += 1;
                progress.trouble = None;
            });
        }
    }

    async fn send(&self, item: &Item, channels: &mut Channels) -> Result<(), Status> {
        match item {
            Item::Report(points) => {
                let connect = || self.db_manager.connect_lazy();
                let channel = channels.db_manager.get_or_insert_with(connect);
                let request = katib::ReportObservationLogRequest {
                    trial_name: self.trial.clone(),
                    observation_log: Some(observation::write(points)),
                };
                let mut client = DbManagerClient::new(channel.clone());
                client.report_observation_log(request).await.map(drop)
            }
            Item::Stopped => {
                let Some(endpoint) = &self.stopping else {
                    return Ok(());
                };
                let connect = || endpoint.connect_lazy();
                let channel = channels.stopping.get_or_insert_with(connect);
                let request = katib::SetTrialStatusRequest {
                    trial_name: self.trial.clone(),
                };
                let mut client = EarlyStoppingClient::new(channel.clone());
                client.set_trial_status(request).await.map(drop)
            }
        }
    }
}

#[derive(Default)]
struct Channels {
    db_manager: Option<Channel>,
    stopping: Option<Channel>,
}

impl Item {
    pub(super) fn points(&self) -> usize {
        match self {
            Self::Report(points) => points.len(),
            Self::Stopped => 0,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Report(points) if points.len() == 1 => "a report of 1 observation".to_owned(),
            Self::Report(points) => format!("a report of {} observations", points.len()),
            Self::Stopped => "the news that the trial was stopped early".to_owned(),
        }
    }

    fn target(&self, sender: &Sender) -> String {
        let endpoint = match self {
            Self::Report(_) => Some(&sender.db_manager),
            Self::Stopped => sender.stopping.as_ref(),
        };
        let authority = endpoint.and_then(|endpoint| endpoint.uri().authority());
        authority.map(ToString::to_string).unwrap_or_default()
    }

    /// Whether the same would be answered again.
    fn is_refused(&self, code: Code) -> bool {
        match (self, code) {
            (_, Code::InvalidArgument | Code::Unimplemented) => true,
            // The trial has ended otherwise, or there is none.
            (Self::Stopped, code) => matches!(code, Code::NotFound | Code::FailedPrecondition),
            (Self::Report(_), _) => false,
        }
    }
}

/// A status with its causes: tonic's own words are "transport error".
fn told(status: &Status) -> String {
    let text = in_full(status.message(), status);
    format!("{text} ({:?})", status.code())
}
