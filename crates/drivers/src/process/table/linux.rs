//! The process table as `/proc` shows it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::Pid;

use super::super::prepare::mark;
use super::super::wrapper::DIRECTORY_ARGUMENT;
use crate::launch::LaunchId;

/// Whether process `pid` leads the launch whose attempt directory this is. A recycled process id has another command line,
/// a zombie has none.
pub(in crate::process) fn leads(pid: i32, directory: &Path) -> bool {
    let Ok(line) = std::fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let argument = line.split(|byte| *byte == 0).nth(DIRECTORY_ARGUMENT);
    argument.is_some_and(|argument| is_same(Path::new(OsStr::from_bytes(argument)), directory))
}

/// The same directory, perhaps by another path.
fn is_same(one: &Path, other: &Path) -> bool {
    if one == other {
        return true;
    }
    let same_name = one.file_name() == other.file_name();
    let place = |path: &Path| path.metadata().map(|data| (data.dev(), data.ino())).ok();
    same_name && place(one).is_some_and(|one| Some(one) == place(other))
}

/// The process that leads the launch of an attempt directory, if there is one.
pub(in crate::process) fn leader_of(directory: &Path) -> Option<i32> {
    processes().find(|pid| leads(*pid, directory))
}

/// Processes of a launch whose leader is gone. A process belongs to it by its environment, which the launch marked. With
/// `group` certain to be the launch's or proven so by a marked member, all members of it belong too. Zombies don't count.
pub(in crate::process) fn survivors(id: &LaunchId, group: i32, certain: bool) -> Vec<Pid> {
    let marks = mark(id);
    let found: Vec<_> = processes()
        .filter_map(|pid| {
            let in_group = live_group(pid)? == group;
            let marked = is_marked(pid, &marks);
            (in_group || marked).then_some((pid, in_group, marked))
        })
        .collect();
    let ours = certain
        || found
            .iter()
            .any(|(_, in_group, marked)| *in_group && *marked);
    let belongs = found.into_iter().filter(|(_, _, marked)| *marked || ours);
    belongs.map(|(pid, ..)| Pid::from_raw(pid)).collect()
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The process group of a process that is not dead.
fn live_group(pid: i32) -> Option<i32> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name may hold anything, so count from its closing bracket: state, parent, group.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    let group = fields.nth(1)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(group)
}

fn is_marked(pid: i32, marks: &[String; 2]) -> bool {
    let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else {
        return false;
    };
    let has = |mark: &String| {
        environment
            .split(|byte| *byte == 0)
            .any(|entry| entry == mark.as_bytes())
    };
    marks.iter().all(has)
}
