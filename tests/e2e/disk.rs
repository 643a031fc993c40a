//! A disk that is full is waited for and loses nothing.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{Running, World, eventually, experiment};
use crate::kill::{check, script};

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

    /// Waits until it says that it waits for something.
    fn waits_for(&self, what: &str) {
        let said = |line: &str| line.starts_with("waiting: ") && line.contains(what);
        eventually("it says what it waits for", || {
            self.text().lines().any(said)
        });
    }
}

/// The database's file system has no more room while trials run; diwan is killed then, and run again when there is room.
#[test]
fn a_full_disk_is_waited_for_and_loses_nothing() {
    let world = World::new();
    let disk = Disk::mount(world.path("disk"));
    let database = disk.0.join("diwan.db");
    let world = world.with_database(&database);
    let ledger = world.path("ledger");
    let text = experiment("killed", 60, 2, &script(ledger.to_str().unwrap()));
    let file = world.file("killed.yaml", &text);
    let ran = || std::fs::read_to_string(&ledger).map_or(0, |text| text.lines().count());

    let mut told = Told::start(&world, &file);
    eventually("some trials have run", || ran() > 10);
    disk.fill();
    told.waits_for("the disk of the database is full");
    assert!(ran() < 60, "it could not finish");
    assert!(!told.run.has_ended(), "it waits");
    told.run.signal("KILL");
    told.run.code();
    let refused = world.run(["pause", "killed"]);
    assert_eq!(refused.code, 1);
    let hint = "hint: free space elsewhere on its file system";
    assert!(refused.stderr.contains(hint), "{}", refused.stderr);
    disk.free();

    let last = world.run(["run", file.to_str().unwrap(), "--quiet"]);
    assert_eq!(last.code, 0, "{}", last.stderr);
    check(&world, &ledger, 60);
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
    told.waits_for("No space left on device");
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
