//! The controller: what it is made of, and how long it lives.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diwan_drivers::KubernetesDriver;
use diwan_server::clock::now;
use diwan_server::runner::{Options as RunnerOptions, Runner};
use diwan_server::suggester::Suggester;
use diwan_store::Store;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::timeout;

use crate::admission::experiment::Judge;
use crate::admission::owner::Made;
use crate::admission::server::Settings;
use crate::announce::Announcer;
use crate::collectors::Collectors;
use crate::experiments::Experiments;
use crate::intake::Intake;
use crate::ledger::TrialObjects;
use crate::logs::PodLogs;
use crate::mirror::News;
use crate::optimizers::Optimizers;
use crate::publish::{Publisher, TRIALS_AT_ONCE};
use crate::shards::{Leases, Shards};
use crate::troubles::{self, Troubles};

/// How often what trials have sent is judged by stopping rules, and what others have changed is looked for.
const POLL: Duration = Duration::from_secs(1);
/// How long `katib-config` is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a controller needs.
pub struct Controller {
    /// The cluster.
    pub client: Client,
    /// Where everything is recorded: a [`MirroredStore`](crate::mirror::MirroredStore) that tells `news`.
    pub store: Arc<dyn Store>,
    /// What was committed and is to be shown.
    pub news: Arc<News>,
    /// Where points come from.
    pub suggester: Arc<dyn Suggester>,
    /// Those of its places that are pods of this cluster.
    pub optimizers: Arc<Optimizers>,
    /// For the locks of experiments.
    pub work_directory: PathBuf,
    /// The namespace of its own objects.
    pub namespace: String,
    /// What no other living controller is called, and this one again after a crash.
    pub identity: String,
    /// What was made here, for the webhooks.
    pub made: Arc<Made>,
    /// What the webhooks know, too.
    pub settings: watch::Receiver<Settings>,
}

impl Controller {
    /// Follows the cluster's Experiments until `shutdown`. Trials go on without; whoever comes next finds them.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self {
            client,
            store,
            news,
            suggester,
            optimizers,
            work_directory,
            namespace,
            identity,
            made,
            settings,
        } = self;
        let troubles = Arc::<Troubles>::default();
        let collectors = Arc::<Collectors>::default();
        let announcer = Arc::new(Announcer::new(client.clone(), &identity));
        let ledger = TrialObjects {
            troubles: troubles.clone(),
            announcer: announcer.clone(),
            made,
            client: client.clone(),
            store: store.clone(),
            news: news.clone(),
            logs: PodLogs::new(client.clone(), store.clone()),
            collectors: collectors.clone(),
        };
        let driver = Arc::new(KubernetesDriver::new(client.clone(), Arc::new(ledger)));
        let runner = Runner {
            store: store.clone(),
            driver: driver.clone(),
            suggester: suggester.clone(),
            options: RunnerOptions {
                poll: POLL,
                reads_output: false,
                ..RunnerOptions::new(work_directory)
            },
        };
        let watching = troubles::Watch {
            client: client.clone(),
            store: store.clone(),
            news: news.clone(),
            troubles: troubles.clone(),
            collectors,
        };
        let mut configured = settings.clone();
        let held = watch::Sender::new(Shards::new());
        let publisher = Publisher {
            held: held.subscribe(),
            turns: Semaphore::new(TRIALS_AT_ONCE),
            troubles: troubles.clone(),
            announcer: announcer.clone(),
            optimizers,
            client: client.clone(),
            store: store.clone(),
            news: news.clone(),
            driver,
        };
        let (tell, holding) = mpsc::unbounded_channel();
        let mut leases = Leases::new(client.clone(), &namespace, identity, stamp, tell);
        let experiments = Experiments {
            client: client.clone(),
            store: store.clone(),
            news,
            held,
            runner: Arc::new(runner),
            intake: Arc::new(Intake {
                client,
                store,
                suggester,
                judge: Judge::default(),
                settings,
                announcer,
            }),
        };
        let begin = async {
            // Experiments may have algorithms that katib-config alone names.
            let _ = timeout(PATIENCE, configured.wait_for(|settings| settings.is_read)).await;
            experiments.run(holding, shutdown).await;
        };
        tokio::select! {
            () = begin => {}
            () = publisher.run() => {}
            () = watching.run() => {}
            () = leases.run() => {}
        }
        leases.leave().await;
    }
}

/// For the leases, whose times people look at; nothing here compares them.
fn stamp() -> Timestamp {
    Timestamp::from_millisecond(now().as_millis()).unwrap_or_default()
}
