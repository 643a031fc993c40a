//! Questions to the process table.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

#[cfg(target_os = "linux")]
pub(super) use linux::{leader_of, leads, survivors};
#[cfg(not(target_os = "linux"))]
pub(super) use portable::{leader_of, leads, survivors};

/// Whether any process is in a group, be it only as a zombie.
pub(super) fn group_exists(leader: i32) -> bool {
    killpg(Pid::from_raw(leader), None) != Err(Errno::ESRCH)
}

/// Sends a signal to a group. One that is gone needs none.
pub(super) fn signal_group(leader: i32, signal: Signal) {
    if let Err(error) = killpg(Pid::from_raw(leader), signal)
        && error != Errno::ESRCH
    {
        tracing::warn!(leader, %signal, %error, "cannot signal a process group");
    }
}
