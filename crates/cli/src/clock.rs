//! The only file of this crate that reads the clock.

use std::time::Instant;

/// The time now, for measuring how long something takes.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}
