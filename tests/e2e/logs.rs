//! Logs that outgrow their cap.

use std::fs::DirEntry;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::harness::{World, eventually, experiment};

/// Bytes that Diwan keeps of a log, beside as many that it has trimmed.
const CAP: u64 = 64 << 20;
/// Parts that the trial prints, each with a metric.
const PARTS: u64 = 10;
/// Bytes of a part.
const PART: u64 = 24 << 20;

/// Bytes on disk of the files in a directory, and below it, with this in their names.
fn used(directory: &Path, name: &str) -> u64 {
    // A file may go while it is looked at.
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let bytes = |entry: DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => used(&entry.path(), name),
        Ok(found) if entry.file_name().to_string_lossy().contains(name) => found.blocks() * 512,
        _ => 0,
    };
    entries.map(bytes).sum()
}

/// Stdout is read for metrics and stderr is not. Some parts come while no Diwan runs: more than the cap.
#[test]
fn a_trial_that_prints_without_end_fills_no_disk_and_loses_no_metric() {
    let world = World::new();
    let script = format!(
        "cd {}; for part in 1 2 3 4 5 6 7 8 9 10; do until [ -e go-$part ]; do sleep 0.02; done; echo score=0.$part; \
         head -c {PART} /dev/zero | tr '\\0' x | fold -w 4000 | tee -a /dev/stderr; echo; touch printed-$part; done",
        world.path("").display()
    );
    let file = world.file("loud.yaml", &experiment("loud", 1, 1, &script));
    let file = file.to_str().unwrap();
    let trials = world.path("trials");
    let print = |part: u64| {
        world.file(&format!("go-{part}"), "");
        let printed = world.path(&format!("printed-{part}"));
        eventually("a part is printed", || printed.exists());
    };
    let is_bounded = || ["stdout", "stderr"].map(|log| used(&trials, log) <= 2 * CAP + (1 << 20));

    let mut run = world.start(["run", file]);
    for part in 1..=4 {
        print(part);
        eventually("logs are trimmed", || is_bounded() == [true, true]);
    }
    run.signal("KILL");
    run.code();
    (5..=8).for_each(print);
    assert_eq!(is_bounded(), [false, false], "nobody is there to trim them");
    let mut run = world.start(["run", file]);
    eventually("logs are trimmed", || is_bounded() == [true, true]);
    (9..=PARTS).for_each(print);
    assert_eq!(run.code(), 0);

    assert_eq!(is_bounded(), [true, true]);
    let trial = world.run(["get", "trials", "-o", "name"]).stdout;
    let told = world.run(["explain", trial.trim()]).stdout;
    assert!(told.contains("metrics: 10 values\n"), "{told}");
    for part in 1..=PARTS {
        let line = format!("  score = 0.{part}  from stdout, byte ");
        assert_eq!(told.matches(&line).count(), 1, "{told}");
    }
}
