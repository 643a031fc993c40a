//! Trials of `true`, two at a time, beside `xargs -P2`; and the memory of very many.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::experiment::experiment;
use crate::{Effort, median};

pub(crate) fn measure(effort: Effort) {
    let (rounds, trials, many) = effort.of((5, 1000, 10_000), (1, 10, 20));
    let directory = crate::directory();
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        theirs.push(xargs(trials).as_secs_f64());
        ours.push(
            diwan(directory.path(), &format!("round-{round}"), trials)
                .0
                .as_secs_f64(),
        );
    }
    let ratios: Vec<f64> = ours
        .iter()
        .zip(&theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect();
    println!("{trials} trials of `true`, 2 at a time, {rounds} rounds (medians)");
    println!("  xargs -P2  {:.2} s", median(theirs));
    println!("  diwan run  {:.2} s", median(ours));
    println!("  ratio      {:.2}", median(ratios));
    let (time, peak) = diwan(directory.path(), "many", many);
    println!(
        "{many} trials: {:.1} s, at most {:.1} MB resident",
        time.as_secs_f64(),
        peak
    );
}

fn xargs(count: u64) -> Duration {
    let begun = now();
    let script = format!("seq {count} | xargs -P2 -I{{}} true");
    assert!(
        Command::new("sh")
            .args(["-c", &script])
            .status()
            .expect("xargs runs")
            .success()
    );
    begun.elapsed()
}

/// How long it takes, and the most memory it has, in MB.
fn diwan(directory: &Path, name: &str, count: u64) -> (Duration, f64) {
    let file = directory.join(format!("{name}.yaml"));
    std::fs::write(&file, experiment(name, 2, count)).expect("the file is written");
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_diwan"));
        command
            .arg("--db")
            .arg(directory.join(format!("{name}.db")))
            .args(arguments);
        command
    };
    let begun = now();
    let mut child = command(&["run", "--quiet", "-o", "name"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("diwan starts");
    let mut peak = 0.0;
    while child.try_wait().expect("diwan is there").is_none() {
        peak = f64::max(peak, peak_memory(child.id()));
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let took = begun.elapsed();
    let told = command(&["get", "experiments", name, "-o", "json"]).output();
    let told = String::from_utf8(told.expect("diwan runs").stdout).expect("text");
    // `true` reports no score.
    let all = format!("\"trialMetricsUnavailable\": {count}");
    assert!(told.contains(&all), "all trials have run: {told}");
    (took, peak)
}

/// The most resident memory that a process ever had, in MB; 0 where the system does not say.
fn peak_memory(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) / 1024.0
}

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn now() -> Instant {
    Instant::now()
}
