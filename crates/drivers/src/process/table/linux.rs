//! The process table as `/proc` shows it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

use super::super::prepare::mark;
use super::super::status::Leader;
use crate::launch::LaunchId;

/// Clock ticks since the machine started, which is how the process table counts; 100 a second on every Linux.
pub(in crate::process) fn ticks() -> Option<u64> {
    const A_TICK: u64 = 10_000_000;
    let time = Duration::from(clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?);
    Some(u64::try_from(time.as_nanos()).ok()? / A_TICK)
}

/// When a process started, in clock ticks since the machine did. It was started after [`ticks`] gave `before`, and is not
/// reaped yet: if the tick lasts still, that is the answer, at a thirtieth of the price of a look at the process table.
pub(in crate::process) fn start_of(pid: i32, before: Option<u64>) -> Option<u64> {
    let now = before.filter(|before| ticks() == Some(*before));
    now.or_else(|| Some(Stat::of(pid)?.start))
}

/// Whether a process leads a launch still. A recycled process id has another start; a zombie leads nothing.
pub(in crate::process) fn leads(leader: Leader, _status: &Path) -> bool {
    let stat = Stat::of(leader.pid).filter(|stat| stat.lives && stat.group == leader.pid);
    stat.is_some_and(|stat| stat.start == leader.start)
}

/// A process that leads a group, be it only as a zombie.
pub(in crate::process) fn group_leader(pid: i32) -> Option<Leader> {
    let stat = Stat::of(pid).filter(|stat| stat.group == pid)?;
    let start = stat.start;
    Some(Leader { pid, start })
}

/// Whether a launch's leader has ended and nobody has taken notice yet.
pub(in crate::process) fn is_unnoticed(leader: Leader) -> bool {
    let stat = Stat::of(leader.pid).filter(|stat| !stat.lives);
    stat.is_some_and(|stat| stat.start == leader.start)
}

/// All processes at one moment, by what tells whose they are. Zombies are left out.
#[derive(Debug)]
pub(in crate::process) struct Table {
    by_group: HashMap<i32, Vec<i32>>,
    by_marks: HashMap<[String; 2], Vec<Leader>>,
}

impl Table {
    /// Looks at every process, which takes a few microseconds for each.
    pub(in crate::process) fn read() -> Self {
        let mut table = Self {
            by_group: HashMap::new(),
            by_marks: HashMap::new(),
        };
        for pid in processes() {
            let Some(stat) = Stat::of(pid).filter(|stat| stat.lives) else {
                continue;
            };
            table.by_group.entry(stat.group).or_default().push(pid);
            if let Some(marks) = marks_of(pid) {
                let start = stat.start;
                let marked = table.by_marks.entry(marks).or_default();
                marked.push(Leader { pid, start });
            }
        }
        table
    }

    /// The process that leads a launch, found by the environment that launches mark.
    pub(in crate::process) fn leader_of(&self, id: &LaunchId) -> Option<Leader> {
        self.leader_with(&mark(id))
    }

    /// The same by the marks.
    pub(in crate::process) fn leader_with(&self, marks: &[String; 2]) -> Option<Leader> {
        let mut marked = self.by_marks.get(marks)?.iter();
        marked.find(|one| self.is_in(one.pid, one.pid)).copied()
    }

    /// Processes of a launch whose leader is gone. A process belongs to it by its environment, which the launch marked. With
    /// `group` certain to be the launch's or proven so by a marked member, all members of it belong too; one with a leader
    /// is somebody else's by now, because no process gets the id of a group that has members.
    pub(in crate::process) fn survivors(
        &self,
        id: &LaunchId,
        group: Option<i32>,
        certain: bool,
    ) -> Vec<Pid> {
        let marked = self.by_marks.get(&mark(id)).into_iter().flatten();
        let mut pids: BTreeSet<_> = marked.map(|one| one.pid).collect();
        if let Some(group) = group
            && !self.is_in(group, group)
            && (certain || pids.iter().any(|pid| self.is_in(*pid, group)))
        {
            pids.extend(self.by_group.get(&group).into_iter().flatten());
        }
        pids.into_iter().map(Pid::from_raw).collect()
    }

    /// Those of `ids` that have processes.
    pub(in crate::process) fn running(&self, ids: Vec<LaunchId>) -> Vec<LaunchId> {
        let runs = |id: &LaunchId| self.by_marks.contains_key(&mark(id));
        ids.into_iter().filter(runs).collect()
    }

    fn is_in(&self, pid: i32, group: i32) -> bool {
        let members = self.by_group.get(&group);
        members.is_some_and(|members| members.contains(&pid))
    }
}

/// Whether a launch may have processes outside its leader's group, as daemons are. They have later ids than the leader. Those
/// that were given out since are few after a short trial, and are looked at one by one; after a longer one, or a wrap, the
/// answer is yes.
pub(in crate::process) fn may_have_strays(id: &LaunchId, leader: i32) -> bool {
    const FEW: i32 = 64;
    let Some(last) = last_pid().filter(|last| (0..FEW).contains(&(last - leader))) else {
        return true;
    };
    let marks = mark(id);
    (leader + 1..=last).any(|pid| may_be_marked(pid, &marks))
}

/// The process id that was given out last.
fn last_pid() -> Option<i32> {
    let load = std::fs::read_to_string("/proc/loadavg").ok()?;
    load.split_ascii_whitespace().next_back()?.parse().ok()
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What `/proc/PID/stat` says.
struct Stat {
    lives: bool,
    group: i32,
    start: u64,
}

impl Stat {
    fn of(pid: i32) -> Option<Self> {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
        let stat = String::from_utf8_lossy(&stat);
        // The name may hold anything, so count from its closing bracket: state, parent, group; the start is the 20th.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        Some(Self {
            lives: !matches!(state, "Z" | "X"),
            group: fields.nth(1)?.parse().ok()?,
            start: fields.nth(16)?.parse().ok()?,
        })
    }
}

/// Whether a launch has marked a process, as far as can be seen: while a process becomes another program it has no environment.
fn may_be_marked(pid: i32, marks: &[String; 2]) -> bool {
    match environment_of(pid) {
        Some(nothing) if nothing.is_empty() => Stat::of(pid).is_some_and(|stat| stat.lives),
        Some(environment) => marks_in(&environment).as_ref() == Some(marks),
        None => false,
    }
}

fn environment_of(pid: i32) -> Option<Vec<u8>> {
    std::fs::read(format!("/proc/{pid}/environ")).ok()
}

/// What a launch has put into a process's environment.
fn marks_of(pid: i32) -> Option<[String; 2]> {
    marks_in(&environment_of(pid)?)
}

fn marks_in(environment: &[u8]) -> Option<[String; 2]> {
    let entry = |name: &str| {
        let mut entries = environment.split(|byte| *byte == 0);
        let entry = entries.find(|entry| entry.starts_with(name.as_bytes()))?;
        String::from_utf8(entry.to_vec()).ok()
    };
    Some([entry("DIWAN_TRIAL_DIR=")?, entry("DIWAN_ATTEMPT=")?])
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn the_cheap_start_is_the_one_of_the_process_table() {
        let mut cheap = 0;
        for _ in 0..50 {
            let before = ticks();
            let mut child = Command::new("true").spawn().unwrap();
            let pid = i32::try_from(child.id()).unwrap();
            cheap += u32::from(ticks() == before);
            assert_eq!(start_of(pid, before), Some(Stat::of(pid).unwrap().start));
            child.wait().unwrap();
        }
        assert!(cheap > 0);
    }
}
