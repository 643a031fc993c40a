//! A memory that does not grow for ever.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Entries until which all are kept. When there are twice as many as after the last time, what is old goes.
const MANY: usize = 1000;
/// How long an entry is kept at least, however many there are.
const MEMORY: Duration = Duration::from_secs(600);

/// What was heard of things that nobody says the end of: it may come when they are over, and forgotten.
pub(crate) struct Recent<K, V> {
    kept: Mutex<Kept<K, V>>,
}

struct Kept<K, V> {
    entries: HashMap<K, (Instant, V)>,
    /// How many there may be before it is looked for old ones.
    most: usize,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        let kept = Kept {
            entries: HashMap::new(),
            most: MANY,
        };
        Self {
            kept: Mutex::new(kept),
        }
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    fn kept(&self) -> MutexGuard<'_, Kept<K, V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let kept = self.kept();
        kept.entries.get(key).map(|(_, value)| value.clone())
    }

    /// Puts a value in the place of another, which is returned.
    pub(crate) fn replace(&self, key: K, value: V) -> Option<V> {
        let (mut kept, now) = (self.kept(), Instant::now());
        if kept.entries.len() >= kept.most {
            kept.entries
                .retain(|_, (at, _)| now.duration_since(*at) < MEMORY);
            kept.most = MANY.max(2 * kept.entries.len());
        }
        let old = kept.entries.insert(key, (now, value));
        old.map(|(_, value)| value)
    }

    pub(crate) fn remove(&self, key: &K) {
        self.kept().entries.remove(key);
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
        recent.remove(&0);
        assert_eq!(recent.replace(0, "new"), None);
        assert_eq!(recent.get(&1), Some("old"));
        assert_eq!(recent.kept().entries.len(), MANY);
        tokio::time::advance(MEMORY).await;
        recent.replace(MANY, "new");
        assert_eq!(recent.get(&MANY), Some("new"));
        assert_eq!(recent.kept().entries.len(), 1);
        recent.remove(&MANY);
        assert_eq!(recent.get(&MANY), None);
    }
}
