//! What is printed when something goes wrong: `error:`, `cause:`, `hint:`.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;

use diwan_core::causes::causes;
use diwan_core::problem::{Problem, Problems};
use diwan_server::runner::RunError;
use diwan_store::StoreError;

use crate::Exit;
use crate::shell::quoted;

/// A command's failure.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    message: String,
    /// Why, and what to do about it, in the order of printing.
    details: Vec<Detail>,
    broken_pipe: bool,
}

#[derive(Debug)]
enum Detail {
    Cause(String),
    Hint(String),
}

impl Failure {
    /// A failure with an exit code.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            details: Vec::new(),
            broken_pipe: false,
        }
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
        self.details.push(Detail::Cause(cause.to_string()));
        self
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.details.push(Detail::Hint(hint.into()));
        self
    }

    /// All that is wrong with a file, each with its place.
    pub(crate) fn of_file(file: &str, problems: &Problems) -> Self {
        Self::usage(format!("{file} is not a valid experiment")).caused_by(file, &problems.0)
    }

    /// Adds problems of a file, each with its place and its hint.
    pub(crate) fn caused_by(self, file: &str, problems: &[Problem]) -> Self {
        problems.iter().fold(self, |failure, problem| {
            let failure = failure.cause(located(file, problem));
            match &problem.hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        })
    }

    /// Whether the reader of our output has gone, which is no failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.broken_pipe
    }

    /// An error and all its sources. A source that its error repeats is left out.
    pub(crate) fn of(exit: Exit, error: &dyn Error) -> Self {
        let message = error.to_string();
        let causes = causes(&message, error);
        causes.fold(Self::new(exit, &message), Self::cause)
    }
}

/// `file:line:column: problem`: the form that editors jump to.
pub(crate) fn located(file: &str, problem: &Problem) -> String {
    match problem.at {
        Some(_) => format!("{file}:{problem}"),
        None => format!("{file}: {problem}"),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        self.details.iter().try_for_each(|detail| match detail {
            Detail::Cause(cause) => writeln!(f, "cause: {cause}"),
            Detail::Hint(hint) => writeln!(f, "hint: {hint}"),
        })
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let broken_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        Self {
            broken_pipe,
            ..Self::of(Exit::Failed, &error)
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match &error {
            StoreError::NotFound { .. } => Exit::NotFound,
            StoreError::Unsupported { .. }
            | StoreError::NoPath
            | StoreError::NotADatabase { .. }
            | StoreError::BadUrl { .. }
            | StoreError::NotDiwan { .. } => Exit::Usage,
            StoreError::Open { database, .. } if Path::new(database).is_dir() => Exit::Usage,
            _ => Exit::Failed,
        };
        let failure = Self::of(exit, &error);
        match (&error, error.hint()) {
            (_, Some(hint)) => failure.hint(hint),
            (StoreError::Open { database, .. }, None) if Path::new(database).is_dir() => {
                let file = Path::new(database).join("diwan.db").display().to_string();
                failure.hint(format!(
                    "it is a directory; name a file in it, such as --db {}",
                    quoted(&file)
                ))
            }
            (StoreError::Open { database, .. }, None) if database.contains("://") => failure.hint(
                "the server's name and port, its user and password are in the URL: \
                 postgres://USER:PASSWORD@HOST:PORT/DATABASE",
            ),
            (StoreError::Open { .. }, None) => {
                failure.hint("name a file that can be made or written with --db")
            }
            (_, None) => failure,
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::NotFound(_) => Self::of(Exit::NotFound, &error),
            RunError::Template(_) => Self::of(Exit::Usage, &error),
            RunError::Hold(_) => Self::of(Exit::Failed, &error)
                .hint("wait for it with `diwan wait`, or stop the experiment with `diwan stop`"),
            RunError::Deleted(_) => Self::of(Exit::Failed, &error),
            RunError::Store(error) => error.into(),
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
