//! The process table as POSIX `ps` shows it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::unistd::Pid;

use super::super::status::{Leader, Status};
use crate::clock;
use crate::launch::LaunchId;

/// Ages are shown in whole seconds, and file systems have clocks of their own.
const SLACK: Duration = Duration::from_secs(2);

/// Of processes that `ps` shows, ages are compared instead.
pub(in crate::process) fn ticks() -> Option<u64> {
    None
}

/// See [`ticks`].
pub(in crate::process) fn start_of(_: i32, _: Option<u64>) -> Option<u64> {
    None
}

/// Whether a process leads a launch still. A recycled process id is younger than the launch.
pub(in crate::process) fn leads(leader: Leader, status: &Path) -> bool {
    let Some(began) = Status::at(status).ok().and_then(|status| status.began) else {
        return false;
    };
    let oldest = clock::since(began).saturating_sub(SLACK);
    let rows = rows(&["-p", &leader.pid.to_string()]);
    rows.iter().any(|row| row.leads() && row.age >= oldest)
}

/// Nobody inherits a supervisor's trials here, so nobody would.
pub(in crate::process) fn is_unnoticed(_: Leader) -> bool {
    false
}

/// All processes at one moment. No environment is shown, so nothing tells whose they are but their groups.
#[derive(Debug)]
pub(in crate::process) struct Table(Vec<Row>);

impl Table {
    /// Asks `ps`.
    pub(in crate::process) fn read() -> Self {
        Self(rows(&["-A"]))
    }

    /// None: nothing tells one.
    pub(in crate::process) fn leader_of(&self, _: &LaunchId) -> Option<Leader> {
        None
    }

    /// Processes of a launch whose leader is gone: the members of its group, if the group is certain to be the launch's.
    pub(in crate::process) fn survivors(
        &self,
        _: &LaunchId,
        group: Option<i32>,
        certain: bool,
    ) -> Vec<Pid> {
        let group = group.filter(|_| certain);
        let members = self
            .0
            .iter()
            .filter(|row| Some(row.group) == group && row.lives());
        members.map(|row| Pid::from_raw(row.pid)).collect()
    }

    /// None that is known.
    pub(in crate::process) fn running(&self, _: Vec<LaunchId>) -> Vec<LaunchId> {
        Vec::new()
    }
}

/// Without environments nothing would tell whose they are.
pub(in crate::process) fn may_have_strays(_: &LaunchId, _: i32) -> bool {
    false
}

#[derive(Debug)]
struct Row {
    pid: i32,
    group: i32,
    age: Duration,
    state: String,
}

impl Row {
    /// `pid group age state`.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split_ascii_whitespace();
        Some(Self {
            pid: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
            age: age(fields.next()?)?,
            state: fields.next()?.to_owned(),
        })
    }

    fn leads(&self) -> bool {
        self.pid == self.group && self.lives()
    }

    fn lives(&self) -> bool {
        !self.state.starts_with('Z')
    }
}

/// `[[days-]hours:]minutes:seconds`
fn age(text: &str) -> Option<Duration> {
    let (days, time) = text.split_once('-').unwrap_or(("0", text));
    let parts = time.split(':').map(|part| part.parse::<u64>().ok());
    let seconds = parts
        .into_iter()
        .try_fold(0, |sum: u64, part| sum.checked_mul(60)?.checked_add(part?))?;
    let days: u64 = days.parse().ok()?;
    Some(Duration::from_secs(
        days.checked_mul(86_400)?.checked_add(seconds)?,
    ))
}

fn rows(selection: &[&str]) -> Vec<Row> {
    let output = Command::new("ps")
        .args(["-o", "pid=,pgid=,etime=,state="])
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
        let row = Row::parse("  12    12 01:02 Ss+").unwrap();
        assert!(row.leads());
        assert_eq!(row.age, Duration::from_secs(62));
        assert!(!Row::parse("12 12 00:00 Z").unwrap().leads());
        assert!(!Row::parse("12 11 00:00 S").unwrap().leads());
        assert_eq!(age("2-03:00:01"), Some(Duration::from_secs(183_601)));
        assert!(Row::parse("garbage").is_none());
    }
}
