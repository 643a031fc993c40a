//! What PostgreSQL's errors mean here.

use sqlx::Error;

use crate::StoreError;

/// By SQLSTATE (PostgreSQL's manual, appendix A).
pub(super) fn fault(error: Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    match (code.as_deref(), &error) {
        // Connection failures; a server that stops, has crashed, is starting, or ends an idle connection; too many connections.
        (Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300"), _) => {
            StoreError::Unreachable(error.into())
        }
        (Some(code), _) if code.starts_with("08") => StoreError::Unreachable(error.into()),
        // Serialisation failures, deadlocks, locks and statements that took too long.
        (Some("40001" | "40P01" | "55P03" | "57014"), _) => StoreError::Busy,
        (Some("53100"), _) => StoreError::Full,
        // A server that only reads is one that another has taken over from.
        (Some("25006"), _) => StoreError::Unreachable(error.into()),
        (Some("42501"), _) => StoreError::Forbidden(error.into()),
        (Some(_), _) => StoreError::Database(error.into()),
        (None, Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::PoolTimedOut) => {
            StoreError::Unreachable(error.into())
        }
        (None, Error::PoolClosed | Error::WorkerCrashed) => StoreError::Closed,
        (None, Error::ColumnDecode { .. } | Error::Decode(_)) => StoreError::Damaged {
            what: "a column has an unexpected type".to_owned(),
            source: Some(error.into()),
        },
        (None, _) => StoreError::Database(error.into()),
    }
}
