//! A real Diwan, killed at random moments.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use diwan_core::record::ExperimentKey;
use diwan_drivers::{Driver, End, LaunchId, trial_directory};
use tokio::time::sleep;

use crate::support::{PROGRAM, Place, driver, stdout};

const TRIALS: u32 = 200;
const KILLS: u64 = 40;

fn launch(root: &Path, number: u32) -> LaunchId {
    let experiment = ExperimentKey::new("default", "killed");
    let trial = format!("killed-{number}");
    LaunchId {
        directory: trial_directory(root, &experiment, &trial),
        experiment,
        trial,
        attempt: 1,
    }
}

fn run(root: &Path) -> std::process::Child {
    let mut command = Command::new(PROGRAM);
    command.arg("run").arg(root).arg(TRIALS.to_string());
    command.stdin(Stdio::null()).spawn().expect("it starts")
}

/// Every launch happens once and its end is known, whenever Diwan dies.
#[tokio::test]
async fn every_launch_happens_once_and_its_end_is_known() {
    let place = Place::new();
    for round in 0..KILLS {
        let mut diwan = run(place.root());
        sleep(Duration::from_micros(round * 7919 % 60_000)).await;
        diwan.kill().unwrap();
        diwan.wait().unwrap();
    }
    assert!(run(place.root()).wait().unwrap().success());
    let driver = driver();
    for number in 0..TRIALS {
        let id = launch(place.root(), number);
        let end = match number % 7 {
            0 => End::Succeeded,
            code => End::Failed(format!("exit code {code}")),
        };
        assert_eq!(driver.ended(&id).await.unwrap(), end, "{id}");
        assert_eq!(stdout(&id), "ran\n", "{id}");
    }
}
