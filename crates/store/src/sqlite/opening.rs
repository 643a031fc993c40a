//! From a path to connections.

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row, SqlSafeStr, SqliteConnection};

use super::identity::Identity;
use super::sql;
use crate::StoreError;
use crate::error::{is_busy, is_no_database};

/// How long to wait for another process before giving up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// Pages of the log that start its transfer into the file, which waits for the disk: at the usual 1000 that is every
/// twentieth of a second of a busy runner, and pages that change often are written each time.
const LOG_PAGES: &str = "4000";
/// Readers that may work at the same time. They are made when they are needed.
const READERS: u32 = 4;
/// Readers that have nothing to do are closed after this.
const READER_IDLE: Duration = Duration::from_secs(60);

/// Opens or makes a file and returns its writer.
pub(super) async fn file(path: &Path) -> Result<(SqliteConnection, Identity), StoreError> {
    let unusable = |source: std::io::Error| StoreError::Open {
        database: path.display().to_string(),
        source: source.into(),
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(unusable)?;
    }
    let failed = |error| cannot_open(path, error);
    let options = options()
        .filename(path)
        .create_if_missing(true)
        .pragma("wal_autocheckpoint", LOG_PAGES)
        .pragma("cache_size", "-8000");
    let mut connection = options.connect().await.map_err(failed)?;
    match prepare(&mut connection, path).await {
        Ok(()) => Ok((connection, Identity::of(path).map_err(unusable)?)),
        Err(refusal) => {
            // Dropped, it would close at some later moment.
            let _ = connection.close().await;
            Err(refusal)
        }
    }
}

/// Makes a database ready for use. One that is refused is not written to.
async fn prepare(connection: &mut SqliteConnection, path: &Path) -> Result<(), StoreError> {
    let failed = |error| cannot_open(path, error);
    if !is_ours(connection).await.map_err(failed)? {
        return Err(StoreError::NotDiwan {
            database: path.display().to_string(),
        });
    }
    let found = stored_version(connection).await.map_err(failed)?;
    if found > supported_version() {
        return Err(StoreError::Newer {
            database: path.display().to_string(),
            found,
            supported: supported_version(),
        });
    }
    if found == 0 {
        vacuum_in_pieces(connection).await.map_err(failed)?;
    }
    use_write_ahead_log(connection).await.map_err(failed)?;
    migrate(connection).await.map_err(failed)
}

/// An empty database in memory.
pub(super) async fn memory() -> Result<SqliteConnection, StoreError> {
    let mut connection = options().in_memory(true).connect().await?;
    migrate(&mut connection).await?;
    Ok(connection)
}

/// Connections that cannot write.
pub(super) fn readers(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .idle_timeout(READER_IDLE)
        .max_lifetime(None)
        .connect_lazy_with(options().filename(path).pragma("query_only", "ON"))
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .busy_timeout(BUSY_TIMEOUT)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(false)
        .pragma("temp_store", "MEMORY")
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

fn cannot_open(path: &Path, error: sqlx::Error) -> StoreError {
    if is_no_database(&error) {
        let path = path.to_owned();
        return StoreError::NotADatabase { path };
    }
    match StoreError::from(error) {
        StoreError::Database(source) => StoreError::Open {
            database: path.display().to_string(),
            source,
        },
        other => other,
    }
}

async fn is_ours(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(sql::IDENTITY).fetch_one(connection).await?;
    let application: i64 = row.try_get("application_id")?;
    let objects: i64 = row.try_get("objects")?;
    Ok(application == sql::APPLICATION_ID || objects == 0)
}

fn supported_version() -> i64 {
    sql::MIGRATIONS
        .iter()
        .map(|(version, _, _)| *version)
        .max()
        .unwrap_or(0)
}

async fn stored_version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let row = sqlx::query(sql::IDENTITY)
        .fetch_one(&mut *connection)
        .await?;
    if row.try_get::<i64, _>("objects")? == 0 {
        return Ok(0);
    }
    let row = sqlx::query(sql::SCHEMA_VERSION)
        .fetch_one(connection)
        .await?;
    Ok(row.try_get::<Option<i64>, _>("version")?.unwrap_or(0))
}

/// Possible only before anything is in the file.
async fn vacuum_in_pieces(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let pragma = sqlx::raw_sql("PRAGMA auto_vacuum = INCREMENTAL");
    pragma.execute(connection).await.map(drop)
}

/// The change to this mode is the one thing for which SQLite does not wait when another process is in the way.
async fn use_write_ahead_log(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    const PAUSE: Duration = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    loop {
        let result = sqlx::raw_sql("PRAGMA journal_mode = WAL")
            .execute(&mut *connection)
            .await;
        match result {
            Ok(_) => return Ok(()),
            Err(error) if is_busy(&error) && waited < BUSY_TIMEOUT => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
}

/// Holds the lock of writers from before it looks until after it has changed the schema, so that two processes can open the
/// same new file.
async fn migrate(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    if stored_version(connection).await? == supported_version() {
        return Ok(());
    }
    let migrations = sql::MIGRATIONS
        .iter()
        .map(|(version, description, text)| {
            let text = text.into_sql_str();
            Migration::new(
                *version,
                (*description).into(),
                MigrationType::Simple,
                text,
                false,
            )
        })
        .collect();
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    Migrator::with_migrations(migrations)
        .run(&mut *transaction)
        .await?;
    transaction.commit().await
}
