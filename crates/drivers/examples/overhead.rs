//! Time of 1,000 trials of `true`, two at a time, beside that of `xargs -P2` for the same.
//!
//! `cargo run --release -p diwan-drivers --example overhead`

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diwan_core::record::ExperimentKey;
use diwan_drivers::{
    Driver, DriverError, End, ProcessDriver, SupervisorCommand, TrialPlan, supervise,
    trial_directory,
};
use serde_json::json;
use tokio::time::Instant;

const TRIALS: u32 = 1000;
const AT_ONCE: usize = 2;
const ROUNDS: usize = 5;

/// As its only argument this makes the program its own supervisor.
const SUPERVISE: &str = "supervise";

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        Some(SUPERVISE) => Ok(supervise()?),
        _ => compare(),
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn compare() -> Result<(), Box<dyn Error>> {
    // Removed at the very end: ext4 is slow to make files for seconds after many were removed.
    let root = tempfile::tempdir()?;
    for round in 1..=ROUNDS {
        let xargs = xargs()?;
        let driver = trials(&root.path().join(round.to_string())).await?;
        let ratio = driver.as_secs_f64() / xargs.as_secs_f64();
        println!("round {round}: xargs {xargs:.2?}, driver {driver:.2?}, ratio {ratio:.2}");
    }
    Ok(())
}

fn xargs() -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let command = format!("seq {TRIALS} | xargs -P{AT_ONCE} -I{{}} true");
    let status = Command::new("sh")
        .args(["-c", &command])
        .stdin(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("{command}: {status}").into());
    }
    Ok(start.elapsed())
}

async fn trials(root: &Path) -> Result<Duration, Box<dyn Error>> {
    let supervisor = SupervisorCommand::this_program([SUPERVISE])?;
    let driver = Arc::new(ProcessDriver::new(supervisor));
    let next = Arc::new(AtomicU32::new(0));
    let start = Instant::now();
    let workers: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (driver, next) = (Arc::clone(&driver), Arc::clone(&next));
            let root = root.to_owned();
            tokio::spawn(async move { work(&driver, &next, &root).await })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    Ok(start.elapsed())
}

async fn work(driver: &ProcessDriver, next: &AtomicU32, root: &Path) -> Result<(), DriverError> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= TRIALS {
            return Ok(());
        }
        let plan = plan(root, number);
        driver.start(&plan).await?;
        let end = driver.ended(&plan.id()).await?;
        assert_eq!(end, End::Succeeded);
        driver.forget(&plan.id()).await?;
    }
}

fn plan(root: &Path, number: u32) -> TrialPlan {
    let experiment = ExperimentKey::new("default", "overhead");
    let trial = format!("overhead-{number}");
    let manifest = json!({"kind": "Job", "spec": {"template": {"spec": {"containers": [{"name": "main", "command": ["true"]}]}}}});
    TrialPlan {
        directory: trial_directory(root, &experiment, &trial),
        experiment,
        trial,
        attempt: 1,
        source_directory: None,
        manifest: manifest.as_object().cloned().unwrap_or_default(),
        primary_container: "main".to_owned(),
    }
}
