//! What has changed of a stored experiment's trials since they were looked at last.

use std::collections::HashSet;

use diwan_core::record::{ExperimentKey, TrialRecord};
use diwan_store::{Store, StoreError, TrialQuery};

/// How far somebody has read the trials of one experiment. Every trial is read when it is new and as long as it is active;
/// the state in which it ends is read once.
#[derive(Default)]
pub(super) struct Changes {
    last: Option<u64>,
    open: HashSet<String>,
}

impl Changes {
    /// The trials that were active when they were read last.
    pub(super) async fn of_active(
        &mut self,
        store: &dyn Store,
        key: &ExperimentKey,
    ) -> Result<Vec<TrialRecord>, StoreError> {
        let mut found = Vec::with_capacity(self.open.len());
        for name in std::mem::take(&mut self.open) {
            found.extend(store.trial(key, &name).await?);
        }
        self.note(&found);
        Ok(found)
    }

    /// The next page of trials that are new; empty when there are no more. To be asked after [`Self::of_active`].
    pub(super) async fn new_ones(
        &mut self,
        store: &dyn Store,
        key: &ExperimentKey,
    ) -> Result<Vec<TrialRecord>, StoreError> {
        let query = TrialQuery {
            after: self.last,
            ..TrialQuery::of(key.clone())
        };
        let page = store.trials(&query).await?;
        self.last = page.last().map(|trial| trial.number).or(self.last);
        self.note(&page);
        Ok(page)
    }

    fn note(&mut self, trials: &[TrialRecord]) {
        let active = trials.iter().filter(|trial| trial.state.is_active());
        self.open.extend(active.map(|trial| trial.name.clone()));
    }
}
