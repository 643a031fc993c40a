//! The one place in this crate that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use diwan_core::time::Timestamp;

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn nanoseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |age| i64::try_from(age.as_nanos()).unwrap_or(i64::MAX))
}

/// The time now.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(nanoseconds() / 1_000_000)
}
