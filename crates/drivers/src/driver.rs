//! The contract between the runner and whatever runs trials.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::engine::End;
use diwan_core::record::ExperimentKey;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::launch::LaunchId;
use crate::podspec::{self, TemplateError};

/// Time between TERM and KILL when nobody says: Kubernetes' `terminationGracePeriodSeconds` of a pod that has none.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// Runs trials somewhere.
///
/// A launch is named by experiment, trial and attempt, and happens at most once, whatever crashes: the caller commits that
/// it is about to start an attempt, calls [`start`](Self::start), and after a crash calls it again. Dropping a driver leaves
/// its trials running; a new driver finds them when it is asked to start them. Some find them before: a driver of processes, by
/// which others stop trials, does.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Launches a trial, unless this attempt runs or has ended already: then that launch is adopted.
    ///
    /// # Errors
    /// When it cannot be launched. It does not run then, and the call may be repeated, unless the error
    /// [is permanent](DriverError::is_permanent).
    async fn start(&self, plan: &TrialPlan) -> Result<(), DriverError>;

    /// Told once, before anything else, of the launches that an earlier Diwan may have left running. One that runs and cannot
    /// be adopted, because its record is gone, is ended, so that it never runs beside the launch that takes its place.
    ///
    /// # Errors
    /// When it cannot be found out for some of them. The call may be repeated.
    async fn recover(&self, ids: &[LaunchId]) -> Result<(), DriverError> {
        let _ = ids;
        Ok(())
    }

    /// Where a launch stands now.
    ///
    /// # Errors
    /// When that cannot be found out.
    async fn observe(&self, id: &LaunchId) -> Result<Phase, DriverError>;

    /// For whoever judges a launch by what it writes: resolves when there is more to read, with how much there is by a count of
    /// the launch's own. `judged` is 0 at first, then the answer before, when all that there was then has been judged. A
    /// launch that is faster than any verdict goes no further until then, except after some seconds of silence. One that
    /// waits for nobody, as a process, never answers.
    async fn more(&self, id: &LaunchId, judged: u64) -> u64 {
        let _ = (id, judged);
        std::future::pending().await
    }

    /// Waits until a launch has ended and nothing of it runs any more.
    ///
    /// # Errors
    /// [`DriverError::NotStarted`], or when its state cannot be found out.
    async fn ended(&self, id: &LaunchId) -> Result<End, DriverError>;

    /// Asks a launch to end, forces it after `grace`, and returns when nothing of it runs any more. One that was not
    /// started can never start afterwards; one that has ended is left as it is.
    ///
    /// # Errors
    /// When its state cannot be found out.
    async fn stop(&self, id: &LaunchId, grace: Duration) -> Result<(), DriverError>;

    /// Lets go of an ended trial: forgets it, and removes what only its running needed. Never what it wrote. Not called for a
    /// trial whose template says `retain`, unless its experiment was deleted.
    ///
    /// # Errors
    /// When something cannot be removed.
    async fn forget(&self, id: &LaunchId) -> Result<(), DriverError>;
}

/// All that a driver needs to launch a trial.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialPlan {
    /// Whose trial.
    pub experiment: ExperimentKey,
    /// Name of the trial.
    pub trial: String,
    /// Number of the launch, from 1. A repetition after a failure has the next number.
    pub attempt: u32,
    /// The trial's own directory, the same for all its attempts; made when missing. See [`crate::trial_directory`].
    pub directory: PathBuf,
    /// Directory of the experiment's file, if it came from one. Relative working directories start here.
    pub source_directory: Option<PathBuf>,
    /// The rendered job, of any kind.
    pub manifest: Map<String, Value>,
    /// Name of the container that is the trial.
    pub primary_container: String,
    /// How its job tells that it has ended; a process ends by itself.
    pub conditions: Conditions,
}

/// GJSON expressions on a job that tell its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// That it went well.
    pub success: String,
    /// That it did not.
    pub failure: String,
}

impl TrialPlan {
    /// How long the template lets the trial take to stop, if it says.
    #[must_use]
    pub fn grace_period(&self) -> Option<Duration> {
        podspec::grace_period(&self.manifest, &self.primary_container)
    }

    /// Which launch this plan is for.
    #[must_use]
    pub fn id(&self) -> LaunchId {
        LaunchId {
            experiment: self.experiment.clone(),
            trial: self.trial.clone(),
            attempt: self.attempt,
            directory: self.directory.clone(),
        }
    }
}

/// Where a launch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nobody ever started it.
    NotStarted,
    /// It runs.
    Running {
        /// Leader of its process group, when it is a process of this machine.
        pid: Option<i32>,
    },
    /// It is over.
    Ended(End),
}

/// Why a driver could not do what it was asked.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The template has nothing that can run here.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The container's working directory is not there.
    #[error("workingDir {given:?}: {problem}")]
    WorkingDir {
        /// As the template gives it.
        given: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A path that cannot be told to a trial.
    #[error("{}: a trial's directory must be valid UTF-8", .0.display())]
    Path(PathBuf),
    /// The operating system refused something.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What, as `create` or `read`.
        doing: &'static str,
        /// Of which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process could not be made.
    #[error("cannot start a process for {id}: {source}")]
    Spawn {
        /// For which launch.
        id: LaunchId,
        /// Why.
        source: io::Error,
    },
    /// There is no such launch.
    #[error("{0} was never started")]
    NotStarted(LaunchId),
    /// Something that is needed is not there for now.
    #[error("{0}")]
    Unavailable(String),
    /// The cluster refuses the trial for good.
    #[error("{0}")]
    Refused(String),
    /// The cluster did not do what it was asked.
    #[error("cannot {doing}: {source}")]
    Kubernetes {
        /// What.
        doing: String,
        /// Why.
        source: Box<kube::Error>,
    },
}

impl DriverError {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether trying again is pointless: the template itself is wrong.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Template(_) | Self::WorkingDir { .. } | Self::Path(_) | Self::Refused(_) => true,
            Self::Spawn { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::ArgumentListTooLong
            ),
            Self::Io { .. }
            | Self::NotStarted(_)
            | Self::Unavailable(_)
            | Self::Kubernetes { .. } => false,
        }
    }
}
