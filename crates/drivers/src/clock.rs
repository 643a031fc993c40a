//! The one place in this crate that reads the clock.

use std::time::{Duration, SystemTime};

/// How long ago `moment` was; zero when it lies ahead.
#[expect(
    clippy::disallowed_methods,
    reason = "a deadline of an adopted process counts from its start"
)]
pub(crate) fn since(moment: SystemTime) -> Duration {
    SystemTime::now().duration_since(moment).unwrap_or_default()
}
