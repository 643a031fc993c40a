//! A real Diwan, killed at random moments.

use std::path::Path;
use std::process::{Command, Stdio};

use diwan_core::record::ExperimentKey;
use diwan_drivers::{Driver, End, LaunchId, trial_directory};

use crate::support::{PROGRAM, Place, at_once_when, driver, stdout};

const TRIALS: u32 = 200;
const KILLS: u32 = 40;

fn launch(root: &Path, number: u32) -> LaunchId {
    let experiment = ExperimentKey::new("default", "killed");
    let trial = format!("killed-{number}");
    LaunchId {
        directory: trial_directory(root, &trial),
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

/// How far a launch is: 0 before it is claimed, then the lines of its status file, up to 3.
fn progress(id: &LaunchId) -> Option<usize> {
    let status = std::fs::read_to_string(id.directory.join("attempt-1.status"));
    let lines = status.map_or(0, |text| text.lines().count());
    (lines > 0 || id.directory.exists()).then_some(lines)
}

/// Every launch happens once and its end is known, whenever Diwan dies.
#[tokio::test]
async fn every_launch_happens_once_and_its_end_is_known() {
    let place = Place::new();
    for round in 0..KILLS {
        let mut diwan = run(place.root());
        // Never a trial of the four that the kill before may have seen.
        let next = launch(place.root(), round * (TRIALS / KILLS));
        let wanted = Some(round as usize % 4);
        at_once_when("the moment of the kill", || progress(&next) >= wanted);
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
