//! What happens to the database's file while it is in use.

use std::process::Stdio;

use crate::harness::{Ran, Running, World, eventually, experiment};

/// A run that cannot end by itself soon, and what it prints.
fn start(world: &World) -> Running {
    let ledger = world.path("ledger");
    let script = format!("echo >> {}; echo score=$X; sleep 0.1", ledger.display());
    let file = world.file("many.yaml", &experiment("many", 5000, 2, &script));
    let mut command = world.diwan(["run", file.to_str().unwrap(), "--quiet"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = Running(command.spawn().unwrap());
    eventually("some trials have run", || {
        std::fs::read_to_string(&ledger).is_ok_and(|text| text.lines().count() > 5)
    });
    running
}

fn ended(mut running: Running) -> Ran {
    running.code();
    let (stdout, stderr) = (running.0.stdout.take(), running.0.stderr.take());
    Ran {
        code: running.code(),
        stdout: std::io::read_to_string(stdout.unwrap()).unwrap(),
        stderr: std::io::read_to_string(stderr.unwrap()).unwrap(),
    }
}

fn expect_refusal(world: &World, ran: &Ran, how: &str) {
    let told = format!(
        "error: the database {} was {how} while it was in use\nhint: put the file back",
        world.path("diwan.db").display()
    );
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_run_whose_database_is_deleted_fails_and_says_so() {
    let world = World::new();
    let run = start(&world);
    for name in ["diwan.db", "diwan.db-wal", "diwan.db-shm"] {
        std::fs::remove_file(world.path(name)).unwrap();
    }
    expect_refusal(&world, &ended(run), "deleted or moved away");
    assert!(!world.path("diwan.db").exists(), "it made no other one");
}

#[test]
fn a_run_whose_database_is_replaced_fails_and_leaves_the_new_one_alone() {
    let world = World::new();
    let run = start(&world);
    // At once, so that it never finds none.
    let other = world.file("other.db", "");
    std::fs::rename(other, world.path("diwan.db")).unwrap();
    expect_refusal(&world, &ended(run), "replaced by another file");
    assert_eq!(std::fs::read(world.path("diwan.db")).unwrap(), b"");
}

#[test]
fn a_named_database_that_is_made_is_told_once() {
    let world = World::new();
    let file = world.file("case.yaml", &experiment("case", 1, 1, "echo score=$X"));
    let run = || world.run(["run", file.to_str().unwrap()]).stderr;
    let told = format!("made database {}\n", world.path("diwan.db").display());
    let first = run();
    assert!(first.starts_with(&told), "{first}");
    let again = run();
    assert!(!again.contains("made database"), "{again}");
}
