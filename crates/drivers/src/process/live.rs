//! A launch that runs, as this driver knows it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diwan_core::engine::End;
use nix::sys::signal::Signal;
use tokio::sync::watch;
use tokio::time::timeout;

use super::status::{Leader, Status};
use super::{blocking, table};
use crate::clock;
use crate::launch::LaunchId;

/// How far a launch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Somebody is about to start it.
    Claimed,
    /// Its leader runs, or did a moment ago.
    Running(Leader),
    /// Its leader is gone; leftovers are being killed.
    Sweeping,
    /// Nothing of it runs.
    Ended(End),
}

/// A launch that runs.
#[derive(Debug)]
pub(super) struct Live {
    id: LaunchId,
    stage: watch::Sender<Stage>,
    timed: AtomicBool,
    noted: AtomicBool,
}

impl Live {
    /// One with this leader, or one that is about to get its leader.
    pub(super) fn new(id: LaunchId, leader: Option<Leader>) -> Self {
        Self {
            id,
            stage: watch::Sender::new(leader.map_or(Stage::Claimed, Stage::Running)),
            timed: AtomicBool::new(false),
            noted: AtomicBool::new(false),
        }
    }

    pub(super) fn id(&self) -> &LaunchId {
        &self.id
    }

    /// Who leads it, while it runs.
    pub(super) fn leader(&self) -> Option<Leader> {
        match &*self.stage.borrow() {
            Stage::Running(leader) => Some(*leader),
            _ => None,
        }
    }

    /// Whether this driver has noted in its status file that, or why, it is to stop.
    pub(super) fn is_noted(&self) -> bool {
        self.noted.load(Ordering::Relaxed)
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
        self.signal(Signal::SIGTERM).await;
        if timeout(grace, self.ended()).await.is_err() {
            self.signal(Signal::SIGKILL).await;
            self.ended().await;
        }
    }

    /// Signals the whole group, if its leader is there to vouch that the group is the launch's. One that is about to start
    /// is waited for, so that no signal comes too early.
    async fn signal(&self, signal: Signal) {
        let mut stage = self.stage.subscribe();
        // Cannot fail: the sender is in `self`.
        let _ = stage.wait_for(|stage| *stage != Stage::Claimed).await;
        let Some(leader) = self.leader() else { return };
        let path = Status::path(&self.id);
        let runs = {
            let path = path.clone();
            blocking(move || table::leads(leader, &path))
        };
        if !runs.await {
            return;
        }
        // Before the signal, so that its end is never taken for one of its own.
        self.noted.store(true, Ordering::Relaxed);
        let sent = blocking(move || {
            let noted = Status::note_told(&path);
            signal_if_ours(leader, &path, signal);
            noted
        });
        if let Err(error) = sent.await {
            tracing::warn!(id = %self.id, %error, "cannot note that a trial is told to stop");
        }
    }

    /// Whether the caller is the one to watch the deadline.
    pub(super) fn take_timer(&self) -> bool {
        !self.timed.swap(true, Ordering::Relaxed)
    }

    /// Stops it when it runs longer than `deadline`, counted from its start, or when an earlier driver was about to.
    pub(super) async fn enforce(&self, deadline: Duration, grace: Duration) {
        let path = Status::path(&self.id);
        let known = blocking({
            let path = path.clone();
            move || Status::at(&path)
        });
        let known = known.await.unwrap_or_default();
        if known.overdue.is_none() {
            let age = known.began.map(clock::since).unwrap_or_default();
            let left = deadline.saturating_sub(age);
            if timeout(left, self.ended()).await.is_ok() {
                return;
            }
            let seconds = deadline.as_secs();
            let noted = blocking(move || Status::note_overdue(&path, seconds)).await;
            if let Err(error) = noted {
                tracing::warn!(id = %self.id, %error, "cannot note that a trial's deadline has passed");
            }
        }
        self.noted.store(true, Ordering::Relaxed);
        self.stop(grace).await;
    }
}

fn signal_if_ours(leader: Leader, status: &Path, signal: Signal) {
    if table::leads(leader, status) {
        table::signal_group(leader.pid, signal);
    }
}
