//! Empty databases on the server that `tests/postgres` starts.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A connection for what tests do behind the store's back.
///
/// # Panics
/// When there is no server.
pub async fn connect() -> PgConnection {
    PgConnection::connect(&server()).await.expect("connects")
}

/// The URL of an empty schema that nobody else has. Its name is the connections' application name, too.
///
/// # Panics
/// When there is no server.
pub async fn empty() -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("test_{}_{number}", std::process::id());
    let statement = AssertSqlSafe(format!("CREATE SCHEMA {name}"));
    let mut connection = connect().await;
    sqlx::raw_sql(statement)
        .execute(&mut connection)
        .await
        .expect("makes a schema");
    format!(
        "{}?application_name={name}&options=-csearch_path%3D{name}",
        server()
    )
}

/// The same database by a way that loses answers: each connection ends in place of one, after at least so many that arrive, and no
/// other is taken for a while.
///
/// # Panics
/// When the URL has no address of the form `IP:PORT`.
pub async fn lossy(url: &str, answers: usize, shut: Duration) -> String {
    let (user, rest) = url.rsplit_once('@').expect("has a user");
    let (server, rest) = rest.split_once('/').expect("has a database");
    let server: SocketAddr = server.parse().expect("is an address");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("listens");
    let way = listener.local_addr().expect("has an address");
    let opens = watch::Sender::new(Instant::now());
    tokio::spawn(async move {
        for number in 0_usize.. {
            let Ok((client, _)) = listener.accept().await else {
                return;
            };
            let is_shut = Instant::now() < *opens.borrow();
            if is_shut {
                continue;
            }
            let Ok(upstream) = TcpStream::connect(server).await else {
                return;
            };
            let opens = opens.clone();
            tokio::spawn(async move {
                let lost = || {
                    opens.send_replace(Instant::now() + shut);
                };
                forward(client, upstream, answers + number * 7 % 11, lost).await;
            });
        }
    });
    format!("{user}@{way}/{rest}")
}

async fn forward(client: TcpStream, server: TcpStream, answers: usize, lost: impl FnOnce()) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        to_server
    });
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..answers {
        let size = from_server.read(&mut buffer).await.unwrap_or(0);
        if size == 0 || to_client.write_all(&buffer[..size]).await.is_err() {
            break;
        }
    }
    // What was asked last is done; nobody is told.
    let _ = from_server.read(&mut buffer).await;
    lost();
    requests.abort();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where tests are told of the server"
)]
fn server() -> String {
    std::env::var("DIWAN_TEST_POSTGRES")
        .expect("DIWAN_TEST_POSTGRES is set: eval \"$(tests/postgres up)\"")
}
