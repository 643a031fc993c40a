//! `diwan describe NOUN NAME`.

use std::fmt::Write as _;
use std::path::Path;

use clap::{Args, ValueEnum};
use diwan_core::engine::{Action, Snapshot, step};
use diwan_core::initial;
use diwan_core::record::{ExperimentRecord, OptimizerState, TrialRecord};
use diwan_core::resources::{
    AlgorithmSetting, Condition, ExperimentSpec, FeasibleSpace, Metric, Observation,
    ParameterAssignment, ParameterSpec,
};
use diwan_drivers::trial_directory;
use diwan_server::clock::now;
use diwan_store::TrialQuery;

use crate::Exit;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{print_line, tally};
use crate::shell::quoted;
use crate::standing::{Standing, can_resume};

/// What can be described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Noun {
    /// An experiment
    Experiment,
    /// A trial
    Trial,
}

/// Show everything about an experiment or a trial
///
/// For people; `diwan get … -o yaml` is for programs.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to describe
    #[arg(value_enum)]
    noun: Noun,
    /// Its name
    name: String,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let text = match arguments.noun {
        Noun::Experiment => {
            let snapshot = context.experiment(&arguments.name).await?;
            let query = TrialQuery {
                newest_first: true,
                limit: 5,
                ..TrialQuery::of(snapshot.record.key())
            };
            let newest = context.store.trials(&query).await?;
            experiment(context, &snapshot, &newest)
        }
        Noun::Trial => {
            let (snapshot, trial) = context.trial(&arguments.name).await?;
            let directory = trial_directory(&context.directory(&snapshot.record), &trial.name);
            self::trial(&snapshot.record, &trial, &directory)
        }
    };
    print_line(text.trim_end())?;
    Ok(Exit::Done)
}

/// Lines of `name: value`, indented below headings.
#[derive(Default)]
struct Page(String);

impl Page {
    fn heading(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}:");
    }

    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        let value = value.to_string();
        if !value.is_empty() {
            let _ = writeln!(self.0, "{:<18} {value}", format!("{name}:"));
        }
    }

    fn item(&mut self, text: impl std::fmt::Display) {
        let _ = writeln!(self.0, "  {text}");
    }

    /// Rows of cells, each column as wide as its widest cell.
    fn columns<const N: usize>(&mut self, rows: &[[String; N]]) {
        let widths: Vec<usize> = (0..N)
            .map(|column| {
                rows.iter()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for row in rows {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{cell:width$}"));
            self.item(cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }

    fn assignments(&mut self, assignments: &[ParameterAssignment]) {
        let row = |one: &ParameterAssignment| [one.name.clone(), one.value.clone()];
        self.columns(&assignments.iter().map(row).collect::<Vec<_>>());
    }

    fn metrics(&mut self, observation: &Observation) {
        let row = |metric: &Metric| {
            [
                metric.name.clone(),
                format!("min {}", metric.min),
                format!("max {}", metric.max),
                format!("latest {}", metric.latest),
            ]
        };
        self.columns(&observation.metrics.iter().map(row).collect::<Vec<_>>());
    }

    fn conditions(&mut self, conditions: &[Condition]) {
        self.heading("Conditions");
        for condition in conditions {
            let at = condition
                .last_update_time
                .map(|time| time.to_string())
                .unwrap_or_default();
            let message = condition.message.replace('\n', "\n    ");
            self.item(format_args!(
                "{at}  {}={:?}  {}: {message}",
                condition.kind, condition.status, condition.reason
            ));
        }
    }
}

fn experiment(context: &Context, snapshot: &Snapshot, newest: &[TrialRecord]) -> String {
    let record = &snapshot.record;
    let (spec, progress) = (&record.spec, &record.progress);
    let standing = Standing::of(context, record);
    let mut page = Page::default();
    page.field("Name", &record.metadata.name);
    page.field("Namespace", &record.metadata.namespace);
    page.field("State", &standing);
    if let Standing::Running(holder) = &standing {
        page.field("Run by", holder);
    }
    if let Some(objective) = &spec.objective {
        let goal = objective
            .goal
            .map(|goal| format!(", goal {goal}"))
            .unwrap_or_default();
        page.field(
            "Objective",
            format!(
                "{} {}{goal}",
                format!("{:?}", objective.kind).to_lowercase(),
                objective.objective_metric_name
            ),
        );
        page.field(
            "Also recorded",
            objective.additional_metric_names.join(", "),
        );
    }
    if let Some(algorithm) = &spec.algorithm {
        page.field(
            "Algorithm",
            format!(
                "{}{}",
                algorithm.algorithm_name,
                settings(&algorithm.algorithm_settings)
            ),
        );
    }
    if let Some(rule) = &spec.early_stopping {
        page.field(
            "Early stopping",
            format!(
                "{}{}",
                rule.algorithm_name,
                settings(&rule.algorithm_settings)
            ),
        );
    }
    let limit = |count: Option<i32>| count.map_or("no limit".to_owned(), |count| count.to_string());
    page.field(
        "Budget",
        format!(
            "{} trials, {} at a time, {} may fail",
            limit(spec.max_trial_count),
            limit(spec.parallel_trial_count),
            limit(spec.max_failed_trial_count)
        ),
    );
    page.field("Initial trials", initial_trials(spec));
    page.heading("Search space");
    let row = |parameter: &ParameterSpec| {
        let kind = format!("{:?}", parameter.parameter_type).to_lowercase();
        [
            parameter.name.clone(),
            kind,
            space(&parameter.feasible_space),
            condition(parameter),
        ]
    };
    page.columns(&spec.parameters.iter().map(row).collect::<Vec<_>>());
    page.field("Trials", tally(record));
    page.field("Best trial", &progress.best.best_trial_name);
    page.metrics(&progress.best.observation);
    page.assignments(&progress.best.parameter_assignments);
    page.conditions(&progress.conditions);
    page.field("Next", next(context, snapshot, &standing));
    page.heading("Newest trials");
    let row = |trial: &TrialRecord| [trial.name.clone(), format!("{:?}", trial.state)];
    page.columns(&newest.iter().map(row).collect::<Vec<_>>());
    page.0
}

/// What the engine would do now, in words.
fn next(context: &Context, snapshot: &Snapshot, standing: &Standing) -> String {
    let resume = || {
        let name = quoted(&snapshot.record.metadata.name);
        format!("`{} resume {name}`", context.program())
    };
    if snapshot.is_completed() && can_resume(snapshot) {
        return format!("nothing until {}", resume());
    }
    if snapshot.is_completed() {
        return "nothing; it has ended".to_owned();
    }
    if let Some(trouble) = standing.trouble() {
        return format!("{trouble}; go on with {}", resume());
    }
    if let OptimizerState::Waiting { why, .. } = &snapshot.record.progress.optimizer {
        return format!("the optimizer waits: {why}");
    }
    let made = snapshot.record.progress.counts.trials;
    let points = initial::points(&snapshot.record.spec.initial_trials).count() as u64;
    let actions = step(snapshot, now());
    let told = actions.iter().map(|action| match action {
        Action::Suggest { .. } if made < points => {
            "try the points of spec.initialTrials".to_owned()
        }
        Action::Suggest { count } => format!("ask the optimizer for {count}"),
        Action::Start { trial } => format!("start trial number {trial}"),
        Action::Stop { trial, .. } => format!("stop trial number {trial}"),
        Action::Finish(outcome) => outcome.condition().2,
        Action::WakeAt(time) => format!("look again at {time}"),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        "wait for the running trials".to_owned()
    } else {
        told.join("; ")
    }
}

/// How many of them are of which kind; empty if there are none.
fn initial_trials(spec: &ExperimentSpec) -> String {
    let points = initial::points(&spec.initial_trials).count();
    let over = spec.initial_trials.len() - points;
    match (points, over) {
        (0, 0) => String::new(),
        (points, 0) => format!("{points} to run"),
        (0, over) => format!("{over} to learn from"),
        (points, over) => format!("{points} to run, {over} to learn from"),
    }
}

fn settings(settings: &[AlgorithmSetting]) -> String {
    let told: Vec<String> = settings
        .iter()
        .map(|one| format!("{}={}", one.name, one.value))
        .collect();
    if told.is_empty() {
        String::new()
    } else {
        format!(" ({})", told.join(", "))
    }
}

fn space(space: &FeasibleSpace) -> String {
    if !space.list.is_empty() {
        return format!("one of {}", space.list.join(", "));
    }
    let step = if space.step.is_empty() {
        String::new()
    } else {
        format!(" in steps of {}", space.step)
    };
    let distribution = space
        .distribution
        .map(|one| format!(", {one:?}"))
        .unwrap_or_default();
    format!("{} to {}{step}{distribution}", space.min, space.max)
}

fn condition(parameter: &ParameterSpec) -> String {
    let condition = parameter.condition.as_ref();
    let said = condition.map(|one| format!("if {} is {}", one.parent, one.values.join(" or ")));
    said.unwrap_or_default()
}

fn trial(record: &ExperimentRecord, trial: &TrialRecord, directory: &Path) -> String {
    let mut page = Page::default();
    page.field("Name", &trial.name);
    page.field("Experiment", record.key());
    page.field("Number", trial.number);
    page.field("State", format!("{:?}", trial.state));
    page.field("Attempt", trial.attempt);
    page.field("Directory", directory.display());
    page.field("Created", trial.created);
    page.field(
        "Started",
        trial
            .started
            .map(|time| time.to_string())
            .unwrap_or_default(),
    );
    page.field(
        "Finished",
        trial
            .finished
            .map(|time| time.to_string())
            .unwrap_or_default(),
    );
    if !trial.earlier.is_empty() {
        page.heading("Earlier attempts");
        for (time, told) in super::explain::earlier(trial) {
            page.item(format_args!("{time}  {told}"));
        }
    }
    page.heading("Parameters");
    page.assignments(&trial.assignments);
    if let Some(observation) = &trial.observation {
        page.heading("Metrics");
        page.metrics(observation);
    }
    if !trial.rules.is_empty() {
        page.heading("Stopped early when");
        for rule in &trial.rules {
            page.item(format_args!(
                "{} {:?} {} after {} reports",
                rule.name,
                rule.comparison,
                rule.value,
                rule.start_step.unwrap_or(0)
            ));
        }
    }
    page.conditions(&trial.conditions);
    page.0
}
