//! The process table as POSIX `ps` shows it.

use std::path::Path;
use std::process::Command;

use nix::unistd::Pid;

use crate::launch::LaunchId;

/// Whether process `pid` leads the launch whose attempt directory this is.
pub(in crate::process) fn leads(pid: i32, directory: &Path) -> bool {
    rows(&["-p", &pid.to_string()])
        .iter()
        .any(|row| row.leads(directory))
}

/// The process that leads the launch of an attempt directory, if there is one.
pub(in crate::process) fn leader_of(directory: &Path) -> Option<i32> {
    rows(&["-A"])
        .iter()
        .find(|row| row.leads(directory))
        .map(|row| row.pid)
}

/// Processes of a launch whose leader is gone: the members of its group, if the group is certain to be the launch's.
pub(in crate::process) fn survivors(_: &LaunchId, group: i32, certain: bool) -> Vec<Pid> {
    if !certain {
        return Vec::new();
    }
    let rows = rows(&["-A"]);
    let members = rows
        .iter()
        .filter(|row| row.group == group && !row.state.starts_with('Z'));
    members.map(|row| Pid::from_raw(row.pid)).collect()
}

struct Row {
    pid: i32,
    group: i32,
    state: String,
    command: String,
}

impl Row {
    /// `pid group state command`, the command with blanks.
    fn parse(line: &str) -> Option<Self> {
        let (pid, rest) = line.trim_start().split_once(' ')?;
        let (group, rest) = rest.trim_start().split_once(' ')?;
        let (state, command) = rest.trim_start().split_once(' ')?;
        Some(Self {
            pid: pid.parse().ok()?,
            group: group.parse().ok()?,
            state: state.to_owned(),
            command: command.to_owned(),
        })
    }

    /// `ps` joins arguments with blanks, so the directory must be followed by one: `attempt-1` is not `attempt-10`.
    fn leads(&self, directory: &Path) -> bool {
        let is_leader = self.pid == self.group && !self.state.starts_with('Z');
        is_leader && self.command.contains(&format!(" {} ", directory.display()))
    }
}

fn rows(selection: &[&str]) -> Vec<Row> {
    let output = Command::new("ps")
        .args(["-ww", "-o", "pid=,pgid=,state=,command="])
        .args(selection)
        .output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text)
        .lines()
        .filter_map(Row::parse)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        let row = Row::parse("  12    12 S    /bin/sh -c x diwan-trial /d/attempt-1 true").unwrap();
        assert!(row.leads(Path::new("/d/attempt-1")));
        assert!(!row.leads(Path::new("/d/attempt")));
        assert!(!row.leads(Path::new("/e/attempt-1")));
        assert!(Row::parse("garbage").is_none());
    }
}
