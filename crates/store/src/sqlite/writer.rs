//! The one connection that writes.

use std::sync::Arc;

use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Connection, Error, SqliteConnection};
use tokio::sync::{Mutex, Notify};

use super::identity::Identity;
use super::sql;
use crate::StoreError;

/// SQL with its arguments: one statement, or a script whose `?` are bound one after the other across its statements.
pub(super) type Statement = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// Hands the connection to one script after the other, in the order of asking.
#[derive(Clone)]
pub(super) struct Writer {
    connection: Arc<Mutex<Option<SqliteConnection>>>,
    /// None for a database in memory.
    file: Option<Arc<Identity>>,
    /// Something was written since the log was moved into the file.
    written: Arc<Notify>,
}

impl Writer {
    pub(super) fn new(connection: SqliteConnection, file: Option<Arc<Identity>>) -> Self {
        let connection = Arc::new(Mutex::new(Some(connection)));
        Self {
            connection,
            file,
            written: Arc::default(),
        }
    }

    /// Runs a script and returns the rows of all its statements. If one fails, the rest is not run and the transaction is
    /// rolled back.
    pub(super) async fn run(&self, script: Statement) -> Result<Vec<SqliteRow>, StoreError> {
        self.run_all(std::iter::once(script)).await
    }

    /// The same with a script in pieces, which are made as they are needed.
    ///
    /// The work is done by a task of its own: a caller that goes away in the middle must not leave a transaction open.
    pub(super) async fn run_all(
        &self,
        pieces: impl Iterator<Item = Statement> + Send + 'static,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let this = self.clone();
        let work = tokio::spawn(async move {
            let mut guard = this.connection.lock().await;
            let connection = guard.as_mut().ok_or(StoreError::Closed)?;
            if let Some(file) = &this.file {
                file.check()?;
            }
            let result = fetch_all(connection, pieces).await;
            if result.is_err() {
                // SQLite may have rolled back by itself, and then there is nothing left to do.
                let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await;
                let _ = sqlx::raw_sql(sql::WAIT_FOR_NO_DISK)
                    .execute(connection)
                    .await;
            }
            this.written.notify_one();
            Ok(result?)
        });
        work.await.map_err(|_| StoreError::Closed)?
    }

    /// Waits until something was written since the last call.
    pub(super) async fn written(&self) {
        self.written.notified().await;
    }

    /// Moves the log into the file as far as readers allow, and waits for the disk.
    pub(super) async fn settle(&self) -> Result<(), Error> {
        if let Some(connection) = self.connection.lock().await.as_mut() {
            sqlx::raw_sql(sql::SETTLE).execute(connection).await?;
        }
        Ok(())
    }

    /// Waits for the script under way and closes the connection.
    pub(super) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // What can fail here is the tidying-up of the log, which the next opening repeats.
            let _ = connection.close().await;
        }
    }
}

async fn fetch_all(
    connection: &mut SqliteConnection,
    pieces: impl Iterator<Item = Statement> + Send,
) -> Result<Vec<SqliteRow>, Error> {
    let mut rows = Vec::new();
    for piece in pieces {
        rows.extend(piece.fetch_all(&mut *connection).await?);
    }
    Ok(rows)
}
