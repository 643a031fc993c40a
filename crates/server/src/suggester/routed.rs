//! Which optimizer an experiment asks.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use diwan_core::engine::Snapshot;
use diwan_core::record::ExperimentRecord;
use diwan_store::Store;

use super::katib::KatibService;
use super::local::given;
use super::rules::Rules;
use super::{LocalSuggester, Next, SuggestError, Suggester, Suggestions};

/// Asks a service elsewhere for the algorithms that the configuration names one for, and this program for all others.
pub struct RoutedSuggester {
    store: Arc<dyn Store>,
    local: LocalSuggester,
    rules: Rules,
    services: HashMap<String, KatibService>,
}

impl RoutedSuggester {
    /// With services by name of algorithm, each at a URL such as `http://127.0.0.1:6789`. They are connected to when asked.
    ///
    /// # Errors
    /// When one of the URLs is none.
    pub fn new(store: Arc<dyn Store>, services: &[(String, String)]) -> Result<Self, String> {
        let local = LocalSuggester::new(store.clone());
        let rules = Rules::new(store.clone());
        let service = |(name, url): &(String, String)| match KatibService::new(url) {
            Ok(service) => Ok((name.clone(), service)),
            Err(error) => Err(format!(
                "{url} is no address of a suggestion service: {error}"
            )),
        };
        let services = services.iter().map(service).collect::<Result<_, _>>()?;
        Ok(Self {
            store,
            local,
            rules,
            services,
        })
    }

    fn service(&self, experiment: &ExperimentRecord) -> Option<&KatibService> {
        self.services
            .get(&experiment.spec.algorithm.as_ref()?.algorithm_name)
    }
}

#[async_trait]
impl Suggester for RoutedSuggester {
    async fn validate(&self, experiment: &ExperimentRecord) -> Result<(), SuggestError> {
        match self.service(experiment) {
            Some(service) => {
                Rules::validate(experiment)?;
                service.validate(experiment).await
            }
            None => self.local.validate(experiment).await,
        }
    }

    async fn suggest(&self, snapshot: &Snapshot, count: u64) -> Result<Suggestions, SuggestError> {
        let Some(service) = self.service(&snapshot.record) else {
            return self.local.suggest(snapshot, count).await;
        };
        // First: what the service has given would be lost if they failed.
        let rules = self.rules.now(snapshot).await?;
        let record = &snapshot.record;
        let given = given(record, count)?;
        let suggestions = if given.is_empty() {
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
        if self.service(&snapshot.record).is_some() {
            return None;
        }
        self.local.suggest_at_once(snapshot, count)
    }
}
