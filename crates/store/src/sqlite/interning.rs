//! Numbers for the names of metrics.

use sqlx::Row;

use super::{SqliteStore, sql};
use crate::StoreError;

impl SqliteStore {
    /// The numbers of metrics, in their order.
    pub(super) async fn metric_ids(&self, names: &[&str]) -> Result<Vec<i64>, StoreError> {
        self.metrics.of(names, |name| self.intern(name)).await
    }

    async fn intern(&self, name: String) -> Result<i64, StoreError> {
        let script = sqlx::query(sql::METRIC).bind(name.clone()).bind(name);
        let found = self.writer.run(script).await?;
        Ok(found.first().ok_or(StoreError::Closed)?.try_get("id")?)
    }
}
