//! `diwan get NOUN [NAME…]`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use diwan_core::record::{ExperimentKey, ExperimentRecord, TrialRecord, TrialState};
use diwan_core::resources::{
    Experiment, Metric, MetricStrategyType, ObjectiveSpec, Suggestion, Trial, UNAVAILABLE,
};
use diwan_core::view;
use diwan_server::clock::now;
use diwan_server::runner::Plans;
use diwan_store::{ExperimentQuery, TrialQuery};
use serde::Serialize;

use crate::Exit;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Format, List, Rows, print_json, print_line, print_yaml, span};

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Noun {
    /// Experiments
    #[value(alias = "experiment")]
    Experiments,
    /// Trials of one experiment, or of all
    #[value(alias = "trial")]
    Trials,
    /// What the optimizers were asked and said
    #[value(alias = "suggestion")]
    Suggestions,
}

/// Lists objects, or shows the named ones.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to list
    #[arg(value_enum)]
    noun: Noun,
    /// Only these
    names: Vec<String>,
    /// Trials of this experiment only
    #[arg(long, short)]
    experiment: Option<String>,
    /// Trials in this state only, such as Running (repeatable)
    #[arg(long, value_name = "STATE", value_parser = state, value_delimiter = ',')]
    state: Vec<TrialState>,
    /// At most so many, the newest
    #[arg(long, default_value_t = 500)]
    limit: u32,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// Print again whenever something changes, until interrupted
    #[arg(long, short)]
    watch: bool,
}

fn state(text: &str) -> Result<TrialState, String> {
    let named = |state: &TrialState| format!("{state:?}").eq_ignore_ascii_case(text);
    TrialState::ALL.into_iter().find(named).ok_or_else(|| {
        let known: Vec<String> = TrialState::ALL.iter().map(|state| format!("{state:?}")).collect();
        format!("states are {}", known.join(", "))
    })
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let mut last = String::new();
    loop {
        let listing = listing(arguments, context).await?;
        let seen = format!("{:?}", listing.rows.rows);
        if seen != last {
            listing.print(arguments.output)?;
            last = seen;
        }
        if !arguments.watch {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What there is to print, in every format.
struct Listing {
    rows: Rows,
    wide: Rows,
    items: Items,
    single: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Items {
    Experiments(Vec<Experiment>),
    Trials(Vec<Trial>),
    Suggestions(Vec<Suggestion>),
}

impl Listing {
    fn print(self, format: Format) -> Result<(), Failure> {
        match format {
            Format::Table => self.rows.print_table(),
            Format::Wide => self.wide.print_table(),
            Format::Csv => self.wide.print_csv(),
            Format::Name => self.rows.rows.iter().try_for_each(|row| print_line(&row[0])),
            Format::Json => print_json(&self.document()?),
            Format::Yaml => print_yaml(&self.document()?),
        }
    }

    /// A `List`, or the one object that was named.
    fn document(self) -> Result<serde_json::Value, Failure> {
        let items = serde_json::to_value(self.items)?;
        match items {
            serde_json::Value::Array(mut items) if self.single && items.len() == 1 => Ok(items.remove(0)),
            serde_json::Value::Array(items) => Ok(serde_json::to_value(List::new(items))?),
            other => Ok(other),
        }
    }
}

async fn listing(arguments: &Arguments, context: &Context) -> Result<Listing, Failure> {
    match arguments.noun {
        Noun::Experiments => experiments(arguments, context).await,
        Noun::Trials => trials(arguments, context).await,
        Noun::Suggestions => suggestions(arguments, context).await,
    }
}

async fn chosen(arguments: &Arguments, context: &Context) -> Result<Vec<ExperimentRecord>, Failure> {
    let names: Vec<&String> = match arguments.noun {
        Noun::Trials => arguments.experiment.iter().collect(),
        Noun::Experiments | Noun::Suggestions => arguments.names.iter().collect(),
    };
    if names.is_empty() {
        let query = ExperimentQuery { namespace: Some(context.namespace.clone()), ..ExperimentQuery::default() };
        return Ok(context.store.experiments(&query).await?.into_iter().map(|known| known.record).collect());
    }
    let mut records = Vec::new();
    for name in names {
        records.push(context.experiment(name).await?.record);
    }
    Ok(records)
}

async fn experiments(arguments: &Arguments, context: &Context) -> Result<Listing, Failure> {
    let mut rows = Rows::new(&["name", "state", "trials", "succeeded", "failed", "running", "best", "age"]);
    let mut wide = Rows::new(&["name", "state", "trials", "succeeded", "failed", "running", "best", "age", "metric", "algorithm", "best trial", "reason"]);
    let mut items = Vec::new();
    for record in chosen(arguments, context).await? {
        let progress = &record.progress;
        let counts = &progress.counts;
        let last = progress.conditions.last();
        let text = |number: u64| number.to_string();
        let row = vec![
            record.metadata.name.clone(),
            last.map(|condition| condition.kind.clone()).unwrap_or_default(),
            record.spec.max_trial_count.map_or_else(|| text(counts.trials), |max| format!("{}/{max}", counts.finished())),
            text(counts.trials_succeeded),
            text(counts.trials_failed + counts.trial_metrics_unavailable),
            text(counts.trials_running),
            progress.best_value.map(|value| value.to_string()).unwrap_or_default(),
            progress.start_time.map(|begin| span(now().millis_since(begin) / 1000)).unwrap_or_default(),
        ];
        let objective = record.spec.objective.as_ref();
        let mut more = row.clone();
        more.push(objective.map(|objective| objective.objective_metric_name.clone()).unwrap_or_default());
        more.push(record.spec.algorithm.as_ref().map(|algorithm| algorithm.algorithm_name.clone()).unwrap_or_default());
        more.push(progress.best.best_trial_name.clone());
        more.push(last.map(|condition| condition.reason.clone()).unwrap_or_default());
        rows.rows.push(row);
        wide.rows.push(more);
        if matches!(arguments.output, Format::Json | Format::Yaml) {
            items.push(experiment_resource(context, &record.key()).await?);
        }
    }
    Ok(Listing { rows, wide, items: Items::Experiments(items), single: arguments.names.len() == 1 })
}

/// An experiment of the store as Katib would show it.
pub(crate) async fn experiment_resource(context: &Context, key: &ExperimentKey) -> Result<Experiment, Failure> {
    let snapshot = context.experiment(&key.name).await?;
    let mut names = view::NamesByState::new();
    for state in TrialState::ALL {
        let query = TrialQuery {
            states: vec![state],
            limit: view::NAMES_CAP,
            newest_first: true,
            ..TrialQuery::of(key.clone())
        };
        let mut list: Vec<String> = context.store.trials(&query).await?.into_iter().map(|trial| trial.name).collect();
        list.reverse();
        names.insert(state, list);
    }
    Ok(view::experiment(&snapshot.record, snapshot.version, names))
}

async fn trials(arguments: &Arguments, context: &Context) -> Result<Listing, Failure> {
    let mut found = Vec::new();
    if arguments.names.is_empty() {
        for record in chosen(arguments, context).await? {
            let query = TrialQuery {
                states: arguments.state.clone(),
                limit: arguments.limit,
                newest_first: true,
                ..TrialQuery::of(record.key())
            };
            let mut list = context.store.trials(&query).await?;
            list.reverse();
            found.extend(list.into_iter().map(|trial| (record.clone(), trial)));
        }
    }
    for name in &arguments.names {
        let (snapshot, trial) = context.trial(name).await?;
        found.push((snapshot.record, trial));
    }
    let (rows, wide) = trial_rows(&found);
    let mut items = Vec::new();
    if matches!(arguments.output, Format::Json | Format::Yaml) {
        for (record, trial) in &found {
            items.push(trial_resource(context, record, trial));
        }
    }
    Ok(Listing { rows, wide, items: Items::Trials(items), single: arguments.names.len() == 1 })
}

fn trial_resource(context: &Context, record: &ExperimentRecord, trial: &TrialRecord) -> Trial {
    let plans = Plans::new(record, &context.work_directory).ok();
    let run_spec = plans.and_then(|plans| plans.manifest(record, trial).ok());
    view::trial(record, trial, run_spec)
}

/// A table of trials; parameters become columns where all trials are of one experiment.
fn trial_rows(found: &[(ExperimentRecord, TrialRecord)]) -> (Rows, Rows) {
    let one = found.first().map(|(record, _)| record).filter(|first| found.iter().all(|(record, _)| record.key() == first.key()));
    let metrics: Vec<String> = one.and_then(|record| record.spec.objective.as_ref()).map(|objective| objective.metric_names().map(str::to_owned).collect()).unwrap_or_default();
    let parameters: Vec<String> = one.map(|record| record.spec.parameters.iter().map(|parameter| parameter.name.clone()).collect()).unwrap_or_default();
    let objective_title = if one.is_some() { metrics.first().cloned() } else { Some("objective".to_owned()) };
    let mut titles = vec!["name".to_owned(), "state".to_owned()];
    titles.extend(objective_title);
    titles.extend(parameters.iter().cloned());
    titles.push("duration".to_owned());
    let mut wide_titles = titles.clone();
    wide_titles.extend(metrics.iter().skip(1).cloned());
    wide_titles.extend(["number", "attempt", "experiment", "reason"].map(str::to_owned));
    let mut rows = Rows { titles, rows: Vec::new() };
    let mut wide = Rows { titles: wide_titles, rows: Vec::new() };
    for (record, trial) in found {
        let mut row = vec![trial.name.clone(), format!("{:?}", trial.state)];
        let objective = record.spec.objective.as_ref();
        let value = |name: &str| objective.and_then(|objective| Some(metric_value(objective, trial.observation.as_ref()?.metric(name)?))).filter(|value| *value != UNAVAILABLE).unwrap_or_default().to_owned();
        if rows.titles.len() > row.len() + parameters.len() + 1 {
            row.push(value(objective.map_or("", |objective| &objective.objective_metric_name)));
        }
        row.extend(parameters.iter().map(|name| assignment(trial, name)));
        row.push(duration(trial));
        let mut more = row.clone();
        more.extend(metrics.iter().skip(1).map(|name| value(name)));
        more.push(trial.number.to_string());
        more.push(trial.attempt.to_string());
        more.push(record.metadata.name.clone());
        more.push(trial.conditions.last().map(|condition| condition.reason.clone()).unwrap_or_default());
        rows.rows.push(row);
        wide.rows.push(more);
    }
    (rows, wide)
}

fn assignment(trial: &TrialRecord, name: &str) -> String {
    trial.assignments.iter().find(|one| one.name == name).map(|one| one.value.clone()).unwrap_or_default()
}

fn duration(trial: &TrialRecord) -> String {
    let Some(begin) = trial.started else { return String::new() };
    let millis = trial.finished.unwrap_or_else(now).millis_since(begin);
    if millis < 10_000 { format!("{}.{}s", millis / 1000, millis % 1000 / 100) } else { span(millis / 1000) }
}

/// The value of a metric that counts, by its strategy.
pub(crate) fn metric_value<'a>(objective: &ObjectiveSpec, metric: &'a Metric) -> &'a str {
    let value = match objective.strategy_of(&metric.name) {
        MetricStrategyType::Min => &metric.min,
        MetricStrategyType::Max => &metric.max,
        MetricStrategyType::Latest => &metric.latest,
    };
    if value == UNAVAILABLE { &metric.latest } else { value }
}

async fn suggestions(arguments: &Arguments, context: &Context) -> Result<Listing, Failure> {
    let mut rows = Rows::new(&["name", "algorithm", "suggested", "state", "age"]);
    let mut items = Vec::new();
    for record in chosen(arguments, context).await? {
        let progress = &record.progress;
        rows.rows.push(vec![
            record.metadata.name.clone(),
            record.spec.algorithm.as_ref().map(|algorithm| algorithm.algorithm_name.clone()).unwrap_or_default(),
            progress.counts.trials.to_string(),
            progress.conditions.last().map(|condition| condition.kind.clone()).unwrap_or_default(),
            progress.start_time.map(|begin| span(now().millis_since(begin) / 1000)).unwrap_or_default(),
        ]);
        if matches!(arguments.output, Format::Json | Format::Yaml) {
            let query = TrialQuery { limit: view::NAMES_CAP, newest_first: true, ..TrialQuery::of(record.key()) };
            let mut trials = context.store.trials(&query).await?;
            trials.reverse();
            items.push(view::suggestion(&record, &trials));
        }
    }
    let wide = Rows { titles: rows.titles.clone(), rows: rows.rows.clone() };
    Ok(Listing { rows, wide, items: Items::Suggestions(items), single: arguments.names.len() == 1 })
}
