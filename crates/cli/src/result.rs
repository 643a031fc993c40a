//! How a run's result is shown.

mod first_failure;

use std::io::{self, Write as _};

use diwan_core::engine::Outcome;
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::{Condition, ConditionStatus, Metric};
use diwan_core::time::Timestamp;
use diwan_server::clock::now;

use crate::Exit;
use crate::commands::get;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Format, Rows, print_json, print_line, print_yaml, span, tally};
use crate::shell::quoted;
use crate::standing::can_resume;

/// The exit code of a run that left the experiment so.
pub(crate) fn exit(record: &ExperimentRecord) -> Exit {
    let Some(last) = verdict(record) else {
        return Exit::Stopped;
    };
    match Outcome::of_reason(&last.reason) {
        Some(Outcome::Stopped | Outcome::DeadlineReached) => Exit::Stopped,
        Some(_) if record.progress.best.best_trial_name.is_empty() => Exit::Failed,
        Some(_) => Exit::Done,
        None => Exit::Failed,
    }
}

/// The condition that ended the experiment, if one did.
pub(crate) fn verdict(record: &ExperimentRecord) -> Option<&Condition> {
    let last = record.progress.conditions.last()?;
    let ended = matches!(last.kind.as_str(), "Succeeded" | "Failed")
        && last.status == ConditionStatus::True;
    ended.then_some(last)
}

/// Whether it has ended by itself, and no trial is good for anything.
fn is_fruitless(record: &ExperimentRecord) -> bool {
    let Some(verdict) = verdict(record) else {
        return false;
    };
    let progress = &record.progress;
    let has_trials = progress.counts.finished() > 0;
    let has_best = !progress.best.best_trial_name.is_empty();
    has_trials && !has_best && Outcome::of_reason(&verdict.reason) != Some(Outcome::Stopped)
}

/// Prints the result on stdout, and on stderr why there is none, and what to type next. `began` is when the run began that ran
/// all of its trials.
pub(crate) async fn print(
    context: &Context,
    record: &ExperimentRecord,
    began: Option<Timestamp>,
    format: Format,
) -> Result<(), Failure> {
    let is_for_people = matches!(format, Format::Table | Format::Wide);
    if is_for_people {
        say_how_it_ended(record, began);
    }
    if is_fruitless(record) {
        eprint!("{}", first_failure::failure(context, record).await?);
    }
    match format {
        Format::Json => print_json(&get::experiment_resource(context, &record.key()).await?),
        Format::Yaml => print_yaml(&get::experiment_resource(context, &record.key()).await?),
        Format::Name => match record.progress.best.best_trial_name.as_str() {
            "" => Ok(()),
            name => print_line(name),
        },
        Format::Csv => best_rows(record).print_csv(),
        Format::Table | Format::Wide => {
            print_best(record)?;
            next_commands(context, record).await
        }
    }
}

fn say_how_it_ended(record: &ExperimentRecord, began: Option<Timestamp>) {
    let name = &record.metadata.name;
    let progress = &record.progress;
    let how = match verdict(record) {
        // Katib calls that a success.
        Some(condition) if condition.kind == "Succeeded" && exit(record) == Exit::Failed => {
            " has ended without a result".to_owned()
        }
        Some(condition) => format!(": {}", condition.message),
        None if record.is_paused() => " is paused".to_owned(),
        None => " was interrupted and can go on".to_owned(),
    };
    let took = match (began, progress.completion_time) {
        // Trials may have run on after the experiment's end, through their grace period.
        (Some(begin), Some(_)) => format!(" in {}", span(now().millis_since(begin) / 1000)),
        _ => String::new(),
    };
    eprintln!("experiment {name}{how}");
    eprintln!("trials: {}{took}", tally(record));
}

fn print_best(record: &ExperimentRecord) -> Result<(), Failure> {
    let best = &record.progress.best;
    if best.best_trial_name.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "best trial  {}", best.best_trial_name)?;
    let widest = |names: &mut dyn Iterator<Item = usize>| names.max().unwrap_or(0);
    let width = widest(
        &mut best
            .observation
            .metrics
            .iter()
            .map(|metric| metric.name.len()),
    )
    .max(widest(
        &mut best.parameter_assignments.iter().map(|one| one.name.len()),
    ));
    for metric in &best.observation.metrics {
        writeln!(out, "  {:width$}  {}", metric.name, told(record, metric))?;
    }
    writeln!(out, "parameters")?;
    for one in &best.parameter_assignments {
        writeln!(out, "  {:width$}  {}", one.name, one.value)?;
    }
    Ok(())
}

/// The value of a metric that counts.
fn value<'a>(record: &ExperimentRecord, metric: &'a Metric) -> &'a str {
    record
        .spec
        .objective
        .as_ref()
        .map_or(&metric.latest, |objective| objective.chosen(metric))
}

/// The same with where it comes from, when the last value is another one.
fn told(record: &ExperimentRecord, metric: &Metric) -> String {
    let value = value(record, metric);
    if value == metric.latest {
        return value.to_owned();
    }
    let which = if value == metric.max {
        "largest"
    } else {
        "smallest"
    };
    format!("{value}  ({which}; last {})", metric.latest)
}

fn best_rows(record: &ExperimentRecord) -> Rows {
    let best = &record.progress.best;
    let mut rows = Rows::new(&["kind", "name", "value"]);
    let row = |kind: &str, name: &str, value: &str| {
        vec![kind.to_owned(), name.to_owned(), value.to_owned()]
    };
    rows.rows.push(row("trial", "name", &best.best_trial_name));
    rows.rows.extend(
        best.observation
            .metrics
            .iter()
            .map(|metric| row("metric", &metric.name, value(record, metric))),
    );
    rows.rows.extend(
        best.parameter_assignments
            .iter()
            .map(|one| row("parameter", &one.name, &one.value)),
    );
    rows
}

async fn next_commands(context: &Context, record: &ExperimentRecord) -> Result<(), Failure> {
    let name = quoted(&record.metadata.name);
    let program = context.program();
    eprintln!("next:");
    eprintln!("  {program} get trials --experiment {name}");
    let best = &record.progress.best.best_trial_name;
    if !best.is_empty() {
        let best = quoted(best);
        eprintln!("  {program} explain {best}");
        eprintln!("  {program} logs {best}");
    }
    if verdict(record).is_some() {
        eprintln!("  {program} export {name} > {name}.csv");
    }
    if can_resume(&context.experiment(&record.metadata.name).await?) {
        eprintln!("  {program} resume {name}");
    }
    Ok(())
}
