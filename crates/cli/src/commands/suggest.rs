//! `diwan suggest FILE`: the optimizer as one step of anybody's workflow.

use std::path::{Path, PathBuf};

use clap::Args;
use diwan_algorithms::algorithm::{More, SuggestError};
use diwan_algorithms::registry;
use diwan_algorithms::study::{Report, Study, StudySpec};
use diwan_core::engine::{Objective, objective_value};
use diwan_core::record::TrialState;
use diwan_core::resources::{Experiment, Trial};
use serde::Deserialize;
use serde_json::{Value, json};

use super::file::Source;
use crate::Exit;
use crate::failure::Failure;
use crate::output::{Format, Rows, print_json, print_line, print_yaml};

/// Nothing is stored: the same file and history give the same points.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// An experiment; - reads standard input
    file: PathBuf,
    /// Trials so far: a Trial, a list of them as `diwan get trials -o json` prints, or one a line as `diwan export -o json`
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// How many points
    #[arg(long, short, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// How to print
    #[arg(long, short, value_enum, default_value_t = Format::Json)]
    output: Format,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let experiment = Source::read(&arguments.file)?.experiment(&[])?;
    let spec =
        StudySpec::of(&experiment.spec, 0).map_err(|error| refused(&experiment, &error.into()))?;
    let trials = arguments
        .history
        .as_deref()
        .map(read_history)
        .transpose()?
        .unwrap_or_default();
    let reports: Vec<Report> = trials
        .iter()
        .map(|trial| report(&experiment, trial))
        .collect();
    let study = Study::of(spec, None, reports);
    if study.misfits > 0 {
        eprintln!(
            "warning: {} trials of the history are outside the search space and were left out",
            study.misfits
        );
    }
    let count = usize::try_from(arguments.count).unwrap_or(usize::MAX);
    let suggested =
        registry::suggest(&study, count).map_err(|error| refused(&experiment, &error))?;
    let points: Vec<Value> = suggested
        .points
        .iter()
        .map(|point| json!({"name": point.name, "parameterAssignments": point.assignments, "labels": point.labels}))
        .collect();
    let (state, why) = match &suggested.more {
        More::Yes => ("ready", None),
        More::NotYet { why } => ("waiting", Some(why)),
        More::Exhausted => ("exhausted", None),
    };
    let document = json!({"suggestions": points, "algorithmSettings": suggested.settings, "state": state, "why": why});
    match arguments.output {
        Format::Json => print_json(&document)?,
        Format::Yaml => print_yaml(&document)?,
        Format::Name => suggested
            .points
            .iter()
            .filter_map(|point| point.name.as_ref())
            .try_for_each(|name| print_line(name))?,
        Format::Csv | Format::Table | Format::Wide => {
            let names: Vec<&str> = experiment
                .spec
                .parameters
                .iter()
                .map(|parameter| parameter.name.as_str())
                .collect();
            let mut rows = Rows::new(&names);
            rows.rows = suggested
                .points
                .iter()
                .map(|point| {
                    point
                        .assignments
                        .iter()
                        .map(|one| one.value.clone())
                        .collect()
                })
                .collect();
            if arguments.output == Format::Csv {
                rows.print_csv()?
            } else {
                rows.print_table()?
            }
        }
    }
    if suggested.more == More::Exhausted {
        eprintln!("the search is exhausted: there are no more points");
    }
    Ok(Exit::Done)
}

fn refused(experiment: &Experiment, error: &SuggestError) -> Failure {
    Failure::usage(format!(
        "the optimizer refuses experiment {}",
        experiment.metadata.name
    ))
    .cause(error)
}

/// A list, one trial, or one a line.
fn read_history(path: &Path) -> Result<Vec<Trial>, Failure> {
    let cannot = |cause: String| {
        Failure::usage(format!("cannot read the history {}", path.display())).cause(cause)
    };
    let text = std::fs::read_to_string(path).map_err(|error| cannot(error.to_string()))?;
    let mut trials = Vec::new();
    for document in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        let document = document.map_err(|error| cannot(error.to_string()))?;
        let items = match document {
            Value::Array(items) => items,
            Value::Object(mut object) => match object.remove("items") {
                Some(Value::Array(items)) => items,
                _ => vec![Value::Object(object)],
            },
            other => return Err(cannot(format!("expected a Trial, found {other}"))),
        };
        for item in items {
            trials.push(Trial::deserialize(item).map_err(|error| cannot(error.to_string()))?);
        }
    }
    Ok(trials)
}

fn report(experiment: &Experiment, trial: &Trial) -> Report {
    let status = trial.status.as_ref();
    let last = status.and_then(|status| status.conditions.last());
    let state = last.and_then(|last| {
        TrialState::ALL
            .into_iter()
            .find(|state| state.condition() == last.kind)
    });
    let mut report = Report::new(
        trial.spec.parameter_assignments.clone(),
        state.unwrap_or(TrialState::Pending),
    );
    report.name.clone_from(&trial.metadata.name);
    report.labels.clone_from(&trial.spec.labels);
    let observation = status.and_then(|status| status.observation.as_ref());
    if let Some(objective) = &experiment.spec.objective
        && let Objective::Number(value) = objective_value(objective, observation)
    {
        report.value = Some(value);
    }
    report
}
