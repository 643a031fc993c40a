//! A launch that runs, as this driver knows it.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use diwan_core::engine::End;
use nix::sys::signal::Signal;
use tokio::sync::watch;
use tokio::time::timeout;

use super::status::Status;
use super::wrapper::STOP;
use super::{blocking, table};
use crate::clock;
use crate::launch::LaunchId;

/// How far a launch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its leader runs, or did a moment ago.
    Running,
    /// Its leader is gone; leftovers are being killed.
    Sweeping,
    /// Nothing of it runs.
    Ended(End),
}

/// A launch that runs.
#[derive(Debug)]
pub(super) struct Live {
    id: LaunchId,
    leader: AtomicI32,
    stage: watch::Sender<Stage>,
    timed: AtomicBool,
}

impl Live {
    pub(super) fn new(id: LaunchId, leader: i32) -> Self {
        Self {
            id,
            leader: AtomicI32::new(leader),
            stage: watch::Sender::new(Stage::Running),
            timed: AtomicBool::new(false),
        }
    }

    pub(super) fn id(&self) -> &LaunchId {
        &self.id
    }

    pub(super) fn leader(&self) -> i32 {
        self.leader.load(Ordering::Relaxed)
    }

    /// Another leader owns the attempt.
    pub(super) fn follow(&self, leader: i32) {
        self.leader.store(leader, Ordering::Relaxed);
    }

    pub(super) fn set(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// How it ended, if it has.
    pub(super) fn end(&self) -> Option<End> {
        match &*self.stage.borrow() {
            Stage::Ended(end) => Some(end.clone()),
            _ => None,
        }
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) -> End {
        let mut stage = self.stage.subscribe();
        loop {
            if let Some(end) = self.end() {
                return end;
            }
            if stage.changed().await.is_err() {
                // Cannot happen: the sender is in `self`.
                std::future::pending::<()>().await;
            }
        }
    }

    /// TERM, `grace`, KILL; returns when nothing of it runs.
    pub(super) async fn stop(&self, grace: Duration) {
        let mark = self.id.attempt_directory().join(STOP);
        if let Err(error) = blocking(move || File::create(mark)).await {
            // It is needed in the first milliseconds of a launch only; KILL comes in any case.
            tracing::debug!(id = %self.id, %error, "cannot mark a trial as stopped");
        }
        self.signal(Signal::SIGTERM).await;
        if timeout(grace, self.ended()).await.is_err() {
            self.signal(Signal::SIGKILL).await;
            self.ended().await;
        }
    }

    /// Signals the whole group, if its leader is there to vouch that the group is the launch's.
    async fn signal(&self, signal: Signal) {
        let (leader, directory) = (self.leader(), self.id.attempt_directory());
        if *self.stage.borrow() == Stage::Running {
            blocking(move || signal_if_ours(leader, &directory, signal)).await;
        }
    }

    /// Whether the caller is the one to watch the deadline.
    pub(super) fn take_timer(&self) -> bool {
        !self.timed.swap(true, Ordering::Relaxed)
    }

    /// Stops it when it runs longer than `deadline`, counted from its start.
    pub(super) async fn enforce(&self, deadline: Duration, grace: Duration) {
        let path = Status::path(&self.id);
        let started = blocking({
            let path = path.clone();
            move || Status::started(&path)
        });
        let age = started.await.map(clock::since).unwrap_or_default();
        if timeout(deadline.saturating_sub(age), self.ended())
            .await
            .is_ok()
        {
            return;
        }
        let seconds = deadline.as_secs();
        let noted = blocking(move || Status::note_overdue(&path, seconds)).await;
        if let Err(error) = noted {
            tracing::warn!(id = %self.id, %error, "cannot note that a trial's deadline has passed");
        }
        self.stop(grace).await;
    }
}

fn signal_if_ours(leader: i32, directory: &Path, signal: Signal) {
    if table::leads(leader, directory) {
        table::signal_group(leader, signal);
    }
}
