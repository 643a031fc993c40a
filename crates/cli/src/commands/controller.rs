//! `diwan controller`.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use diwan_algorithms::registry::ALGORITHMS;
use diwan_algorithms::stopping::STOPPING_RULES;
use diwan_controller::Controller;
use diwan_controller::admission::owner::{Cluster, Made, Nearest};
use diwan_controller::admission::pod::{Injection, has_native_sidecars};
use diwan_controller::admission::registration::Reach;
use diwan_controller::admission::server::{Options, Settings, serve};
use diwan_controller::katib_config;
use diwan_controller::metrics::{self, Metrics};
use diwan_controller::mirror::{MirroredStore, News};
use diwan_controller::optimizers::Optimizers;
use diwan_server::clock::now;
use diwan_server::grpc::{self, Services};
use diwan_server::runner;
use diwan_server::stopper::StoreStopper;
use diwan_server::suggester::{Elsewhere, RoutedSuggester};
use diwan_store::Store;
use kube::{Client, Config};
use tokio::sync::watch;

use crate::Exit;
use crate::commands::file::refusals;
use crate::commands::run::until_asked_to_end;
use crate::commands::serve::listen;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::print_line;

/// How often the webhooks' certificate is looked at.
const LOOK: Duration = Duration::from_secs(600);

/// Run the Experiments of a Kubernetes cluster
///
/// Follows the Experiments (kubeflow.org/v1beta1) of the cluster that the kubeconfig names, or that this pod is in, and serves
/// the database manager and the optimizers over gRPC, as `diwan serve` does, to the pods of trials.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The gRPC address; port 0 takes a free one. Callers are not asked who they are: let only the cluster's pods reach it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6789")]
    listen: SocketAddr,
    /// The address of the webhooks (TLS, with a certificate of its own)
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8443")]
    webhook_listen: SocketAddr,
    /// Where Prometheus finds metrics, at /metrics; by default nowhere
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,
    /// Where the API server finds the webhooks, when this is no pod behind the Service katib-controller
    #[arg(long, value_name = "HOST")]
    webhook_host: Option<String>,
    /// The namespace of the controller's own objects
    #[arg(long, value_name = "NAME", default_value = "kubeflow")]
    core_namespace: String,
    /// What no other controller is called, and this one again after a crash; by default the host and the webhooks' port
    #[arg(long, value_name = "NAME")]
    identity: Option<String>,
    /// Where the pods of trials report; by default the Service katib-db-manager
    #[arg(long, value_name = "HOST:PORT")]
    db_manager: Option<String>,
    /// The image that has /diwan-collect, which is added to the pods of trials
    #[arg(long, value_name = "IMAGE", default_value = "diwan.test/diwan:1")]
    collector_image: String,
}

/// How long the API server may be silent: more than a watch, which it ends by itself after 290 seconds. Without a limit, whoever asks
/// a server whose machine is gone waits for ever.
const SILENCE: Duration = Duration::from_secs(295);

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let client = connect().await.map_err(|error| {
        Failure::new(Exit::Failed, "there is no Kubernetes to talk to")
            .cause(error)
            .hint("set KUBECONFIG, or run it in a pod with a service account")
    })?;
    let (listener, address) = listen(arguments.listen).await?;
    let scraped = match arguments.metrics_listen {
        Some(wanted) => Some(listen(wanted).await?.0),
        None => None,
    };
    let asked_to_end = until_asked_to_end();
    print_line(&format!("listening on {address}"))?;
    let news = Arc::<News>::default();
    let metrics = Arc::<Metrics>::default();
    let mirrored = MirroredStore::new(context.store.clone(), news.clone(), metrics.clone());
    let store: Arc<dyn Store> = Arc::new(mirrored);
    let made = Arc::<Made>::default();
    let (options, settings) = webhooks(arguments, context, &client, &made).await?;
    let settings = watch::Sender::new(settings);
    let optimizers = Arc::new(Optimizers::new(client.clone(), settings.subscribe()));
    let places: Vec<Arc<dyn Elsewhere>> = vec![context.services(), optimizers.clone()];
    let suggester = Arc::new(RoutedSuggester::new(store.clone(), places));
    let services = Services {
        store: store.clone(),
        suggester: suggester.clone(),
        stopper: Arc::new(StoreStopper::new(store.clone())),
        ask_db_managers: true,
    };
    let controller = Controller {
        client: client.clone(),
        store: store.clone(),
        news,
        suggester,
        optimizers,
        work_directory: context.default_work_directory().to_owned(),
        namespace: arguments.core_namespace.clone(),
        identity: arguments
            .identity
            .clone()
            .unwrap_or_else(|| identity(arguments)),
        made,
        settings: settings.subscribe(),
    };
    let (end, ended) = watch::channel(());
    let until_end = |mut ended: watch::Receiver<()>| async move {
        // The sender says nothing; it goes when the end has come.
        let _ = ended.changed().await;
    };
    let serving = grpc::serve(listener, services, until_end(ended.clone()));
    let following = katib_config::follow(client.clone(), &arguments.core_namespace, &settings);
    let admitting = serve(
        client,
        options,
        settings.subscribe(),
        until_end(ended.clone()),
    );
    let until_end_of_scrapes = until_end(ended.clone());
    let controlling = Box::pin(controller.run(until_end(ended)));
    let ending = async {
        asked_to_end.await;
        drop(end);
    };
    // What fails ends the others: a controller that is half there is restarted whole.
    let serving = async {
        serving
            .await
            .map_err(|error| Failure::of(Exit::Failed, &error))
    };
    let admitting = async {
        admitting
            .await
            .map_err(|error| Failure::of(Exit::Failed, &error))
    };
    let counting = async {
        let Some(listener) = scraped else {
            return Ok(());
        };
        metrics::serve(listener, metrics, store, until_end_of_scrapes)
            .await
            .map_err(|error| Failure::of(Exit::Failed, &error))
    };
    let controlling = async {
        tokio::select! {
            () = controlling => {}
            () = following => {}
        }
        Ok(())
    };
    let ending = async {
        ending.await;
        Ok(())
    };
    tokio::try_join!(serving, admitting, counting, controlling, ending)?;
    Ok(Exit::Done)
}

async fn connect() -> Result<Client, Box<dyn Error + Send + Sync>> {
    let mut config = Config::infer().await?;
    (config.read_timeout, config.reset_reader_on_write) = (Some(SILENCE), true);
    Ok(Client::try_from(config)?)
}

/// A port has one holder at a time, and a pod the same host when its container starts again. Fit for the name of an object.
fn identity(arguments: &Arguments) -> String {
    let host = runner::host().unwrap_or_default().to_lowercase();
    let host: String = host
        .chars()
        .map(|one| {
            if one.is_ascii_alphanumeric() {
                one
            } else {
                '-'
            }
        })
        .collect();
    format!(
        "diwan-{}-{}",
        host.trim_matches('-'),
        arguments.webhook_listen.port()
    )
}

/// What the webhooks are, and what they know.
async fn webhooks(
    arguments: &Arguments,
    context: &Context,
    client: &Client,
    made: &Arc<Made>,
) -> Result<(Options, Settings), Failure> {
    let version = client
        .apiserver_version()
        .await
        .map_err(|error| Failure::new(Exit::Failed, "Kubernetes does not answer").cause(error))?;
    let namespace = arguments.core_namespace.clone();
    let services = context.services().names();
    let known: Vec<String> = ALGORITHMS.iter().map(|one| one.name().to_owned()).collect();
    let algorithms = [known, services.clone()].concat();
    let options = Options {
        listen: arguments.webhook_listen,
        reach: match &arguments.webhook_host {
            Some(host) => Reach::Host(host.clone()),
            None => Reach::Service {
                namespace: namespace.clone(),
                name: "katib-controller".to_owned(),
                port: 443,
            },
        },
        namespace: namespace.clone(),
        secret: "katib-webhook-cert".to_owned(),
        objects: Box::new(Nearest::new(made.clone(), Cluster::new(client.clone()))),
        opinion: Box::new(move |experiment, in_pods| {
            refusals(&experiment.spec, &[in_pods, &services].concat())
        }),
        clock: Box::new(now),
        look: LOOK,
    };
    let rules = STOPPING_RULES.iter().map(|one| one.name().to_owned());
    let by_default = || format!("katib-db-manager.{namespace}:6789");
    let db_manager = arguments.db_manager.clone().unwrap_or_else(by_default);
    let settings = Settings {
        algorithms,
        early_stopping: rules.collect(),
        injection: Injection {
            image: arguments.collector_image.clone(),
            early_stopping: Some(db_manager.clone()),
            db_manager,
            native_sidecars: has_native_sidecars(&version.major, &version.minor),
            ..Injection::default()
        },
        ..Settings::default()
    };
    Ok((options, settings))
}
