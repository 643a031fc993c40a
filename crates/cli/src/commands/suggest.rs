//! `diwan suggest`: the optimizer as one step of anybody's workflow, or as another program's partner.

mod history;
mod stdio;

use std::path::{Path, PathBuf};

use clap::Args;
use diwan_algorithms::algorithm::{More, Suggested};
use diwan_algorithms::registry;
use diwan_algorithms::space::Space;
use diwan_algorithms::study::{Report, Study, StudySpec};
use diwan_core::engine::Point;
use diwan_core::record::{ExperimentRecord, Progress, TrialRecord};
use diwan_core::resources::Experiment;
use diwan_server::suggester::{KatibService, Next, SuggestError, Suggestions};
use serde_json::{Value, json};

use self::history::History;
use super::export::{LABELS, labels};
use super::file::Source;
use super::run::refused;
use crate::Exit;
use crate::cli::Global;
use crate::failure::Failure;
use crate::output::{Format, Rows, print_json, print_line, print_yaml};

/// Ask an optimizer once: history in, points out
///
/// Nothing is stored: the same file and history give the same points.
#[derive(Debug, Args)]
#[command(after_long_help = stdio::PROTOCOL)]
pub(crate) struct Arguments {
    /// An experiment; - reads standard input
    #[arg(required_unless_present = "stdio")]
    file: Option<PathBuf>,
    /// Serve one study to another program, a line of JSON on standard input a request; --help shows the requests
    #[arg(long, conflicts_with_all = ["file", "history", "count", "output"])]
    stdio: bool,
    /// Trials so far, as `diwan export` or `diwan get trials` writes them, as JSON or CSV; - reads standard input
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// How many points, at most
    #[arg(long, short, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// How to print
    #[arg(long, short, value_enum, default_value_t = Format::Json)]
    output: Format,
}

pub(crate) async fn run(arguments: &Arguments, global: &Global) -> Result<Exit, Failure> {
    let Some(file) = &arguments.file else {
        return stdio::run();
    };
    let is_input = |path: &Path| path.as_os_str() == "-";
    if is_input(file) && arguments.history.as_deref().is_some_and(is_input) {
        let both = "standard input cannot be the experiment and the history";
        return Err(Failure::usage(both).hint("name a file for one of them"));
    }
    let experiment = Source::read(file)?.experiment(&global.services())?;
    // The parameters of an architecture are its optimizer's alone.
    let space = Space::new(&experiment.spec.parameters).ok();
    let history = match &arguments.history {
        Some(path) => history::read(path, &experiment.spec, space.as_ref())?,
        None => History::default(),
    };
    let algorithm = experiment.spec.algorithm.as_ref();
    let name = algorithm.map_or("", |algorithm| &algorithm.algorithm_name);
    let suggestions = match global.service(name) {
        Some(url) => ask(url, &experiment, &history.trials, arguments.count).await?,
        None => search(&experiment, &history.trials, arguments.count)?,
    };
    if history.lacks_labels && suggestions.points.iter().any(needs_labels) {
        eprintln!("warning: {}", without_labels(name));
    }
    if !history.trials.is_empty() && global.service(name).is_none() && wants_curves(&experiment) {
        eprintln!("warning: {}", without_curves(name));
    }
    print(&experiment, &suggestions, arguments.output)?;
    if suggestions.next == Next::Exhausted {
        eprintln!("the search is exhausted: there are no more points");
    }
    Ok(Exit::Done)
}

/// Asks a service elsewhere, when no point is left of those that the experiment gives.
async fn ask(
    url: &str,
    experiment: &Experiment,
    history: &[TrialRecord],
    count: u32,
) -> Result<Suggestions, Failure> {
    // An architecture search gives none, and is no study here.
    if !experiment.spec.initial_trials.is_empty() {
        let points = study(experiment, history)?.given(many(count));
        if !points.is_empty() {
            let (settings, more) = (Vec::new(), More::Yes);
            return Ok(Suggested {
                points,
                settings,
                more,
            }
            .into());
        }
    }
    let mut record = ExperimentRecord {
        metadata: experiment.metadata.clone(),
        spec: experiment.spec.clone(),
        progress: Progress::default(),
    };
    record.progress.counts.trials = history.len() as u64;
    let service = KatibService::new(url).map_err(|error| Failure::of(Exit::Usage, &error))?;
    service.validate(&record).await.map_err(refused)?;
    let answer = service.ask(&record, history, u64::from(count)).await;
    answer.map_err(refused)
}

/// Asks an optimizer of this program.
fn search(
    experiment: &Experiment,
    history: &[TrialRecord],
    count: u32,
) -> Result<Suggestions, Failure> {
    let mut study = study(experiment, history)?;
    match registry::suggest_unseen(&mut study, many(count)) {
        Ok(suggested) => Ok(suggested.into()),
        Err(error) => Err(refused(SuggestError::Refused(error.to_string()))),
    }
}

/// The experiment with these trials, of which nobody knows which suggestions they were.
fn study(experiment: &Experiment, history: &[TrialRecord]) -> Result<Study, Failure> {
    let spec = StudySpec::of(&experiment.spec, 0)
        .map_err(|invalid| refused(SuggestError::Refused(invalid.to_string())))?;
    let report = |trial: &TrialRecord| Report {
        number: None,
        ..Report::of(trial, &spec.objective)
    };
    let reports: Vec<Report> = history.iter().map(report).collect();
    let study = Study::of(spec, None, reports);
    if study.misfits > 0 {
        eprintln!(
            "warning: {} trials of the history are outside the search space and were left out",
            study.misfits
        );
    }
    Ok(study)
}

/// Whether the algorithm wants to find something again on this point. What `auto` notes is for people.
fn needs_labels(point: &Point) -> bool {
    let mut names = point.labels.keys();
    names.any(|name| !matches!(name.as_str(), "auto" | "auto-because"))
}

fn without_labels(algorithm: &str) -> String {
    format!(
        "the history has no column labels, so {algorithm} does not know which of its trials were its own suggestions; write \
         the labels of each suggestion there as JSON, as `diwan export` and `diwan suggest -o csv` do"
    )
}

/// Whether the algorithm learns from what trials reported on their way, of which a history has only the last.
fn wants_curves(experiment: &Experiment) -> bool {
    let is_stopped = experiment.spec.early_stopping.is_some();
    let spec = StudySpec::of(&experiment.spec, 0).ok();
    let needs = |spec: StudySpec| {
        let algorithm = registry::find(&spec.algorithm).ok()?;
        let is_its_own = algorithm.stopping(&spec).is_some();
        Some((is_stopped || is_its_own) && algorithm.needs_curves(&spec))
    };
    spec.and_then(needs).unwrap_or(false)
}

fn without_curves(algorithm: &str) -> String {
    format!(
        "{algorithm} learns from what trials report on their way, and a history has only what they reached: a run of the \
         experiment may suggest other points"
    )
}

fn many(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn print(
    experiment: &Experiment,
    suggestions: &Suggestions,
    format: Format,
) -> Result<(), Failure> {
    match format {
        Format::Json => print_json(&document(suggestions)),
        Format::Yaml => print_yaml(&document(suggestions)),
        Format::Name => suggestions
            .points
            .iter()
            .filter(|point| !point.name.is_empty())
            .try_for_each(|point| print_line(&point.name)),
        Format::Csv => {
            let mut rows = rows(experiment, suggestions);
            rows.titles.push(LABELS.to_owned());
            for (row, point) in rows.rows.iter_mut().zip(&suggestions.points) {
                row.push(labels(&point.labels));
            }
            rows.print_csv()
        }
        Format::Table | Format::Wide => rows(experiment, suggestions).print_table(),
    }
}

fn document(suggestions: &Suggestions) -> Value {
    let point = |point: &Point| {
        let name = Some(&point.name).filter(|name| !name.is_empty());
        json!({"name": name, "parameterAssignments": point.assignments, "labels": point.labels})
    };
    let points: Vec<Value> = suggestions.points.iter().map(point).collect();
    let (state, why) = match &suggestions.next {
        Next::Ready => ("ready", None),
        Next::Waiting { why } => ("waiting", Some(why)),
        Next::Exhausted => ("exhausted", None),
    };
    json!({"suggestions": points, "algorithmSettings": suggestions.settings, "state": state, "why": why})
}

fn rows(experiment: &Experiment, suggestions: &Suggestions) -> Rows {
    let parameters = experiment.spec.parameters.iter();
    let names: Vec<&str> = parameters
        .map(|parameter| parameter.name.as_str())
        .collect();
    let mut rows = Rows::new(&names);
    let value = |point: &Point, name: &str| {
        let one = point.assignments.iter().find(|one| one.name == name);
        one.map(|one| one.value.clone()).unwrap_or_default()
    };
    let row = |point| names.iter().map(|name| value(point, name)).collect();
    rows.rows = suggestions.points.iter().map(row).collect();
    rows
}
