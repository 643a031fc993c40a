//! The services on a socket.

use std::time::Duration;

use diwan_proto::FILE_DESCRIPTOR_SET;
use diwan_proto::diwan::suggestion_server::SuggestionServer as DiwanSuggestionServer;
use diwan_proto::katib::db_manager_server::DbManagerServer;
use diwan_proto::katib::early_stopping_server::EarlyStoppingServer;
use diwan_proto::katib::suggestion_server::SuggestionServer;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tower::util::MapResponseLayer;

use super::Services;
use super::db_manager::DbManagerService;
use super::diwan_suggestion::DiwanSuggestionService;
use super::early_stopping::EarlyStoppingService;
use super::health::Health;
use super::status;
use super::suggestion::SuggestionService;

/// Largest request, in bytes. A request of Katib's controller carries the whole history: some 100,000 trials fit.
pub(super) const MAX_REQUEST: usize = 64 << 20;
/// What a client may send before it is told that there is room for more, in bytes: a thousand trials and more need no pause, as
/// they would at the 64 KiB of HTTP/2.
const WINDOW: u32 = 1 << 20;
/// Most points of a `GetObservationLog` reply, some tens of megabytes. Clients that nobody told otherwise take a third of it.
const MAX_POINTS: usize = 250_000;
/// Calls of one connection that are worked on at the same time; the others wait. Each may hold a request of [`MAX_REQUEST`] and
/// all that is made of it, and without a bound one client could fill the memory.
pub(super) const MAX_CALLS: usize = 16;
/// Calls of one connection that may be open, waiting and watching ones among them: the fewest that HTTP/2 recommends.
const MAX_STREAMS: u32 = 100;
/// Time that calls have to end after a shutdown was asked for.
const GRACE: Duration = Duration::from_secs(5);
/// Time after which a silent connection is asked whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Why serving ended before it should.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The socket failed.
    #[error("cannot serve gRPC")]
    Transport(#[from] tonic::transport::Error),
    /// The description of the services, which is part of the program, cannot be read.
    #[error("cannot describe the services")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// All services, with health and reflection.
fn routes(services: Services, health: &Health) -> Result<Routes, ServeError> {
    let Services {
        store,
        suggester,
        stopper,
        ask_db_managers,
    } = services;
    let db_manager = DbManagerService {
        store: store.clone(),
        most_points: MAX_POINTS,
    };
    let early_stopping = EarlyStoppingService {
        store: store.clone(),
        stopper,
        ask_db_managers,
    };
    let diwan = DiwanSuggestionService { store, suggester };
    let routes = Routes::new(
        SuggestionServer::new(SuggestionService).max_decoding_message_size(MAX_REQUEST),
    )
    .add_service(DbManagerServer::new(db_manager).max_decoding_message_size(MAX_REQUEST))
    .add_service(EarlyStoppingServer::new(early_stopping).max_decoding_message_size(MAX_REQUEST))
    .add_service(DiwanSuggestionServer::new(diwan).max_decoding_message_size(MAX_REQUEST))
    .add_service(health.server())
    .add_service(reflection().build_v1()?)
    // What Python's grpcio-reflection and older grpcurl speak.
    .add_service(reflection().build_v1alpha()?);
    Ok(routes)
}

/// The description of the services.
fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Serves on a socket until `shutdown` is done; calls that are then under way have five seconds to end.
///
/// # Errors
/// See [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    services: Services,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let mut health = Health::new(services.store.clone()).await;
    let routes = routes(services, &health)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let server = Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .concurrency_limit_per_connection(MAX_CALLS)
        .max_concurrent_streams(MAX_STREAMS)
        .layer(MapResponseLayer::new(status::blame_sender))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, async { drop(stopped.await) });
    let end = async {
        tokio::select! {
            () = shutdown => {}
            () = health.keep_up() => {}
        }
        health.end().await;
        drop(stop);
        // Somebody who watches the health of a service never hangs up.
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = server => Ok(ended?),
        () = end => Ok(()),
    }
}
