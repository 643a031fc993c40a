//! `watch`: reads what the trial writes, and reports it while it runs.

mod batch;
mod deliver;
mod early;
mod follow;
mod journal;
mod last_words;
mod outbox;
mod relay;
mod session;

use std::time::Duration;

use diwan_core::sidecar::{SidecarConfig, VARIABLE};

use crate::Failure;
use crate::cli::Watch;
use last_words::LastWords;
pub(crate) use last_words::MOST_BYTES;

pub(crate) fn run(arguments: &Watch) -> Result<u8, Failure> {
    let config = SidecarConfig::read(&arguments.config)
        .map_err(|error| Failure::usage(format!("{VARIABLE} cannot be used: {error}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure::system(format!("cannot start: {error}")))?;
    let last_words = LastWords::new(arguments.last_words.clone(), arguments.last_words_bytes);
    let grace = Duration::from_secs(arguments.grace);
    let done = runtime.block_on(session::run(config, grace, last_words));
    // A thread may be kept for ever by an output that nobody reads.
    runtime.shutdown_background();
    done.map(|()| 0)
}
