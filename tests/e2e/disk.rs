//! A disk that is full is waited for and loses nothing.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Running, World, eventually, experiment};
use crate::kill::{Dice, check, script};

/// What a run says of a database that has no more room.
const FULL: &str = "the disk of the database is full";

/// A small file system of its own.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: PathBuf) -> Self {
        std::fs::create_dir(&path).unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"])
            .arg(&path)
            .status()
            .unwrap();
        assert!(
            mount.success(),
            "this test mounts a small file system; it needs root"
        );
        Self(path)
    }

    /// Leaves no room for anything.
    fn fill(&self) {
        for block in ["64k", "512"] {
            let ballast = format!("of={}", self.0.join(format!("ballast-{block}")).display());
            let written = Command::new("dd")
                .args(["if=/dev/zero", &format!("bs={block}"), &ballast])
                .output()
                .unwrap();
            assert!(!written.status.success(), "it is full");
        }
    }

    fn free(&self) {
        for block in ["64k", "512"] {
            std::fs::remove_file(self.0.join(format!("ballast-{block}"))).unwrap();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A run, and what it says.
struct Told {
    run: Running,
    path: PathBuf,
}

impl Told {
    fn start(world: &World, file: &Path) -> Self {
        let path = world.path("told");
        let mut command = world.diwan(["run", file.to_str().unwrap()]);
        command
            .stdout(Stdio::null())
            .stderr(File::create(&path).unwrap());
        let run = Running(command.spawn().unwrap());
        Self { run, path }
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.path).unwrap()
    }

    /// Whether it has said that it waits for something.
    fn waits(&self, what: &str) -> bool {
        let said = |line: &str| line.starts_with("waiting: ") && line.contains(what);
        self.text().lines().any(said)
    }
}

/// The database's file system has no more room while trials run. Diwan is killed at a random moment of that: when the disk
/// has just become full, while it waits, or when there is room again.
#[test]
fn a_run_killed_on_a_full_disk_twenty_times_loses_and_doubles_nothing() {
    let world = World::new();
    let disk = Disk::mount(world.path("disk"));
    let database = disk.0.join("diwan.db");
    let world = world.with_database(&database);
    let ledger = world.path("ledger");
    let text = experiment("killed", 200, 4, &script(ledger.to_str().unwrap()));
    let file = world.file("killed.yaml", &text);
    let launches = || std::fs::read_to_string(&ledger).map_or(0, |text| text.lines().count());
    let mut dice = Dice(42);
    let mut waited = 0;
    for _ in 0..20 {
        let mut told = Told::start(&world, &file);
        let moment = launches() + 1 + dice.below(4);
        eventually("the disk becomes full", || launches() >= moment);
        disk.fill();
        let kind = dice.below(3);
        if kind > 0 {
            // SQLite's log has room of its own after a checkpoint: the run may go on for a while.
            let moment = launches() + 8;
            eventually("it waits or goes on", || {
                launches() >= moment || told.waits(FULL)
            });
        }
        waited += u32::from(told.waits(FULL));
        let is_freed = kind == 2;
        if is_freed {
            disk.free();
            let moment = launches() + dice.below(4);
            eventually("the moment of the kill", || launches() >= moment);
        }
        assert!(!told.run.has_ended(), "killed before it is done");
        told.run.signal("KILL");
        told.run.code();
        if !is_freed {
            disk.free();
        }
    }
    assert!(waited > 5, "it waited {waited} times");
    let last = world.run(["run", file.to_str().unwrap(), "--quiet"]);
    assert_eq!(last.code, 0, "{}", last.stderr);
    check(&world, &ledger, 200);
}

#[test]
fn what_a_command_cannot_write_on_a_full_disk_it_says() {
    let world = World::new();
    let disk = Disk::mount(world.path("disk"));
    let world = world.with_database(&disk.0.join("diwan.db"));
    let ledger = world.path("ledger");
    let text = experiment("full", 200, 4, &script(ledger.to_str().unwrap()));
    let mut told = Told::start(&world, &world.file("full.yaml", &text));
    eventually("a trial has run", || ledger.exists());
    disk.fill();
    eventually("it waits", || told.waits(FULL));
    let refused = world.run(["pause", "full"]);
    assert_eq!(refused.code, 1);
    let hint = "hint: free space elsewhere on its file system";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    disk.free();
    told.run.signal("TERM");
    assert_eq!(told.run.code(), 5);
}

/// The trials' file system has no more room. Those that run may fail for it, but none is started that could not even write
/// down that it was; they start by themselves when there is room.
#[test]
fn full_logs_are_told_and_waited_for() {
    let world = World::new();
    let disk = Disk::mount(world.path("trials"));
    let ledger = world.path("ledger");
    let script = format!("set -e; {}", script(ledger.to_str().unwrap()));
    let file = world.file("full.yaml", &experiment("full", 40, 2, &script));
    let ended = || {
        world.status("full")["trialsSucceeded"]
            .as_u64()
            .unwrap_or(0)
    };

    let mut told = Told::start(&world, &file);
    eventually("the experiment is there", || {
        world.run(["get", "experiments", "full"]).code == 0
    });
    eventually("some trials have ended", || ended() > 5);
    disk.fill();
    eventually("it says what it waits for", || {
        told.waits("No space left on device")
    });
    assert!(!told.run.has_ended());
    let recorded: Vec<Value> = world
        .trials("full")
        .into_iter()
        .filter(|trial| trial["status"]["completionTime"].is_string())
        .collect();
    disk.free();
    assert_eq!(told.run.code(), 0, "{}", told.text());

    let trials = world.trials("full");
    assert!(
        recorded.iter().all(|trial| trials.contains(trial)),
        "what was recorded before is unchanged"
    );
    let status = world.status("full");
    let count = |state: &str| status[state].as_u64().unwrap_or(0);
    assert_eq!(
        (
            trials.len(),
            count("trialsSucceeded") + count("trialsFailed")
        ),
        (40, 40),
        "{status}"
    );
    let ledger = std::fs::read_to_string(&ledger).unwrap();
    let names: HashSet<&str> = ledger.lines().collect();
    assert_eq!(
        (ledger.lines().count(), names.len()),
        (40, 40),
        "each ran once"
    );
}
