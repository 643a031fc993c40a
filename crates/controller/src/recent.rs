//! A memory that does not grow for ever.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Entries until which all are kept.
const MANY: usize = 1000;
/// How long an entry is kept at least, however many there are.
const MEMORY: Duration = Duration::from_secs(600);

/// What was heard of things that nobody says the end of: it may come when they are over, and forgotten. Where there is much of
/// it, what is old goes.
pub(crate) struct Recent<K, V> {
    entries: Mutex<HashMap<K, (Instant, V)>>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
        }
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    fn entries(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        self.entries().get(key).map(|(_, value)| value.clone())
    }

    /// Puts a value in the place of another, which is returned.
    pub(crate) fn replace(&self, key: K, value: V) -> Option<V> {
        let mut entries = self.entries();
        if entries.len() >= MANY {
            entries.retain(|_, (at, _)| at.elapsed() < MEMORY);
        }
        let old = entries.insert(key, (Instant::now(), value));
        old.map(|(_, value)| value)
    }

    pub(crate) fn remove(&self, key: &K) {
        self.entries().remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_old_goes_where_there_is_much() {
        let recent = Recent::default();
        for number in 0..MANY {
            assert_eq!(recent.replace(number, "old"), None);
        }
        assert_eq!(recent.replace(0, "new"), Some("old"));
        assert_eq!(recent.entries().len(), MANY);
        tokio::time::advance(MEMORY).await;
        recent.replace(MANY, "new");
        assert_eq!(recent.get(&MANY), Some("new"));
        assert_eq!(recent.entries().len(), 1);
        recent.remove(&MANY);
        assert_eq!(recent.get(&MANY), None);
    }
}
