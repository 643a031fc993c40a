//! Watches one launch to its end.

use std::sync::Arc;
use std::time::Duration;

use diwan_core::engine::End;
use tokio::time::sleep;

use super::census::Census;
use super::launcher::Reports;
use super::live::{Live, Stage};
use super::protocol::Report;
use super::status::{Leader, Status};
use super::survey::{Finding, look};
use super::sweep::Leavings;
use super::{blocking, message};

/// Between two looks at a launch of another supervisor, at first; twice as long after every look. Our own reports ends itself.
const FIRST_INTERVAL: Duration = Duration::from_millis(5);
/// The longest it gets.
const INTERVAL: Duration = Duration::from_millis(100);

/// How a launch ended, and what is known about it.
struct Outcome {
    end: End,
    leader: Option<Leader>,
    /// Its supervisor saw the end, and has sent TERM to its group.
    told: bool,
    /// The disk says so too; otherwise only this driver's memory does.
    on_disk: bool,
}

/// Waits for the end of a launch, kills what it left behind and publishes the end. True: the disk tells the same story, the
/// launch need not be remembered.
pub(super) async fn watch(live: Arc<Live>, reports: Option<Reports>, census: &Census) -> bool {
    let told = match reports {
        Some(reports) => hear(&live, reports).await,
        None => None,
    };
    let outcome = match told {
        Some(outcome) => outcome,
        None => poll(&live).await,
    };
    live.set(Stage::Sweeping);
    if let Some(leader) = outcome.leader {
        let leavings = Leavings {
            leader: Some(leader.pid),
            told: outcome.told,
            fresh: true,
        };
        leavings.sweep(live.id(), census).await;
    }
    live.set(Stage::Ended(outcome.end));
    outcome.on_disk
}

/// Waits for what our supervisor says. None: it is gone.
async fn hear(live: &Live, mut reports: Reports) -> Option<Outcome> {
    loop {
        match reports.recv().await? {
            Report::Started(leader) => live.set(Stage::Running(leader)),
            Report::Ended {
                code,
                recorded,
                full,
            } => return Some(ended(live, code, full, recorded).await),
            Report::Taken | Report::Refused(_) => return None,
        }
    }
}

async fn ended(live: &Live, code: i32, full: bool, recorded: bool) -> Outcome {
    Outcome {
        end: end(live, code, full).await,
        leader: live.leader(),
        told: true,
        on_disk: recorded,
    }
}

/// The file need not be read when it has nothing to add.
async fn end(live: &Live, code: i32, full: bool) -> End {
    if code == 0 && !full && !live.is_noted() {
        return End::Succeeded;
    }
    let id = live.id().clone();
    blocking(move || {
        let file = Status::open(&Status::path(&id)).ok().flatten();
        let status = file.and_then(|file| Status::read(&file).ok());
        let status = Status {
            full,
            ..status.unwrap_or_default()
        };
        message::end(&id, &status, code)
    })
    .await
}

/// Watches a launch that no supervisor tells us about.
async fn poll(live: &Live) -> Outcome {
    let mut interval = FIRST_INTERVAL;
    let mut trouble = String::new();
    loop {
        match look(live.id()).await {
            Ok(Finding::Running(leader)) => {
                if let Some(leader) = leader {
                    live.set(Stage::Running(leader));
                }
            }
            Ok(Finding::Over {
                leader,
                end,
                recorded,
            }) => {
                return Outcome {
                    end,
                    leader,
                    told: recorded,
                    on_disk: true,
                };
            }
            Ok(Finding::Absent) => {
                let end = message::lost(live.id());
                return Outcome {
                    end,
                    leader: live.leader(),
                    told: false,
                    on_disk: false,
                };
            }
            Err(error) => {
                let error = error.to_string();
                if error != trouble {
                    tracing::warn!(id = %live.id(), %error, "cannot look at a trial; trying again");
                    trouble = error;
                }
            }
        }
        sleep(interval).await;
        interval = INTERVAL.min(interval * 2);
    }
}
