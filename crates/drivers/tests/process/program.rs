//! The tests' stand-in for `diwan`: a supervisor, or a Diwan that can be killed.
//!
//! `test-driver supervise`; `test-driver inherit`; `test-driver run ROOT COUNT`: runs the plans 0 to COUNT - 1 below ROOT, four at a time.

use std::error::Error;
use std::path::Path;

use diwan_core::record::ExperimentKey;
use diwan_drivers::{
    Conditions, Driver, ProcessDriver, SupervisorCommand, TrialPlan, inherit, supervise,
    trial_directory,
};
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["supervise"] => Ok(supervise()?),
        ["inherit"] => Ok(inherit(&SupervisorCommand::this_program(["supervise"])?)?),
        ["run", root, count] => run(Path::new(root), count.parse()?),
        _ => Err("expected supervise, inherit or run ROOT COUNT".into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run(root: &Path, count: u32) -> Result<(), Box<dyn Error>> {
    let driver = ProcessDriver::new(SupervisorCommand::this_program(["inherit"])?);
    for first in (0..count).step_by(4) {
        let plans: Vec<_> = (first..count.min(first + 4))
            .map(|number| plan(root, number))
            .collect();
        for plan in &plans {
            driver.start(plan).await?;
        }
        for plan in &plans {
            driver.ended(&plan.id()).await?;
        }
    }
    Ok(())
}

/// Writes a line of its own, so that the log tells how often it ran; ends with its number modulo 7.
fn plan(root: &Path, number: u32) -> TrialPlan {
    let experiment = ExperimentKey::new("default", "killed");
    let trial = format!("killed-{number}");
    let script = format!("echo ran; sleep 0.00{}; exit {}", number % 10, number % 7);
    let container = json!({"name": "main", "command": ["sh", "-c", script]});
    let manifest =
        json!({"kind": "Job", "spec": {"template": {"spec": {"containers": [container]}}}});
    TrialPlan {
        directory: trial_directory(root, &trial),
        experiment,
        trial,
        attempt: 1,
        source_directory: None,
        manifest: manifest.as_object().cloned().unwrap_or_default(),
        primary_container: "main".to_owned(),
        conditions: Conditions::default(),
    }
}
