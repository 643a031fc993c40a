//! From a URL to a pool of connections.

use std::str::FromStr;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection, SqlSafeStr};

use super::fault::fault;
use super::patience::in_time;
use super::sql;
use crate::{Location, StoreError};

/// Connections that may be open at the same time. They are made when they are needed.
const CONNECTIONS: u32 = 16;
/// How long a call waits for one before it counts as a failure to reach the database.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Connections that have nothing to do are closed after this.
const IDLE: Duration = Duration::from_secs(300);

/// Connections that were idle for longer are tried before they are used: the server may have been restarted.
const TRUSTED: Duration = Duration::from_secs(1);

/// Connects, makes the tables or brings them up to date, and takes a number for this handle.
pub(super) async fn pool(url: &str) -> Result<(PgPool, i64), StoreError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|source| StoreError::BadUrl {
            database: told(url),
            source: source.into(),
        })?
        .disable_statement_logging();
    let handle = in_time(first_connection(&options, url)).await;
    let handle = handle.map_err(|error| match error {
        StoreError::Unreachable(source) => StoreError::Open {
            database: told(url),
            source,
        },
        other => other,
    })?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Whoever waits says so.
        .acquire_slow_threshold(ACQUIRE_TIMEOUT)
        .idle_timeout(IDLE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < TRUSTED || connection.ping().await.is_ok()) })
        })
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(sql::SESSION).await.map(drop) })
        })
        .connect_lazy_with(options);
    Ok((pool, handle))
}

async fn first_connection(options: &PgConnectOptions, url: &str) -> Result<i64, StoreError> {
    let failed = |error| cannot_open(url, error);
    let mut connection = options.connect().await.map_err(failed)?;
    prepare(&mut connection, url).await?;
    let handle = sqlx::query_scalar(sql::HANDLE);
    handle.fetch_one(&mut connection).await.map_err(failed)
}

/// One that is refused is not written to.
async fn prepare(connection: &mut PgConnection, url: &str) -> Result<(), StoreError> {
    let failed = |error| cannot_open(url, error);
    let (is_ours, tables): (bool, i64) = sqlx::query_as(sql::IDENTITY)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if !is_ours && tables > 0 {
        return Err(StoreError::NotDiwan {
            database: told(url),
        });
    }
    if is_ours {
        let (found,): (Option<i64>,) = sqlx::query_as(sql::SCHEMA_VERSION)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        let supported = sql::MIGRATIONS.len() as i64;
        match found {
            Some(found) if found > supported => {
                return Err(StoreError::Newer {
                    database: told(url),
                    found,
                    supported,
                });
            }
            Some(found) if found == supported => return Ok(()),
            _ => {}
        }
    }
    migrate(connection).await.map_err(failed)
}

/// Waits for others that do the same.
async fn migrate(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let migration = |(version, description, text): &(i64, &'static str, &'static str)| {
        let text = text.into_sql_str();
        Migration::new(
            *version,
            (*description).into(),
            MigrationType::Simple,
            text,
            false,
        )
    };
    let migrations = sql::MIGRATIONS.iter().map(migration).collect();
    Migrator::with_migrations(migrations)
        .run(connection)
        .await?;
    Ok(())
}

fn cannot_open(url: &str, error: sqlx::Error) -> StoreError {
    match fault(error) {
        StoreError::Database(source) | StoreError::Unreachable(source) => StoreError::Open {
            database: told(url),
            source,
        },
        other => other,
    }
}

fn told(url: &str) -> String {
    Location::Postgres(url.to_owned()).told()
}
