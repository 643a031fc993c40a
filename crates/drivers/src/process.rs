//! Trials as processes of this machine.
//!
//! A launch is a process group led by the trial's own command. A supervisor (see [`supervise`]), one small process beside
//! Diwan, claims the attempt, starts the command, waits for it and records its exit status in a file. The truth about a
//! launch is on disk and in the process table, never only in this program's memory: Diwan can be killed at any moment and
//! finds everything again; so can the supervisor, whose trials its heir (see [`inherit`]) waits for then. Only if that is
//! killed too the exit statuses of what runs are lost.

mod census;
mod children;
mod driver;
#[cfg(target_os = "linux")]
mod heir;
mod launcher;
mod live;
mod message;
mod prepare;
mod protocol;
mod roster;
mod spawn;
mod status;
mod supervise;
mod survey;
mod sweep;
mod table;
mod watcher;

pub use driver::ProcessDriver;
#[cfg(target_os = "linux")]
pub use heir::inherit;
pub use launcher::SupervisorCommand;
#[cfg(not(target_os = "linux"))]
pub use supervise::inherit;
pub use supervise::supervise;

/// Runs blocking work beside the runtime's threads, so that a slow file system holds up nobody else.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down; nobody waits for the answer.
            Err(_) => std::future::pending().await,
        },
    }
}
