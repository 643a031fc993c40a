//! `diwan controller`.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use diwan_controller::Controller;
use diwan_controller::mirror::{MirroredStore, News};
use diwan_server::grpc::{self, Services};
use diwan_server::stopper::StoreStopper;
use diwan_store::Store;
use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::Exit;
use crate::commands::run::until_asked_to_end;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::print_line;

/// Run the Experiments of a Kubernetes cluster
///
/// Follows the Experiments (kubeflow.org/v1beta1) of the cluster that the kubeconfig names, or that this pod is in, and serves
/// the database manager and the optimizers over gRPC, as `diwan serve` does, to the pods of trials.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The gRPC address; port 0 takes a free one. Callers are not asked who they are: let only the cluster's pods reach it
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6789")]
    listen: SocketAddr,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let client = Client::try_default().await.map_err(|error| {
        Failure::new(Exit::Failed, "there is no Kubernetes to talk to")
            .cause(error)
            .hint("set KUBECONFIG, or run it in a pod with a service account")
    })?;
    let cannot = |error: std::io::Error| {
        Failure::new(
            Exit::Failed,
            format!("cannot listen on {}", arguments.listen),
        )
        .cause(error)
    };
    let listener = TcpListener::bind(arguments.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let asked_to_end = until_asked_to_end();
    print_line(&format!("listening on {address}"))?;
    let news = Arc::<News>::default();
    let store: Arc<dyn Store> = Arc::new(MirroredStore::new(context.store.clone(), news.clone()));
    let services = Services {
        store: store.clone(),
        suggester: context.suggester(),
        stopper: Arc::new(StoreStopper::new(store.clone())),
        ask_db_managers: true,
    };
    let controller = Controller {
        client,
        store,
        news,
        suggester: context.suggester(),
        work_directory: context.default_work_directory().to_owned(),
    };
    let (end, ended) = watch::channel(());
    let until_end = |mut ended: watch::Receiver<()>| async move {
        // The sender says nothing; it goes when the end has come.
        let _ = ended.changed().await;
    };
    let serving = grpc::serve(listener, services, until_end(ended.clone()));
    let controlling = controller.run(until_end(ended));
    let ending = async {
        asked_to_end.await;
        drop(end);
    };
    let (served, (), ()) = tokio::join!(serving, controlling, ending);
    served.map_err(|error| Failure::of(Exit::Failed, &error))?;
    Ok(Exit::Done)
}
