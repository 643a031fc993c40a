//! The record of every experiment, trial and observation, in SQL.
//!
//! [`Store`] is the contract, [`open`] finds the implementation for a URL. Two are built: SQLite, embedded, and
//! PostgreSQL.
//! What every implementation must do is tested by `diwan_testkit::store`.

mod columns;
mod error;
mod location;
mod metrics;
mod postgres;
mod query;
mod report;
mod sqlite;
mod store;
mod value;

pub use error::StoreError;
pub use location::Location;
pub use postgres::PostgresStore;
pub use query::{
    Cursor, ExperimentQuery, FoundTrial, MAX_PAGE, ObservationQuery, StoredExperiment, TrialQuery,
    TrialRef,
};
pub use sqlite::SqliteStore;
pub use store::{Store, open};
