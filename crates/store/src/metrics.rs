//! Names of metrics as numbers.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::StoreError;

/// More names than this are forgotten, all at once: a guard against trials that make names up.
const REMEMBERED: usize = 4096;

/// What this process knows of the table `metrics`, whose rows never change.
#[derive(Default)]
pub(crate) struct MetricIds(Mutex<HashMap<String, i64>>);

impl MetricIds {
    /// The numbers of metrics, in their order; those that are not known yet are asked for.
    pub(crate) async fn of<F: Future<Output = Result<i64, StoreError>>>(
        &self,
        names: &[&str],
        ask: impl Fn(String) -> F,
    ) -> Result<Vec<i64>, StoreError> {
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let id = match self.get(name) {
                Some(id) => id,
                None => {
                    let id = ask((*name).to_owned()).await?;
                    self.put(name, id);
                    id
                }
            };
            ids.push(id);
        }
        Ok(ids)
    }

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
