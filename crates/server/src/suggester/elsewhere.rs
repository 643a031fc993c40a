//! Optimizers that are not in this program.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use diwan_core::record::ExperimentRecord;

use super::SuggestError;
use super::katib::KatibService;

/// Where the services of some algorithms are.
#[async_trait]
pub trait Elsewhere: Send + Sync {
    /// Whether the algorithm of an experiment is one of them.
    fn has(&self, experiment: &ExperimentRecord) -> bool;

    /// Whether the optimizer takes an experiment that is about to be made. One that is there only after that says it in
    /// [`Self::service`].
    ///
    /// # Errors
    /// See [`SuggestError`].
    async fn validate(&self, experiment: &ExperimentRecord) -> Result<(), SuggestError>;

    /// The service of an experiment, which can be asked now.
    ///
    /// # Errors
    /// [`SuggestError::Refused`] when the optimizer does not take the experiment, [`SuggestError::Failed`] when it is not there
    /// yet.
    async fn service(
        &self,
        experiment: &ExperimentRecord,
    ) -> Result<Arc<KatibService>, SuggestError>;
}

/// Services at fixed addresses, by the names of their algorithms.
pub struct Named(HashMap<String, Arc<KatibService>>);

impl Named {
    /// Names of algorithms, and URLs such as `http://127.0.0.1:6789`. They are connected to when asked.
    ///
    /// # Errors
    /// When one of the URLs is none.
    pub fn new(services: &[(String, String)]) -> Result<Self, String> {
        let service = |(name, url): &(String, String)| match KatibService::new(url) {
            Ok(service) => Ok((name.clone(), Arc::new(service))),
            Err(error) => Err(format!(
                "{url} is no address of a suggestion service: {error}"
            )),
        };
        let services = services.iter().map(service);
        Ok(Self(services.collect::<Result<_, _>>()?))
    }

    /// The names of their algorithms.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn find(&self, experiment: &ExperimentRecord) -> Option<&Arc<KatibService>> {
        let algorithm = experiment.spec.algorithm.as_ref()?;
        self.0.get(&algorithm.algorithm_name)
    }
}

#[async_trait]
impl Elsewhere for Named {
    fn has(&self, experiment: &ExperimentRecord) -> bool {
        self.find(experiment).is_some()
    }

    async fn validate(&self, experiment: &ExperimentRecord) -> Result<(), SuggestError> {
        self.service(experiment).await?.validate(experiment).await
    }

    async fn service(
        &self,
        experiment: &ExperimentRecord,
    ) -> Result<Arc<KatibService>, SuggestError> {
        let found = self.find(experiment).cloned();
        found.ok_or_else(|| SuggestError::Failed("no service is named for its algorithm".into()))
    }
}
