//! `diwan serve`.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use diwan_server::grpc::{self, Services};
use diwan_server::stopper::StoreStopper;
use tokio::net::TcpListener;

use crate::Exit;
use crate::commands::run::until_asked_to_end;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::print_line;

/// Serve optimizers and the metrics database over gRPC
///
/// gRPC: diwan.v1.Suggestion, and api.v1.beta1 Suggestion, DBManager and EarlyStopping, with health and reflection. Callers
/// are not asked who they are, so only this machine can reach it.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address; port 0 takes a free one. Prints the address it listens on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6789")]
    listen: SocketAddr,
    /// Let early-stopping requests name the database manager that has their trials' reports, as Katib's controller does
    #[arg(long)]
    ask_db_managers: bool,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    if !arguments.listen.ip().is_loopback() {
        return Err(Failure::usage(format!(
            "{} is reachable from other machines, and there is no authentication",
            arguments.listen
        ))
        .hint("listen on 127.0.0.1 or [::1]; put a proxy that authenticates in front for others"));
    }
    let (listener, address) = listen(arguments.listen).await?;
    let asked_to_end = until_asked_to_end();
    print_line(&format!("listening on {address}"))?;
    let services = Services {
        store: context.store.clone(),
        suggester: context.suggester(),
        stopper: Arc::new(StoreStopper::new(context.store.clone())),
        ask_db_managers: arguments.ask_db_managers,
    };
    grpc::serve(listener, services, asked_to_end)
        .await
        .map_err(|error| Failure::of(Exit::Failed, &error))?;
    Ok(Exit::Done)
}

/// A socket at an address, and where that is if a free port was asked for.
pub(super) async fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(Exit::Failed, format!("cannot listen on {wanted}")).cause(error)
    };
    let listener = TcpListener::bind(wanted).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, address))
}
