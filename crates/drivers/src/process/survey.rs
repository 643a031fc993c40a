//! Looks at what there is of a launch: its status file and the process table.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::Duration;

use diwan_core::engine::End;

use super::status::{Leader, Status};
use super::{blocking, message, table};
use crate::driver::DriverError;
use crate::identity::is_at;
use crate::launch::LaunchId;

/// A process that is killed while it starts another leaves one that becomes visible within microseconds.
pub(super) const BIRTH: Duration = Duration::from_millis(50);
/// Between two looks at a launch that changes hands: its status file is empty between its creation and its lock, and nobody's
/// between its supervisor's death and the lock of the heir.
const HANDOVER: Duration = Duration::from_millis(20);
/// Looks at it before nobody's hands count as such.
const LOOKS: u32 = 50;
/// The same while its leader is dead and its parent has not taken notice, and while it was being started and its supervisor is
/// gone: on a busy machine an heir may have to wait for its turn. Where there is no heir, or a parent that never takes notice,
/// as in some containers, the launch is lost after these.
const LOOKS_AT_THE_DEAD: u32 = 750;

/// What there is of a launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Nobody has claimed the attempt.
    Absent,
    /// It runs; none: somebody is about to start it.
    Running(Option<Leader>),
    /// It is over.
    Over {
        /// Who led it, if that is known.
        leader: Option<Leader>,
        /// How it ended.
        end: End,
        /// Whether its supervisor saw and recorded the end.
        recorded: bool,
    },
}

/// Looks at a launch.
pub(super) async fn look(id: &LaunchId) -> Result<Finding, DriverError> {
    let id = id.clone();
    blocking(move || {
        let path = Status::path(&id);
        let mut looks = 0;
        loop {
            looks += 1;
            match look_at(&id, &path, looks) {
                Ok(None) => std::thread::sleep(HANDOVER),
                Ok(Some(finding)) => return Ok(finding),
                Err(error) => return Err(DriverError::io("read", &path)(error)),
            }
        }
    })
    .await
}

/// None: it changes hands, or it was released at this moment. After so many `looks` nobody will take it.
fn look_at(id: &LaunchId, path: &Path, looks: u32) -> io::Result<Option<Finding>> {
    let Some(file) = Status::open(path)? else {
        return Ok(Some(Finding::Absent));
    };
    let status = Status::read(&file)?;
    if let Some(finding) = told(id, &status) {
        return Ok(Some(finding));
    }
    match file.try_lock_shared() {
        Ok(()) if !status.claimed && looks < LOOKS => Ok(None),
        // The attempt is free again, and may be somebody else's: what is at the path now tells.
        Ok(()) if !is_at(&file, path)? => Ok(None),
        Ok(()) => abandoned(id, path, &file, looks),
        // Its supervisor will record the end.
        Err(TryLockError::WouldBlock) => Ok(Some(Finding::Running(status.leader))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A launch that no supervisor waits for. While this holds the lock nobody claims it.
fn abandoned(id: &LaunchId, path: &Path, file: &File, looks: u32) -> io::Result<Option<Finding>> {
    // It may have ended between the two looks.
    let status = Status::read(file)?;
    if let Some(finding) = told(id, &status) {
        return Ok(Some(finding));
    }
    // An heir may be about to take it, and to say who leads it and how it ended; it needs the lock for that.
    let is_taken_over = match status.leader {
        None if status.claimed => looks < LOOKS_AT_THE_DEAD,
        None => looks < LOOKS,
        Some(leader) => looks < LOOKS_AT_THE_DEAD && table::is_unnoticed(leader),
    };
    if is_taken_over {
        return Ok(None);
    }
    let alive = match status.leader {
        Some(leader) => table::leads(leader, path).then_some(leader),
        None if status.claimed => {
            std::thread::sleep(BIRTH);
            table::Table::read().leader_of(id)
        }
        None => None,
    };
    if alive.is_some() {
        return Ok(Some(Finding::Running(alive)));
    }
    if status.leader.is_none() {
        Status::give_up(file)?;
    }
    Ok(Some(lost(id, status.leader)))
}

fn lost(id: &LaunchId, leader: Option<Leader>) -> Finding {
    Finding::Over {
        leader,
        end: message::lost(id),
        recorded: false,
    }
}

/// What the file says about the end.
fn told(id: &LaunchId, status: &Status) -> Option<Finding> {
    if status.lost {
        return Some(lost(id, status.leader));
    }
    let code = status.code?;
    Some(Finding::Over {
        leader: status.leader,
        end: message::end(id, status, code),
        recorded: true,
    })
}

#[cfg(test)]
mod tests {
    use diwan_core::record::ExperimentKey;

    use super::super::status::Claim;
    use super::*;

    /// Between opening the status file and locking it, its owner frees the attempt and another takes it.
    #[test]
    fn a_new_claim_is_not_taken_for_the_released_one() {
        let directory = tempfile::tempdir().unwrap();
        let id = LaunchId {
            experiment: ExperimentKey::new("default", "tune"),
            trial: "tune-a".to_owned(),
            attempt: 1,
            directory: directory.path().to_owned(),
        };
        let path = Status::path(&id);
        let released = Claim::take(&path).unwrap().unwrap();
        let opened = Status::open(&path).unwrap().unwrap();
        released.release(&path);
        let claim = Claim::take(&path).unwrap().unwrap();
        assert!(opened.try_lock_shared().is_ok());
        assert!(!is_at(&opened, &path).unwrap());
        abandoned(&id, &path, &opened, LOOKS).unwrap();
        assert!(!Status::at(&path).unwrap().lost, "it is not marked");
        let finding = look_at(&id, &path, LOOKS).unwrap();
        assert_eq!(finding, Some(Finding::Running(None)));
        drop(claim);
    }
}
