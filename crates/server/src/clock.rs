//! The only file of this crate that reads the clock.

use diwan_core::time::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "the one place")]
#[must_use]
pub fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_millis(
        since.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX)),
    )
}
