//! The only file of this crate that reads the clock.

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// The time now, for measuring how long something takes.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// The processor time that this process has used, on all its threads; 0 where the system does not tell.
pub(crate) fn cpu_time() -> Duration {
    clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

/// The processor time that this thread has used; 0 where the system does not tell.
pub(crate) fn thread_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
