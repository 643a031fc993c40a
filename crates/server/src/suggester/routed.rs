//! Which optimizer an experiment asks.

use std::sync::Arc;

use async_trait::async_trait;
use diwan_core::engine::Snapshot;
use diwan_core::record::ExperimentRecord;
use diwan_store::Store;

use super::elsewhere::Elsewhere;
use super::local::given;
use super::rules::Rules;
use super::{LocalSuggester, Next, SuggestError, Suggester, Suggestions};

/// Asks the first place that has an experiment's algorithm, or else this program.
pub struct RoutedSuggester {
    store: Arc<dyn Store>,
    local: LocalSuggester,
    rules: Rules,
    places: Vec<Arc<dyn Elsewhere>>,
}

impl RoutedSuggester {
    /// With these places beside this program.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, places: Vec<Arc<dyn Elsewhere>>) -> Self {
        Self {
            local: LocalSuggester::new(store.clone()),
            rules: Rules::new(store.clone()),
            store,
            places,
        }
    }

    fn place(&self, experiment: &ExperimentRecord) -> Option<&dyn Elsewhere> {
        let place = self.places.iter().find(|place| place.has(experiment))?;
        Some(&**place)
    }
}

#[async_trait]
impl Suggester for RoutedSuggester {
    async fn validate(&self, experiment: &ExperimentRecord) -> Result<(), SuggestError> {
        match self.place(experiment) {
            Some(place) => {
                Rules::validate(experiment)?;
                place.validate(experiment).await
            }
            None => self.local.validate(experiment).await,
        }
    }

    async fn suggest(&self, snapshot: &Snapshot, count: u64) -> Result<Suggestions, SuggestError> {
        let Some(place) = self.place(&snapshot.record) else {
            return self.local.suggest(snapshot, count).await;
        };
        // First: what the service has given would be lost if they failed.
        let rules = self.rules.now(snapshot).await?;
        let record = &snapshot.record;
        let given = given(record, count)?;
        let suggestions = if given.is_empty() {
            let service = place.service(record).await?;
            service.suggest(&*self.store, record, count).await?
        } else {
            Suggestions {
                points: given,
                settings: Vec::new(),
                next: Next::Ready,
            }
        };
        Ok(suggestions.with_rules(&rules))
    }

    fn suggest_at_once(&self, snapshot: &Snapshot, count: u64) -> Option<Suggestions> {
        if self.place(&snapshot.record).is_some() {
            return None;
        }
        self.local.suggest_at_once(snapshot, count)
    }
}
