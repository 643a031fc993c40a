//! Watches one launch to its end.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use diwan_core::engine::End;
use tokio::process::Child;
use tokio::time::sleep;

use super::live::{Live, Stage};
use super::status::Status;
use super::survey::{Finding, look};
use super::sweep::Leavings;
use super::{blocking, message};
use crate::launch::LaunchId;

/// Between two looks at a launch that is not our child, at first; twice as long after every look. Children report their end
/// themselves.
const FIRST_INTERVAL: Duration = Duration::from_millis(5);
/// The longest it gets.
const INTERVAL: Duration = Duration::from_millis(100);

/// How a launch ended, and what is known about it.
struct Outcome {
    end: End,
    leader: Option<i32>,
    /// Its leader recorded the end itself.
    recorded: bool,
    /// The disk says so too; otherwise only this driver's memory does.
    on_disk: bool,
}

/// Waits for the end of a launch, kills what it left behind and publishes the end. True: the disk tells the same story, the
/// launch need not be remembered.
pub(super) async fn watch(live: Arc<Live>, child: Option<Child>) -> bool {
    let outcome = match child {
        Some(child) => reap(&live, child).await,
        None => poll(&live).await,
    };
    live.set(Stage::Sweeping);
    if let Some(leader) = outcome.leader {
        let leavings = Leavings {
            leader,
            told: outcome.recorded,
            fresh: true,
        };
        leavings.sweep(live.id()).await;
    }
    live.set(Stage::Ended(outcome.end));
    outcome.on_disk
}

/// Waits for our own child.
async fn reap(live: &Live, mut child: Child) -> Outcome {
    let ours = live.leader();
    let code = match child.wait().await {
        Ok(status) => code_of(status),
        Err(error) => {
            tracing::warn!(id = %live.id(), %error, "cannot wait for a child; watching it instead");
            return poll(live).await;
        }
    };
    match look(live.id()).await {
        Ok(Finding::Running(other)) => {
            // A leader of before a restart was faster; ours gave way.
            live.follow(other);
            poll(live).await
        }
        Ok(Finding::Over {
            leader,
            end,
            recorded: true,
        }) => Outcome {
            end,
            leader,
            recorded: true,
            on_disk: true,
        },
        Ok(Finding::Over { leader, end, .. }) if leader.is_some_and(|leader| leader != ours) => {
            Outcome {
                end,
                leader,
                recorded: false,
                on_disk: true,
            }
        }
        Ok(Finding::Over { leader: None, .. } | Finding::Absent) if code == GAVE_WAY => Outcome {
            end: message::unwritable(live.id()),
            leader: None,
            recorded: false,
            on_disk: false,
        },
        Ok(_) | Err(_) => settle(live.id(), ours, code).await,
    }
}

/// What the leader exits with when it cannot claim the attempt.
const GAVE_WAY: i32 = 125;

/// The leader died before it could record the end: killed with its group, or the disk is full. We know its code.
async fn settle(id: &LaunchId, leader: i32, code: i32) -> Outcome {
    let id = id.clone();
    blocking(move || {
        let path = Status::path(&id);
        let on_disk = Status::settle(&path, leader, code).is_ok();
        let status = Status::read(&path).ok().flatten().unwrap_or_default();
        let end = message::end(&id, &status, code);
        Outcome {
            end,
            leader: Some(leader),
            recorded: false,
            on_disk,
        }
    })
    .await
}

/// As a shell counts.
fn code_of(status: ExitStatus) -> i32 {
    status
        .code()
        .or(status.signal().map(|signal| 128 + signal))
        .unwrap_or(255)
}

/// Watches a process that is not our child.
async fn poll(live: &Live) -> Outcome {
    let mut interval = FIRST_INTERVAL;
    loop {
        match look(live.id()).await {
            Ok(Finding::Running(leader)) => live.follow(leader),
            Ok(Finding::Over {
                leader,
                end,
                recorded,
            }) => {
                return Outcome {
                    end,
                    leader,
                    recorded,
                    on_disk: true,
                };
            }
            Ok(Finding::Absent) => {
                let end = message::lost(live.id());
                return Outcome {
                    end,
                    leader: Some(live.leader()),
                    recorded: false,
                    on_disk: false,
                };
            }
            Err(error) => {
                tracing::warn!(id = %live.id(), %error, "cannot look at a trial; trying again")
            }
        }
        sleep(interval).await;
        interval = INTERVAL.min(interval * 2);
    }
}
