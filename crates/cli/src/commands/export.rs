//! `diwan export EXPERIMENT`.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write as _};

use clap::{Args, ValueEnum};
use diwan_core::record::{ExperimentRecord, TrialRecord};
use diwan_core::view;
use diwan_store::TrialQuery;

use crate::Exit;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::csv_line;

/// Write all trials of an experiment as CSV or JSON lines
///
/// Trials are written in the order they were suggested, page by page: any number of them.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The experiment
    experiment: String,
    /// The form
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

/// Forms of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A row a trial: state, times, metrics, parameters, labels
    #[default]
    Csv,
    /// A Trial resource a line
    Json,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let record = context.experiment(&arguments.experiment).await?.record;
    let columns = Columns::of(&record);
    let mut out = BufWriter::new(io::stdout().lock());
    if arguments.output == Form::Csv {
        writeln!(out, "{}", csv_line(&columns.titles()))?;
    }
    let mut query = TrialQuery::of(record.key());
    loop {
        let page = context.store.trials(&query).await?;
        for trial in &page {
            match arguments.output {
                Form::Csv => writeln!(out, "{}", csv_line(&columns.row(&record, trial)))?,
                Form::Json => {
                    serde_json::to_writer(&mut out, &view::trial(&record, trial, None))?;
                    writeln!(out)?;
                }
            }
        }
        match page.last() {
            Some(last) => query.after = Some(last.number),
            None => break,
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// Titles of the columns that come first in every table; those of the metrics follow, those of the parameters, and [`LABELS`].
pub(crate) const FIXED: [&str; 6] = ["number", "name", "state", "created", "started", "finished"];

/// Title of the last column: what the algorithm wants to find again on its trials.
pub(crate) const LABELS: &str = "labels";

/// A cell of that column, a JSON object, or nothing if there are none.
pub(crate) fn labels(labels: &BTreeMap<String, String>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    serde_json::json!(labels).to_string()
}

/// What a row has.
struct Columns {
    metrics: Vec<String>,
    parameters: Vec<String>,
}

impl Columns {
    fn of(record: &ExperimentRecord) -> Self {
        let objective = record.spec.objective.iter();
        Self {
            metrics: objective
                .flat_map(|objective| objective.metric_names().map(str::to_owned))
                .collect(),
            parameters: record.spec.parameter_names().map(str::to_owned).collect(),
        }
    }

    fn titles(&self) -> Vec<String> {
        FIXED
            .into_iter()
            .map(str::to_owned)
            .chain(self.metrics.iter().cloned())
            .chain(self.parameters.iter().cloned())
            .chain([LABELS.to_owned()])
            .collect()
    }

    fn row(&self, record: &ExperimentRecord, trial: &TrialRecord) -> Vec<String> {
        let time = |time: Option<diwan_core::time::Timestamp>| {
            time.map(|time| time.to_string()).unwrap_or_default()
        };
        let mut row = vec![
            trial.number.to_string(),
            trial.name.clone(),
            format!("{:?}", trial.state),
            time(Some(trial.created)),
            time(trial.started),
            time(trial.finished),
        ];
        let metric = |name: &String| {
            let metric = trial.observation.as_ref()?.metric(name)?;
            Some(record.spec.objective.as_ref()?.chosen(metric).to_owned())
        };
        row.extend(
            self.metrics
                .iter()
                .map(|name| metric(name).unwrap_or_default()),
        );
        let parameter = |name: &String| trial.assignments.iter().find(|one| one.name == *name);
        row.extend(self.parameters.iter().map(|name| {
            parameter(name)
                .map(|one| one.value.clone())
                .unwrap_or_default()
        }));
        row.push(labels(&trial.labels));
        row
    }
}
