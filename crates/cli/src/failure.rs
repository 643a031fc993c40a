//! What is printed when something goes wrong: `error:`, `cause:`, `hint:`.

use std::error::Error;
use std::fmt;
use std::io;

use diwan_core::problem::{Problem, Problems};
use diwan_server::runner::RunError;
use diwan_store::StoreError;

use crate::Exit;

/// A command's failure.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    broken_pipe: bool,
}

impl Failure {
    /// A failure with an exit code.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), hints: Vec::new(), broken_pipe: false }
    }

    /// Wrong input.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// No such object.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, message)
    }

    /// Adds why.
    pub(crate) fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// All that is wrong with a file, each with its place.
    pub(crate) fn of_file(file: &str, problems: &Problems) -> Self {
        let mut failure = Self::usage(format!("{file} is not a valid experiment"));
        for problem in &problems.0 {
            failure.causes.push(located(file, problem));
        }
        failure
    }

    /// Whether the reader of our output has gone, which is no failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// An error and all its sources.
    pub(crate) fn of(exit: Exit, error: &dyn Error) -> Self {
        let mut failure = Self::new(exit, error.to_string());
        let mut source = error.source();
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }
}

/// `file:line:column: problem (hint)`: the form that editors jump to.
pub(crate) fn located(file: &str, problem: &Problem) -> String {
    match problem.at {
        Some(at) => format!("{file}:{at}: {problem}"),
        None => format!("{file}: {problem}"),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            writeln!(f, "cause: {cause}")?;
        }
        for hint in &self.hints {
            writeln!(f, "hint: {hint}")?;
        }
        Ok(())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self { broken_pipe, ..Self::of(Exit::Failed, &error) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = if matches!(error, StoreError::NotFound { .. }) { Exit::NotFound } else { Exit::Failed };
        let failure = Self::of(exit, &error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match &error {
            RunError::NotFound(_) => Self::of(Exit::NotFound, &error),
            RunError::Template(_) => Self::of(Exit::Usage, &error),
            RunError::Hold(_) => Self::of(Exit::Failed, &error)
                .hint("wait for it with `diwan wait`, or stop the experiment with `diwan stop`"),
            RunError::Deleted(_) | RunError::Store(_) => Self::of(Exit::Failed, &error),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        if let Some(kind) = error.io_error_kind() {
            return io::Error::from(kind).into();
        }
        Self::of(Exit::Failed, &error)
    }
}
