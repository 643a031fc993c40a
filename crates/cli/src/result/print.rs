//! How a run's result is shown.

use diwan_core::record::ExperimentRecord;
use diwan_core::time::Timestamp;
use diwan_server::clock::now;

use super::{best, exit, first_failure, is_fruitless, verdict};
use crate::Exit;
use crate::commands::get;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Format, print_json, print_line, print_yaml, span, tally};
use crate::shell::quoted;
use crate::standing::can_resume;

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
        Format::Csv => best::rows(record).print_csv(),
        Format::Table | Format::Wide => {
            best::print(record)?;
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
