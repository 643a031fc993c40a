//! The record of every experiment, trial and observation, in SQL.
//!
//! [`Store`] is the contract, [`open`] finds the implementation for a URL. One implementation is built: SQLite, embedded.
//! What every implementation must do is tested by `diwan_testkit::store`.

mod error;
mod location;
mod query;
mod sqlite;
mod store;

pub use error::StoreError;
pub use location::Location;
pub use query::{
    Cursor, ExperimentQuery, FoundTrial, MAX_PAGE, ObservationQuery, StoredExperiment, TrialQuery,
    TrialRef,
};
pub use sqlite::SqliteStore;
pub use store::{Store, open, path};
