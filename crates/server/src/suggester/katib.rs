//! Optimizers elsewhere that speak Katib's `api.v1.beta1.Suggestion`.

use std::time::Duration;

use diwan_core::engine::Point;
use diwan_core::initial;
use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialRecord};
use diwan_proto::convert::{experiment, suggestions, trials};
use diwan_proto::katib::suggestion_client::SuggestionClient;
use diwan_proto::katib::{GetSuggestionsRequest, ValidateAlgorithmSettingsRequest};
use diwan_store::{Store, StoreError, TrialQuery};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::{Next, SuggestError, Suggestions, answer};

/// How long an answer may take; Katib's controller waits as long.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer, in bytes: some of these services send architectures.
const MAX_ANSWER: usize = 64 << 20;

/// One such service. It gets the whole history with every request, as these services expect.
pub struct KatibService {
    url: String,
    client: SuggestionClient<Channel>,
}

impl KatibService {
    /// The service at a URL such as `http://127.0.0.1:6789`. Connects when it is asked.
    ///
    /// # Errors
    /// When the URL is none.
    pub fn new(url: &str) -> Result<Self, tonic::transport::Error> {
        let endpoint = Endpoint::from_shared(url.to_owned())?
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT);
        let client = SuggestionClient::new(endpoint.connect_lazy())
            .max_decoding_message_size(MAX_ANSWER)
            .max_encoding_message_size(usize::MAX);
        Ok(Self {
            url: url.to_owned(),
            client,
        })
    }

    /// Katib's reading of the codes: a service that does not validate accepts, one that raises an exception refuses.
    ///
    /// # Errors
    /// See [`SuggestError`].
    pub async fn validate(&self, record: &ExperimentRecord) -> Result<(), SuggestError> {
        let message = experiment::write(&record.metadata.name, &record.spec, &[]);
        let request = ValidateAlgorithmSettingsRequest {
            experiment: Some(message),
        };
        match self
            .client
            .clone()
            .validate_algorithm_settings(request)
            .await
        {
            Ok(_) => Ok(()),
            Err(status) if status.code() == Code::Unimplemented => Ok(()),
            Err(status) if status.code() == Code::Unknown => {
                Err(SuggestError::Refused(self.told(&status)))
            }
            Err(status) => Err(self.error(&status)),
        }
    }

    /// The next points of a stored experiment.
    pub(super) async fn suggest(
        &self,
        store: &dyn Store,
        record: &ExperimentRecord,
        count: u64,
    ) -> Result<Suggestions, SuggestError> {
        let history = history(store, record).await.map_err(unreadable)?;
        let suggestions = self.ask(record, &history, count).await?;
        self.check_names(store, record, &suggestions.points).await?;
        Ok(suggestions)
    }

    /// The next points, at most `count`, of an experiment with these trials, beside those that it began with. No two of them
    /// have one name, and all of them are in the search space.
    ///
    /// # Errors
    /// See [`SuggestError`].
    pub async fn ask(
        &self,
        record: &ExperimentRecord,
        history: &[TrialRecord],
        count: u64,
    ) -> Result<Suggestions, SuggestError> {
        let objective = record.spec.objective.clone().unwrap_or_default();
        let number = |number: u64| i32::try_from(number).unwrap_or(i32::MAX);
        let known: Vec<TrialRecord> = initial::records(&record.spec.initial_trials).collect();
        let request = GetSuggestionsRequest {
            experiment: Some(experiment::write(
                &record.metadata.name,
                &record.spec,
                &record.progress.algorithm_settings,
            )),
            trials: trials::write(
                &objective,
                &record.spec.parameters,
                known.iter().chain(history),
            ),
            current_request_number: number(count),
            total_request_number: number(record.progress.counts.trials.saturating_add(count)),
        };
        let reply = match self.client.clone().get_suggestions(request).await {
            Ok(reply) => reply.into_inner(),
            // Fewer points than asked for are left: ask for them one by one, until there is none.
            Err(status) if suggestions::is_exhausted(&status) && count > 1 => {
                return Box::pin(self.ask(record, history, 1)).await;
            }
            Err(status) if suggestions::is_exhausted(&status) => {
                return Ok(Suggestions::exhausted());
            }
            Err(status) => return Err(self.error(&status)),
        };
        let (points, settings) = suggestions::read(reply);
        let given = points.len() as u64;
        if given == 0 || given > count {
            let what = format!("gave {given} points where {count} were asked for");
            return Err(self.failed(what));
        }
        let points = answer::check(&record.spec, points).map_err(|what| self.failed(what))?;
        Ok(Suggestions {
            points,
            settings,
            next: Next::Ready,
        })
    }

    /// Whether no trial of the namespace has the name of one of the points.
    async fn check_names(
        &self,
        store: &dyn Store,
        record: &ExperimentRecord,
        points: &[Point],
    ) -> Result<(), SuggestError> {
        for (index, point) in points.iter().enumerate() {
            if point.name.is_empty() {
                continue;
            }
            let found = store.find_trials(&point.name).await.map_err(unreadable)?;
            let mut holders = found.into_iter().map(|trial| trial.experiment);
            let here = |key: &ExperimentKey| key.namespace == record.metadata.namespace;
            if let Some(holder) = holders.find(here) {
                let told = answer::told(index, point);
                let what = format!("{told}: experiment {holder} has a trial of this name already");
                return Err(self.failed(what));
            }
        }
        Ok(())
    }

    fn error(&self, status: &Status) -> SuggestError {
        match status.code() {
            Code::InvalidArgument => SuggestError::Refused(self.told(status)),
            _ => SuggestError::Failed(self.told(status)),
        }
    }

    fn failed(&self, what: String) -> SuggestError {
        SuggestError::Failed(format!("suggestion service {}: {what}", self.url))
    }

    fn told(&self, status: &Status) -> String {
        let message = if status.message().is_empty() {
            "no message"
        } else {
            status.message()
        };
        format!(
            "suggestion service {}: {message} ({:?})",
            self.url,
            status.code()
        )
    }
}

/// All trials of a stored experiment.
async fn history(
    store: &dyn Store,
    record: &ExperimentRecord,
) -> Result<Vec<TrialRecord>, StoreError> {
    let mut query = TrialQuery::of(record.key());
    let mut history = Vec::new();
    loop {
        let page = store.trials(&query).await?;
        let Some(last) = page.last() else {
            return Ok(history);
        };
        query.after = Some(last.number);
        history.extend(page);
    }
}

fn unreadable(error: StoreError) -> SuggestError {
    SuggestError::Failed(error.to_string())
}
