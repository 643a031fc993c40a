//! Looks at what there is of a launch: its status file and the process table.

use diwan_core::engine::End;

use super::status::Status;
use super::{blocking, message, table};
use crate::driver::DriverError;
use crate::launch::LaunchId;

/// What there is of a launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nobody has claimed the attempt.
    Absent,
    /// Its leader runs.
    Running(i32),
    /// Its leader is gone.
    Over {
        /// Who led it, if that is known.
        leader: Option<i32>,
        /// How it ended.
        end: End,
        /// Whether the leader recorded the end itself.
        recorded: bool,
    },
}

/// Looks at a launch.
pub(super) async fn look(id: &LaunchId) -> Result<Finding, DriverError> {
    let id = id.clone();
    blocking(move || look_now(&id)).await
}

/// Looks at a launch; blocks.
pub(super) fn look_now(id: &LaunchId) -> Result<Finding, DriverError> {
    let path = Status::path(id);
    let read = || Status::read(&path).map_err(DriverError::io("read", &path));
    let Some(status) = read()? else {
        return Ok(Finding::Absent);
    };
    if let Some(finding) = recorded(id, &status) {
        return Ok(finding);
    }
    let directory = id.attempt_directory();
    let leader = match status.leader {
        Some(pid) => Some(pid).filter(|pid| table::leads(*pid, &directory)),
        None => table::leader_of(&directory),
    };
    if let Some(pid) = leader {
        return Ok(Finding::Running(pid));
    }
    // It may have ended between the two looks.
    let again = read()?.unwrap_or(status);
    Ok(recorded(id, &again).unwrap_or_else(|| Finding::Over {
        leader: again.leader,
        end: message::lost(id),
        recorded: false,
    }))
}

fn recorded(id: &LaunchId, status: &Status) -> Option<Finding> {
    let code = status.code?;
    Some(Finding::Over {
        leader: status.leader.filter(|_| !status.called_off()),
        end: message::end(id, status, code),
        recorded: true,
    })
}
