//! The local runner: carries out the engine's actions on this machine.
//!
//! [`Runner::run`] is one loop per experiment that owns the experiment's [`Snapshot`](diwan_core::engine::Snapshot). Beside
//! it runs one task per launched trial ([`launch`]) and at most one request to the optimizer. They talk to the loop through
//! one channel; nothing else changes the snapshot. The loop applies what has happened, commits, and only then acts on the
//! world, so it may be killed between any two of its steps: the next run finds every launch again by trial and attempt.

mod actor;
mod hold;
mod judge;
mod launch;
mod obstacles;
mod plan;
mod tails;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use diwan_core::record::{ExperimentKey, ExperimentRecord};
use diwan_drivers::{DEFAULT_GRACE, Driver, logs};
use diwan_store::{Store, StoreError};
use thiserror::Error;
use tokio::sync::watch;

pub use hold::{Hold, HoldError, host};
pub use obstacles::obstacles;
pub use plan::{Plans, directory};

use self::judge::Judge;
use crate::suggester::Suggester;

/// What a run needs.
pub struct Runner {
    /// Where everything is recorded.
    pub store: Arc<dyn Store>,
    /// What runs the trials.
    pub driver: Arc<dyn Driver>,
    /// Where points come from.
    pub suggester: Arc<dyn Suggester>,
    /// The rest.
    pub options: Options,
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Trials get directories below this one.
    pub work_directory: PathBuf,
    /// How often a running trial's output is read, and another process's edits are looked for.
    pub poll: Duration,
    /// Time between TERM and KILL when the trial's template does not say.
    pub grace: Duration,
    /// Bytes of a log file that are kept; older ones move to one predecessor.
    pub log_cap: u64,
    /// Whether trials write where this program can read; if not, somebody sends what they report.
    pub reads_output: bool,
}

impl Options {
    /// The usual values, with trials below `work_directory`.
    #[must_use]
    pub fn new(work_directory: PathBuf) -> Self {
        Self {
            work_directory,
            poll: Duration::from_millis(200),
            grace: DEFAULT_GRACE,
            log_cap: logs::DEFAULT_CAP,
            reads_output: true,
        }
    }
}

/// What the runner's owner wants of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Control {
    /// Go on to the end.
    Run,
    /// Stop the running trials gracefully and return; they run again when the experiment goes on.
    Interrupt,
    /// The same without grace.
    Kill,
}

/// What there is to show, after every commit.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The record as committed; none before the first.
    pub record: Option<Arc<ExperimentRecord>>,
    /// Why nothing moves, if something is in the way (the disk is full).
    pub trouble: Option<String>,
}

/// Why a run ended before its experiment did.
#[derive(Debug, Error)]
pub enum RunError {
    /// The experiment is not in the store.
    #[error("experiment {0} does not exist")]
    NotFound(ExperimentKey),
    /// It was deleted while it ran. Its trials were stopped.
    #[error("experiment {0} was deleted while it ran")]
    Deleted(ExperimentKey),
    /// Its trial template cannot be used on this machine.
    #[error("{0}")]
    Template(String),
    /// Another process runs it, or the lock cannot be had.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The store failed for good.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Runner {
    /// Runs an experiment of the store until it has ended and none of its trials runs, or until `control` says otherwise.
    /// Progress goes to `report`. Returns the record as committed last.
    ///
    /// # Errors
    /// See [`RunError`].
    pub async fn run(
        &self,
        key: &ExperimentKey,
        control: watch::Receiver<Control>,
        report: watch::Sender<Report>,
    ) -> Result<ExperimentRecord, RunError> {
        let missing = || RunError::NotFound(key.clone());
        let known = self.store.load(key).await?.ok_or_else(missing)?;
        let directory = directory(&known.record, &self.options.work_directory);
        let _hold = Hold::acquire(&directory, key)?;
        // Another process may have run it until a moment ago.
        let snapshot = self.store.load(key).await?.ok_or_else(missing)?;
        let plans = Plans::new(&snapshot.record, &directory).map_err(RunError::Template)?;
        let plans = match self.options.reads_output {
            true => plans,
            false => plans.without_output(),
        };
        let judge = Judge::of(&*self.store, &snapshot.record).await?;
        actor::Actor::new(self, key.clone(), snapshot, (plans, judge), control, report)
            .run()
            .await
    }
}
