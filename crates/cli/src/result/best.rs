//! The best trial.

use std::io::{self, Write as _};

use diwan_core::record::ExperimentRecord;
use diwan_core::resources::Metric;

use crate::failure::Failure;
use crate::output::Rows;

pub(super) fn print(record: &ExperimentRecord) -> Result<(), Failure> {
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

pub(super) fn rows(record: &ExperimentRecord) -> Rows {
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
