//! Where points come from.

mod address;
mod answer;
mod changes;
mod curve;
mod elsewhere;
mod katib;
mod local;
mod routed;
mod rules;
mod warm;

use async_trait::async_trait;
use diwan_core::engine::{Point, Snapshot};
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::AlgorithmSetting;
use thiserror::Error;

pub use address::service_url;
pub(crate) use curve::curve;
pub use elsewhere::{Elsewhere, Named};
pub use katib::KatibService;
pub use local::LocalSuggester;
pub use routed::RoutedSuggester;
pub(crate) use rules::stopping;

/// An optimizer of stored experiments, wherever it lives.
#[async_trait]
pub trait Suggester: Send + Sync {
    /// Whether the optimizer takes this experiment.
    ///
    /// # Errors
    /// [`SuggestError::Refused`] when it does not, with every reason.
    async fn validate(&self, experiment: &ExperimentRecord) -> Result<(), SuggestError>;

    /// The next points of an experiment, at most `count`. The snapshot must be what is committed: whoever learns from the
    /// history reads it from the store.
    ///
    /// # Errors
    /// See [`SuggestError`].
    async fn suggest(&self, snapshot: &Snapshot, count: u64) -> Result<Suggestions, SuggestError>;

    /// The same at once, from an optimizer that learns nothing from the history and takes no time, so that its points can be
    /// committed together with what made them due. The snapshot need not be committed. `None`: ask [`Self::suggest`].
    fn suggest_at_once(&self, _snapshot: &Snapshot, _count: u64) -> Option<Suggestions> {
        None
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestions {
    /// At most as many points as were asked for.
    pub points: Vec<Point>,
    /// State that the optimizer wants back, stored with the experiment.
    pub settings: Vec<AlgorithmSetting>,
    /// Whether it can be asked again.
    pub next: Next,
}

impl Suggestions {
    /// There are no more points.
    #[must_use]
    pub fn exhausted() -> Self {
        Self {
            points: Vec::new(),
            settings: Vec::new(),
            next: Next::Exhausted,
        }
    }
}

/// Whether an optimizer can be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// At any time.
    Ready,
    /// When another trial has ended.
    Waiting {
        /// What it waits for.
        why: String,
    },
    /// Never: there are no more points.
    Exhausted,
}

/// No answer.
#[derive(Debug, Error)]
pub enum SuggestError {
    /// The optimizer refuses the experiment; asking again is pointless until it is changed.
    #[error("{0}")]
    Refused(String),
    /// The optimizer, or the way to it, failed; asking again may help.
    #[error("{0}")]
    Failed(String),
}
