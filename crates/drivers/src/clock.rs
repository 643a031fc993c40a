//! The one place in this crate that reads the clock.

use std::time::{Duration, SystemTime};

/// The moment.
#[expect(
    clippy::disallowed_methods,
    reason = "a launch that is adopted later must tell when it began"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// How long ago `moment` was; zero when it lies ahead.
pub(crate) fn since(moment: SystemTime) -> Duration {
    now().duration_since(moment).unwrap_or_default()
}
