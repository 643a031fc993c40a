//! `diwan validate FILE`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use diwan_algorithms::registry;
use diwan_collect::{ExplainedLine, Explanation, Reading, explain, told_cut};
use diwan_core::problem::Problem;
use diwan_core::resources::Experiment;

use super::file::Source;
use crate::Exit;
use crate::cli::Global;
use crate::failure::{Failure, located};
use crate::output::{print_line, values};

/// Check a file, and what a sample log would report, before anything is spent
///
/// Prints every problem with its line and column; exit code 2 when there is one.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The files; - reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Show which lines of this sample of a trial's output would become which metrics; - reads standard input
    #[arg(long, value_name = "SAMPLE")]
    log: Option<PathBuf>,
}

/// Characters shown of a line.
const EXCERPT: usize = 500;

/// Katib's algorithms. A file may name one that is not built in: a service can have it.
const OF_KATIB: [&str; 11] = [
    "bayesianoptimization",
    "cmaes",
    "darts",
    "enas",
    "grid",
    "hyperband",
    "multivariate-tpe",
    "pbt",
    "random",
    "sobol",
    "tpe",
];

pub(crate) fn run(arguments: &Arguments, global: &Global) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    let sample = arguments
        .log
        .as_deref()
        .map(|log| Sample::read(log, &arguments.files))
        .transpose()?;
    let services = global.services();
    for file in &arguments.files {
        match check(file, &services) {
            Ok((source, experiments)) => {
                let obstacles = source.obstacles(&experiments, Path::new("/"));
                for (experiment, obstacles) in experiments.iter().zip(obstacles) {
                    print_line(&format!(
                        "{}: experiment {} is valid",
                        source.path, experiment.metadata.name
                    ))?;
                    warn_of(&source, experiment, &obstacles);
                    if let Some(sample) = &sample {
                        exit = exit_of(exit, explain_log(experiment, sample)?);
                    }
                }
            }
            Err(failure) => {
                eprint!("{failure}");
                exit = Exit::Usage;
            }
        }
    }
    Ok(exit)
}

/// A file that is valid for a cluster may hold what this machine cannot run.
fn warn_of(source: &Source, experiment: &Experiment, obstacles: &[Problem]) {
    if obstacles.is_empty() {
        return;
    }
    eprintln!(
        "{}: experiment {} is for a cluster; this machine cannot run it:",
        source.path, experiment.metadata.name
    );
    for obstacle in obstacles {
        eprintln!("{}", located(&source.path, obstacle));
    }
}

fn exit_of(so_far: Exit, metrics_found: bool) -> Exit {
    if metrics_found { so_far } else { Exit::Failed }
}

fn check(file: &Path, services: &[String]) -> Result<(Source, Vec<Experiment>), Failure> {
    let source = Source::read(file)?;
    let experiments = source.experiments(services, &OF_KATIB)?;
    for experiment in &experiments {
        let algorithm = experiment.spec.algorithm.as_ref();
        let name = algorithm.map_or("", |algorithm| &algorithm.algorithm_name);
        if registry::find(name).is_err() && !services.iter().any(|service| service == name) {
            eprintln!(
                "{}: {name} is not built in; name a service that has it with --suggestion-service {name}=URL",
                source.path
            );
        }
    }
    Ok((source, experiments))
}

/// What a trial might have written.
struct Sample {
    /// The path as it was given.
    path: String,
    bytes: Vec<u8>,
}

impl Sample {
    /// Reads a file; `-` is standard input, which none of the other `files` can be then.
    fn read(path: &Path, files: &[PathBuf]) -> Result<Self, Failure> {
        let is_input = path.as_os_str() == "-";
        if is_input && files.iter().any(|file| file.as_os_str() == "-") {
            return Err(
                Failure::usage("standard input cannot be the experiment and the log")
                    .hint("name a file for one of them"),
            );
        }
        let mut sample = Self {
            path: path.display().to_string(),
            bytes: Vec::new(),
        };
        let read = if is_input {
            std::io::stdin().read_to_end(&mut sample.bytes).map(drop)
        } else {
            std::fs::read(path).map(|bytes| sample.bytes = bytes)
        };
        match read {
            Ok(()) => Ok(sample),
            Err(error) => Err(sample.unreadable(&error)),
        }
    }

    fn unreadable(&self, error: &dyn std::error::Error) -> Failure {
        Failure::usage(format!("cannot read {} as a trial's output", self.path)).cause(error)
    }
}

/// Whether the objective was found.
fn explain_log(experiment: &Experiment, sample: &Sample) -> Result<bool, Failure> {
    let spec = experiment
        .spec
        .metrics_collector_spec
        .clone()
        .unwrap_or_default();
    let objective = experiment.spec.objective.clone().unwrap_or_default();
    let explanation = explain(&spec, &objective, sample.bytes.as_slice())
        .map_err(|error| sample.unreadable(&error))?;
    print(&explanation)?;
    let found = explanation
        .totals
        .iter()
        .any(|total| total.metric == objective.objective_metric_name && total.count > 0);
    if !found {
        eprintln!(
            "error: the objective {} is not in the sample; such a trial would end without metrics",
            objective.objective_metric_name
        );
    }
    Ok(found)
}

/// A line for people, cut short when long.
fn excerpt(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// When a line says that it happened, or that this cannot be read.
fn time(line: &ExplainedLine) -> String {
    let read = line.readings.first().and_then(Reading::time);
    match (read, &line.unread_time) {
        (Some(time), _) => format!(" (at {time})"),
        (None, Some(text)) => {
            format!(" (its time {text:?} cannot be read; write it like 2026-11-21T10:00:00Z)")
        }
        (None, None) => String::new(),
    }
}

fn print(explanation: &Explanation) -> Result<(), Failure> {
    for line in &explanation.matched {
        let readings: Vec<String> = line
            .readings
            .iter()
            .map(|reading| {
                let step = reading
                    .step
                    .map(|step| format!(" at step {step}"))
                    .unwrap_or_default();
                format!("{}={}{step}", reading.metric, reading.value)
            })
            .collect();
        print_line(&format!(
            "line {}: {}{}  <- {}",
            line.number,
            readings.join(", "),
            time(line),
            excerpt(&line.text)
        ))?;
    }
    for line in &explanation.missed {
        let mut why: Vec<String> = line
            .misses
            .iter()
            .map(|miss| format!("{}: {}", miss.metric, miss.why))
            .collect();
        why.extend(line.bad.clone());
        print_line(&format!(
            "line {}: nothing ({})  <- {}",
            line.number,
            why.join("; "),
            excerpt(&line.text)
        ))?;
    }
    for total in &explanation.totals {
        let nearest = total
            .nearest
            .as_ref()
            .map(|name| format!("; the sample has {name}"))
            .unwrap_or_default();
        print_line(&format!(
            "{}: {}{nearest}",
            total.metric,
            values(total.count)
        ))?;
    }
    if let Some(told) = told_cut(explanation.stats.cut) {
        print_line(&told)?;
    }
    Ok(())
}
