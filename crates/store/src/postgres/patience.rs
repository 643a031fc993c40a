//! Calls that outlast a restart of the database.
//!
//! When a connection dies, nobody knows whether the statement on its way took effect, so every call here can be repeated: points
//! and cursors have a place, reports a digest, deletions nothing left to delete, and a commit is known by its digest.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::StoreError;

/// How long one try may take: a server that vanished without a word is not waited for.
const TRY: Duration = Duration::from_secs(15);
/// How long a call is repeated. Callers repeat it further, and say what they wait for.
const PATIENCE: Duration = Duration::from_secs(3);
/// Before the first repetition, and between later ones: pauses double.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// What a call came to, and whether an earlier try may have done it.
pub(super) struct Reached<T> {
    pub(super) value: T,
    pub(super) is_repeated: bool,
}

/// Repeats a call while the database cannot be reached, or others are in its way.
pub(super) async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(
    call: impl Fn() -> F,
) -> Result<Reached<T>, StoreError> {
    let begun = Instant::now();
    let mut is_repeated = false;
    let mut pause = FIRST_PAUSE;
    loop {
        match in_time(call()).await {
            Ok(value) => return Ok(Reached { value, is_repeated }),
            Err(StoreError::Busy) if begun.elapsed() < PATIENCE => {}
            Err(StoreError::Unreachable(_)) if begun.elapsed() < PATIENCE => is_repeated = true,
            Err(error) => return Err(error),
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(2 * pause);
    }
}

/// A try that takes too long has not reached the database.
pub(super) async fn in_time<T>(
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let timed = timeout(TRY, call).await;
    timed.unwrap_or_else(|elapsed| Err(StoreError::Unreachable(elapsed.into())))
}
