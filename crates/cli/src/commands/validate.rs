//! `diwan validate FILE`.

use std::path::PathBuf;

use clap::Args;
use diwan_algorithms::registry;
use diwan_algorithms::study::StudySpec;
use diwan_collect::{Explanation, explain};
use diwan_core::resources::Experiment;

use super::file::Source;
use crate::Exit;
use crate::cli::Global;
use crate::failure::Failure;
use crate::output::{print_line, values};

/// Prints every problem with its line and column; exit code 2 when there is one.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The files; - reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Show which lines of this sample of a trial's output would become which metrics
    #[arg(long, value_name = "SAMPLE")]
    log: Option<PathBuf>,
}

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
    let services: Vec<String> = global
        .suggestion_services
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    for file in &arguments.files {
        match check(file, &services) {
            Ok((source, experiments)) => {
                for experiment in experiments {
                    print_line(&format!(
                        "{}: experiment {} is valid",
                        source.path, experiment.metadata.name
                    ))?;
                    if let Some(log) = &arguments.log {
                        exit = exit_of(exit, explain_log(&experiment, log)?);
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

fn exit_of(so_far: Exit, metrics_found: bool) -> Exit {
    if metrics_found { so_far } else { Exit::Failed }
}

fn check(
    file: &std::path::Path,
    services: &[String],
) -> Result<(Source, Vec<Experiment>), Failure> {
    let source = Source::read(file)?;
    let foreign: Vec<String> = services
        .iter()
        .cloned()
        .chain(OF_KATIB.map(str::to_owned))
        .collect();
    let experiments = source.experiments(&foreign)?;
    for experiment in &experiments {
        let algorithm = experiment
            .spec
            .algorithm
            .as_ref()
            .map_or("", |algorithm| &algorithm.algorithm_name);
        if services.iter().any(|name| name == algorithm) {
            continue;
        }
        let Ok(built_in) = registry::find(algorithm) else {
            eprintln!(
                "{}: {algorithm} is not built in; name a service that has it with --suggestion-service {algorithm}=URL",
                source.path
            );
            continue;
        };
        if experiment.spec.nas_config.is_none() {
            StudySpec::of(&experiment.spec, 0)
                .and_then(|spec| built_in.validate(&spec))
                .map_err(|problems| Failure::of_file(&source.path, &problems))?;
        }
    }
    Ok((source, experiments))
}

/// Whether the objective was found.
fn explain_log(experiment: &Experiment, log: &std::path::Path) -> Result<bool, Failure> {
    let cannot = |error: &dyn std::error::Error| {
        Failure::usage(format!("cannot read {} as a trial's output", log.display())).cause(error)
    };
    let sample = std::fs::read(log).map_err(|error| cannot(&error))?;
    let spec = experiment
        .spec
        .metrics_collector_spec
        .clone()
        .unwrap_or_default();
    let objective = experiment.spec.objective.clone().unwrap_or_default();
    let explanation =
        explain(&spec, &objective, sample.as_slice()).map_err(|error| cannot(&error))?;
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
            "line {}: {}  <- {}",
            line.number,
            readings.join(", "),
            line.text.trim()
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
            line.text.trim()
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
    Ok(())
}
