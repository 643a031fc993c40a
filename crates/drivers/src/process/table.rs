//! Questions to the process table.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

#[cfg(target_os = "linux")]
pub(super) use linux::group_leader;
#[cfg(target_os = "linux")]
pub(super) use linux::{Table, is_unnoticed, leads, may_have_strays, start_of, ticks};
#[cfg(not(target_os = "linux"))]
pub(super) use portable::{Table, is_unnoticed, leads, may_have_strays, start_of, ticks};

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

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::time::SystemTime;

    use diwan_core::record::ExperimentKey;

    use super::*;
    use crate::launch::LaunchId;
    use crate::process::prepare::mark;
    use crate::process::status::Leader;

    /// A leader with one child in its group, both ready.
    fn leader(id: &LaunchId, marked: bool) -> Child {
        let mut command = Command::new("/bin/sh");
        if marked {
            let marks = mark(id);
            command.envs(marks.iter().filter_map(|mark| mark.split_once('=')));
        }
        let mut child = command
            .args(["-c", "sleep 1000 & echo; wait"])
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        // Until its child is another program it may be seen without an environment.
        let begun = (0..1000).any(|_| {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
            has_child(child.id(), "sleep 1000")
        });
        assert!(begun, "the leader's child does not begin");
        child
    }

    fn has_child(group: u32, command: &str) -> bool {
        let mut ps = Command::new("ps");
        let table = ps.args(["-A", "-o", "pgid=,args="]).output().unwrap();
        let table = String::from_utf8_lossy(&table.stdout);
        let mut lines = table.lines().filter_map(|line| line.trim().split_once(' '));
        lines.any(|(pgid, args)| pgid == group.to_string() && args.trim() == command)
    }

    fn id(directory: &Path) -> LaunchId {
        LaunchId {
            experiment: ExperimentKey::new("default", "table"),
            trial: "table".to_owned(),
            attempt: 1,
            directory: directory.to_owned(),
        }
    }

    #[test]
    fn a_leader_is_told_from_others() {
        let directory = tempfile::tempdir().unwrap();
        let id = id(directory.path());
        let status = directory.path().join("status");
        let mut child = leader(&id, true);
        let pid = i32::try_from(child.id()).unwrap();
        let start = start_of(pid, None).unwrap_or_default();
        let own = Leader { pid, start };
        let recycled = Leader {
            pid,
            start: start + 1,
        };
        let began = |moment: SystemTime| {
            let millis = moment.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let line = format!("leader {pid} {start} {}\n", millis.as_millis());
            std::fs::write(&status, line).unwrap();
        };
        began(crate::clock::now());
        let seen = (leads(own, &status), portable::leads(own, &status));
        began(SystemTime::UNIX_EPOCH);
        let younger = portable::leads(own, &status);
        let exact = cfg!(target_os = "linux");
        assert_eq!(
            (
                portable::start_of(pid, portable::ticks()),
                portable::Table::read().leader_of(&id)
            ),
            (None, None)
        );
        let found = (leads(recycled, &status), Table::read().leader_of(&id));
        let early = is_unnoticed(own);
        signal_group(pid, Signal::SIGKILL);
        let unnoticed = (0..1000).any(|_| {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
            is_unnoticed(own) || !exact
        });
        let others = (is_unnoticed(recycled), portable::is_unnoticed(own));
        child.wait().unwrap();
        assert_eq!((early, unnoticed, is_unnoticed(own)), (false, true, false));
        assert_eq!(others, (false, false));
        assert_eq!(seen, (true, true));
        assert!(!younger);
        assert_eq!(found, (false, exact.then_some(own)));
        assert!(!leads(own, &status));
    }

    #[test]
    fn survivors_need_a_reason() {
        let directory = tempfile::tempdir().unwrap();
        let id = id(directory.path());
        let (mut marked, mut plain) = (leader(&id, true), leader(&id, false));
        let pids = [&marked, &plain].map(|child| i32::try_from(child.id()).unwrap());
        let strays = [
            may_have_strays(&id, pids[0]),
            portable::may_have_strays(&id, pids[0]),
        ];
        let unknown = LaunchId {
            attempt: 2,
            ..id.clone()
        };
        let both = vec![id.clone(), unknown];
        let (table, by_ps) = (Table::read(), portable::Table::read());
        let found = [table.running(both.clone()), by_ps.running(both)];
        let counted = (
            table.survivors(&id, Some(pids[0]), false).len(),
            table.survivors(&id, Some(pids[1]), false).len(),
            table.survivors(&id, Some(pids[1]), true).len(),
            table.survivors(&id, None, false).len(),
            by_ps.survivors(&id, Some(pids[1]), false).len(),
            by_ps.survivors(&id, Some(pids[1]), true).len(),
        );
        plain.kill().unwrap();
        plain.wait().unwrap();
        let left = Table::read().survivors(&id, Some(pids[1]), true).len();
        signal_group(pids[1], Signal::SIGKILL);
        signal_group(pids[0], Signal::SIGKILL);
        marked.wait().unwrap();
        assert_eq!(left, if cfg!(target_os = "linux") { 3 } else { 1 });
        let known: &[_] = if cfg!(target_os = "linux") {
            std::slice::from_ref(&id)
        } else {
            &[]
        };
        assert_eq!(found, [known, &[]]);
        assert_eq!(strays, [cfg!(target_os = "linux"), false]);
        // Marked ones always; those of an unmarked group only when it is certainly ours, which it is not with a leader.
        assert_eq!(counted, (2, 2, 2, 2, 0, 2));
        // The leader's child is gone a moment after it was killed.
        let gone = (0..1000).any(|_| {
            std::thread::park_timeout(std::time::Duration::from_millis(10));
            Table::read().survivors(&id, Some(pids[0]), true).is_empty()
        });
        assert!(gone);
    }
}
