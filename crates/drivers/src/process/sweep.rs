//! Kills what a launch has left behind, so that nothing outlives its trial.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use super::census::Census;
use super::table;
use crate::launch::LaunchId;

/// From TERM to KILL.
const GRACE: Duration = Duration::from_millis(500);
/// Processes that do not die of KILL hang in the kernel; they are not waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at the process table.
const INTERVAL: Duration = Duration::from_millis(20);

/// What is known of a launch whose leader is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leavings {
    /// Who led it, if that is known.
    pub(super) leader: Option<i32>,
    /// The leader ended by itself: it has sent TERM to its group.
    pub(super) told: bool,
    /// The leader was seen alive a moment ago, so its process group has not been recycled.
    pub(super) fresh: bool,
}

impl Leavings {
    /// Of a launch of which nothing is known but its name.
    pub(super) const UNRECORDED: Self = Self {
        leader: None,
        told: false,
        fresh: false,
    };

    /// Kills what is left, TERM first; returns when nothing is. Costs a few system calls when a short trial left nothing.
    pub(super) async fn sweep(self, id: &LaunchId, census: &Census) {
        let group = self.leader.is_some_and(table::group_exists);
        let none = |leader| self.told && !group && !table::may_have_strays(id, leader);
        if self.leader.is_some_and(none) {
            return;
        }
        let start = Instant::now();
        // Only the group was told.
        let mut told = self.told && group;
        loop {
            let table = census.take().await;
            let left = table.survivors(id, self.leader, self.fresh);
            if left.is_empty() {
                return;
            }
            let waited = start.elapsed();
            if waited > PATIENCE {
                tracing::warn!(%id, processes = ?left, "processes of an ended trial cannot be killed");
                return;
            }
            if waited >= GRACE {
                send(&left, Signal::SIGKILL);
            } else if !told {
                send(&left, Signal::SIGTERM);
                told = true;
            }
            sleep(INTERVAL).await;
        }
    }
}

fn send(processes: &[Pid], signal: Signal) {
    for pid in processes {
        // One that is gone by now needs no signal, one that is not ours takes none.
        let _ = kill(*pid, signal);
    }
}
