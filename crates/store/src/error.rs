//! What can go wrong.

use std::error::Error;
use std::path::PathBuf;

use diwan_core::record::ExperimentKey;
use sqlx::error::ErrorKind;
use thiserror::Error;

/// Why the store did not do what it was asked. Unless a variant says otherwise, nothing was changed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Only from `create`.
    #[error("experiment {key} already exists")]
    AlreadyExists {
        /// Which.
        key: ExperimentKey,
    },
    /// From everything that writes to an experiment; reads answer with nothing instead.
    #[error("there is no experiment {key}")]
    NotFound {
        /// Which.
        key: ExperimentKey,
    },
    /// Only from `commit`: load again and start over.
    #[error(
        "experiment {key} was changed meanwhile: version {expected} was expected, {found} found"
    )]
    Conflict {
        /// Which.
        key: ExperimentKey,
        /// The version that the change was made from.
        expected: u64,
        /// The version that is stored.
        found: u64,
    },
    /// From `create` and `commit`, when whoever names the trials names two of an experiment the same.
    #[error("two trials of experiment {key} would have the same name")]
    NameTaken {
        /// Which experiment.
        key: ExperimentKey,
    },
    /// A number is larger than a database can hold. Cannot happen to what the engine counts.
    #[error("{what} {number} is larger than the store can hold (2^63-1)")]
    TooLarge {
        /// What is.
        what: &'static str,
        /// The number.
        number: u64,
    },
    /// Another process has held the database for longer than the store waits.
    #[error("the database is locked by another process")]
    Busy,
    /// The database's server cannot be reached, went away, or does not serve now. Whether the call took effect is unknown. The same
    /// commit, append or report again is not done twice; `create` may find its own experiment, and `delete` none.
    #[error("the database does not answer")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// The database's server does not let its user do that.
    #[error("the database refuses")]
    Forbidden(#[source] Box<dyn Error + Send + Sync>),
    /// Only from `hold`.
    #[error("another process runs the experiment")]
    Held,
    /// From everything that writes. Acknowledged work is safe, and reading goes on.
    #[error("the disk of the database is full")]
    Full,
    /// The database or its directory cannot be written.
    #[error("the database is read-only")]
    ReadOnly,
    /// Only from `open`, for a URL of another kind of database.
    #[error(
        "{scheme} databases are not built in; supported: sqlite:PATH, sqlite::memory:, a plain path, or postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    Unsupported {
        /// What stands before `://`.
        scheme: String,
    },
    /// Only from `open`, for an empty path.
    #[error("the database has no path; write sqlite:PATH")]
    NoPath,
    /// Only from `open`: the URL of a server is not as it must be.
    #[error(
        "the URL of database {database} cannot be read; write postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    BadUrl {
        /// Which, without what may be secret.
        database: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Only from `open`: the file or a directory of its path cannot be made, read or written, or the server refuses.
    #[error("cannot open database {database}")]
    Open {
        /// Which: a path, or a URL without what may be secret.
        database: String,
        /// What the system says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Only from `open`: a file, but no SQLite database.
    #[error("{} is not a database", path.display())]
    NotADatabase {
        /// Which file.
        path: PathBuf,
    },
    /// Only from `open`: a database, but not Diwan's. It was not touched.
    #[error("{database} is the database of another program")]
    NotDiwan {
        /// Which.
        database: String,
    },
    /// Only from `open`. The file was not touched.
    #[error(
        "{database} was written by a newer diwan: it has schema version {found}, this diwan knows versions up to {supported}"
    )]
    Newer {
        /// Which.
        database: String,
        /// Its schema version.
        found: i64,
        /// The newest that this program knows.
        supported: i64,
    },
    /// What was read makes no sense: the file is damaged, or somebody else wrote to it.
    #[error("the database is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
        /// Why.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// Somebody has deleted, moved or replaced the file since it was opened.
    #[error("the database {} was {how} while it was in use", path.display())]
    Gone {
        /// Which file.
        path: PathBuf,
        /// What happened to it.
        how: &'static str,
    },
    /// The tokio runtime is shutting down. Whether the call took effect is unknown.
    #[error("the store is shutting down")]
    Closed,
    /// Anything else that the database says, such as an input/output error.
    #[error("the database failed")]
    Database(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same call can succeed later although the caller changes nothing.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy | Self::Full | Self::Unreachable(_))
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Busy => "find the process that holds the database, or wait for it",
            Self::Unreachable(_) => {
                "look after its server, or the way there: what waits goes on by itself"
            }
            Self::Forbidden(_) => {
                "let its user make tables in the schema, and read and write them: GRANT ALL ON SCHEMA …, or a database of its own"
            }
            Self::Held => "wait until it has ended, or stop it: `diwan stop NAME`",
            Self::Full => {
                "free space elsewhere on its file system: a run that waits goes on by itself, other commands can be typed again; \
                 nothing that was stored is lost"
            }
            Self::ReadOnly => "check the permissions of the file and of its directory",
            Self::NotADatabase { .. } => {
                "name another file; `diwan run` makes one that does not exist"
            }
            Self::NotDiwan { .. } => {
                "name another database: diwan makes its tables in an empty one"
            }
            Self::Newer { .. } => "use the newer diwan, or another database",
            Self::Gone { .. } => {
                "put the file back, or a copy of it, and start again; without it diwan makes a new, empty one"
            }
            Self::Damaged { .. } => {
                "restore a copy; of a file, `sqlite3 FILE .recover` saves what is readable"
            }
            _ => return None,
        })
    }

    /// Why a commit found nothing to change, where this version and uid are stored.
    pub(crate) fn not_as_expected(
        key: ExperimentKey,
        uid: &str,
        expected: u64,
        stored: Option<(u64, String)>,
    ) -> Self {
        match stored {
            Some((found, stored)) if stored == uid => Self::Conflict {
                key,
                expected,
                found,
            },
            _ => Self::NotFound { key },
        }
    }

    /// Which constraint of the schema refused a row, if one did.
    pub(crate) fn constraint(&self) -> Option<ErrorKind> {
        let Self::Database(source) = self else {
            return None;
        };
        let error = source.downcast_ref::<sqlx::Error>()?;
        Some(error.as_database_error()?.kind())
    }

    /// JSON in the database that does not fit the types.
    pub(crate) fn unreadable(what: impl Into<String>, source: serde_json::Error) -> Self {
        Self::Damaged {
            what: what.into(),
            source: Some(source.into()),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match code(&error) {
            Some(SQLITE_IOERR_SHMSIZE) => Self::Full,
            Some(code) => match code & PRIMARY_CODE {
                SQLITE_BUSY | SQLITE_LOCKED => Self::Busy,
                SQLITE_FULL => Self::Full,
                SQLITE_READONLY => Self::ReadOnly,
                SQLITE_CORRUPT | SQLITE_NOTADB => Self::Damaged {
                    what: "SQLite cannot read a page".to_owned(),
                    source: Some(error.into()),
                },
                _ => Self::Database(error.into()),
            },
            None => match error {
                sqlx::Error::PoolTimedOut => Self::Busy,
                sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Closed,
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Damaged {
                    what: "a column has an unexpected type".to_owned(),
                    source: Some(error.into()),
                },
                error => Self::Database(error.into()),
            },
        }
    }
}

// SQLite's result codes, <https://sqlite.org/rescode.html>. The low byte of an extended code is the primary one.
const PRIMARY_CODE: i32 = 0xff;
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_NOTADB: i32 = 26;
/// The shared-memory file of the log could not grow: in practice a full disk.
const SQLITE_IOERR_SHMSIZE: i32 = 4874;

/// The extended result code of a SQLite error.
fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// Whether another process is in the way.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code & PRIMARY_CODE == SQLITE_BUSY)
}

/// Whether the file is something else than a database.
pub(crate) fn is_no_database(error: &sqlx::Error) -> bool {
    code(error) == Some(SQLITE_NOTADB)
}
