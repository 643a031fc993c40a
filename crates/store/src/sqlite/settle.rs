//! When what is written reaches the disk.
//!
//! A commit is safe from a kill of the process at once, and waits for no disk. A power cut could take back what the operating
//! system has not written yet, which would be minutes of slow trials, so a task moves the log into the file, and waits for the
//! disk, within [`DELAY`] of every write.

use std::time::Duration;

use tokio::task::AbortHandle;

use super::writer::Writer;

/// The most that a power cut takes.
const DELAY: Duration = Duration::from_secs(1);

/// The task; it ends when this is dropped.
pub(super) struct Settling(AbortHandle);

impl Settling {
    pub(super) fn begin(writer: Writer) -> Self {
        let task = tokio::spawn(async move {
            loop {
                writer.written().await;
                tokio::time::sleep(DELAY).await;
                // If it fails the log still has everything, and the next write tries again.
                let _ = writer.settle().await;
            }
        });
        Self(task.abort_handle())
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.0.abort();
    }
}
