//! Names of metrics as numbers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sqlx::Row;

use super::{SqliteStore, sql};
use crate::StoreError;

/// More names than this are forgotten, all at once: a guard against trials that make names up.
const REMEMBERED: usize = 4096;

/// What this process knows of the table `metrics`, whose rows never change.
#[derive(Default)]
pub(super) struct MetricIds(Mutex<HashMap<String, i64>>);

impl MetricIds {
    fn get(&self, name: &str) -> Option<i64> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).copied()
    }

    fn put(&self, name: &str, id: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name.to_owned(), id);
    }
}

impl SqliteStore {
    /// The numbers of metrics, in their order.
    pub(super) async fn metric_ids(&self, names: &[&str]) -> Result<Vec<i64>, StoreError> {
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let id = match self.metrics.get(name) {
                Some(id) => id,
                None => self.intern(name).await?,
            };
            ids.push(id);
        }
        Ok(ids)
    }

    async fn intern(&self, name: &str) -> Result<i64, StoreError> {
        let script = sqlx::query(sql::METRIC)
            .bind(name.to_owned())
            .bind(name.to_owned());
        let found = self.writer.run(script).await?;
        let id = found.first().ok_or(StoreError::Closed)?.try_get("id")?;
        self.metrics.put(name, id);
        Ok(id)
    }
}
