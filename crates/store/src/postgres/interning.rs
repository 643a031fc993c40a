//! Numbers for names.

use super::fault::fault;
use super::patience::patiently;
use super::{PostgresStore, sql};
use crate::StoreError;

impl PostgresStore {
    /// The numbers of metrics, in their order.
    pub(super) async fn metric_ids(&self, names: &[&str]) -> Result<Vec<i64>, StoreError> {
        let ask = async |name: String| {
            self.number_or_new(sql::METRIC, sql::MAKE_METRIC, &name)
                .await
        };
        self.metrics.of(names, ask).await
    }

    /// The number of a name in a table whose rows never change.
    pub(super) async fn number_of(
        &self,
        text: &'static str,
        name: &str,
    ) -> Result<Option<i64>, StoreError> {
        let ask = async || {
            let statement = sqlx::query_scalar(text).bind(name.as_bytes());
            statement.fetch_optional(&self.pool).await.map_err(fault)
        };
        Ok(patiently(ask).await?.value)
    }

    /// The same, made if it is missing.
    pub(super) async fn number_or_new(
        &self,
        text: &'static str,
        make: &'static str,
        name: &str,
    ) -> Result<i64, StoreError> {
        if let Some(number) = self.number_of(text, name).await? {
            return Ok(number);
        }
        let insert = async || {
            let statement = sqlx::query(make).bind(name.as_bytes());
            statement.execute(&self.pool).await.map_err(fault)
        };
        patiently(insert).await?;
        let made = self.number_of(text, name).await?;
        made.ok_or(StoreError::Closed)
    }
}
