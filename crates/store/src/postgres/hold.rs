//! Who runs an experiment as processes of his machine.

use std::any::Any;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::task::JoinHandle;

use super::fault::fault;
use super::{PostgresStore, sql};
use crate::StoreError;

/// How often the connection that has the lock is looked after.
const LOOK: Duration = Duration::from_secs(5);

/// Keeps a lock until it is dropped, or the process ends.
struct Hold(JoinHandle<()>);

impl PostgresStore {
    pub(super) async fn hold_experiment(
        &self,
        uid: &str,
    ) -> Result<Box<dyn Any + Send>, StoreError> {
        let options = self.pool.connect_options();
        let mut connection = options.connect().await.map_err(fault)?;
        if !lock(&mut connection, uid).await.map_err(fault)? {
            return Err(StoreError::Held);
        }
        let uid = uid.to_owned();
        Ok(Box::new(Hold(tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                if connection.ping().await.is_err()
                    && let Ok(mut another) = options.connect().await
                    && lock(&mut another, &uid).await.is_ok_and(|is_ours| is_ours)
                {
                    connection = another;
                }
            }
        }))))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn lock(connection: &mut PgConnection, uid: &str) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar(sql::HOLD).bind(uid);
    query.fetch_one(connection).await
}
