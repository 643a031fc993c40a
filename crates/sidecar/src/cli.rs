//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use diwan_core::sidecar::VARIABLE;

use crate::watch::MOST_BYTES;

/// Starts a trial's command in a pod, reads what it writes, and reports it.
#[derive(Debug, Parser)]
#[command(name = "diwan-collect", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copies this program into a directory (for an init container)
    Copy {
        /// The directory; it must be there
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
    /// Starts the trial's command, and ends as it does
    Exec(Exec),
    /// Reads what the trial writes, and reports it
    Watch(Watch),
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// What to read and where to report it, as JSON
    #[arg(long, value_name = "JSON", env = VARIABLE, hide_env_values = true)]
    pub(crate) config: String,
    /// Longest time from TERM to the end; a few seconds less than the pod's terminationGracePeriodSeconds
    #[arg(long, value_name = "SECONDS", default_value_t = 25)]
    pub(crate) grace: u64,
    /// Write what could not be delivered to this file, if there is one: Kubernetes keeps what it has with the pod
    #[arg(long, value_name = "FILE", default_value = "/dev/termination-log")]
    pub(crate) last_words: PathBuf,
    /// Most bytes of that: 12,288 for all containers of a pod, in equal shares
    #[arg(long, value_name = "BYTES", default_value_t = MOST_BYTES)]
    pub(crate) last_words_bytes: usize,
}

/// Arguments of `exec`.
#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The directory that is shared with `watch`
    #[arg(long = "dir", value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Append what the command prints to this file, besides printing it
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// The command and its arguments; no shell reads them
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}
