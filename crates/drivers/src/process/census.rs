//! Looks at all processes, shared by everybody who wants one at that moment.
//!
//! When a thousand trials end at once, each asks what it has left behind, and a look takes as long as there are processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::blocking;
use super::table::Table;

/// Gives looks at the process table. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Census(Arc<Looks>);

#[derive(Debug, Default)]
struct Looks {
    /// How many have begun.
    begun: AtomicU64,
    /// The last one, and its number. Locked while the next is under way.
    last: Mutex<Option<(u64, Arc<Table>)>>,
}

impl Census {
    /// A look that began after this call did.
    pub(super) async fn take(&self) -> Arc<Table> {
        let before = self.0.begun.load(Ordering::SeqCst);
        let mut last = self.0.last.lock().await;
        if let Some((number, table)) = &*last
            && *number > before
        {
            return Arc::clone(table);
        }
        let number = self.0.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let table = Arc::new(blocking(Table::read).await);
        *last = Some((number, Arc::clone(&table)));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_at_once_shares_a_look_and_who_asks_later_gets_another() {
        let census = Census::default();
        // The first look begins before the others are asked for, and may have seen what they must not.
        let (first, two, three) = tokio::join!(census.take(), census.take(), census.take());
        assert!(!Arc::ptr_eq(&first, &two));
        assert!(Arc::ptr_eq(&two, &three));
        assert!(!Arc::ptr_eq(&two, &census.take().await));
    }
}
