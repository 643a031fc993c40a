//! How the results of a comparison are printed.

use diwan_simulate::bench::{Entry, Group, Summary};
use diwan_simulate::suite::SUITES;

use super::Output;
use crate::failure::Failure;
use crate::output::{Rows, print_json, print_line};

const COLUMNS: [&str; 14] = [
    "algorithm",
    "decades",
    "95 %",
    "median",
    "rank",
    "wins",
    "log10 regret at half",
    "at the end",
    "ms a suggestion",
    "of the last 20",
    "trials",
    "stopped early",
    "failed",
    "virtual seconds",
];

/// Prints the suites of problems.
pub(super) fn suites() -> Result<(), Failure> {
    let mut rows = Rows::new(&["suite", "problems", "what they are"]);
    for suite in SUITES {
        let dimensions = suite.dimensions().map_or("", |_| "/{DIMENSIONS}d");
        let families = suite.families();
        let families = match families.as_slice() {
            [first, .., last] if families.len() > 8 => format!("{first}…{last}"),
            all => all.join(","),
        };
        rows.rows.push(vec![
            suite.name().to_owned(),
            format!("{}/{{{families}}}{dimensions}/i{{INSTANCE}}", suite.name()),
            suite.summary().to_owned(),
        ]);
    }
    rows.print_table()
}

pub(super) fn summary(summary: &Summary, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => print_json(summary),
        Output::Csv => csv(summary),
        Output::Table => summary
            .groups
            .iter()
            .enumerate()
            .try_for_each(|(index, group)| {
                if index > 0 {
                    print_line("")?;
                }
                table(group, summary)
            }),
    }
}

fn csv(summary: &Summary) -> Result<(), Failure> {
    let mut rows = Rows::new(&[&["group", "cells"], COLUMNS.as_slice()].concat());
    for group in &summary.groups {
        for entry in &group.entries {
            let mut row = vec![group.name.clone(), group.cells.to_string()];
            row.extend(cells(entry));
            rows.rows.push(row);
        }
    }
    rows.print_csv()
}

fn table(group: &Group, summary: &Summary) -> Result<(), Failure> {
    let plural = |count: u64, thing: &str| match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    };
    print_line(&format!(
        "{}: {}, {} each, {}",
        group.name,
        plural(group.cells as u64, "cell"),
        plural(summary.budget, "trial"),
        plural(summary.workers.into(), "worker"),
    ))?;
    let mut rows = Rows::new(&COLUMNS);
    rows.rows.extend(group.entries.iter().map(cells));
    rows.print_table()?;
    print_line("")?;
    let mut rows = Rows::new(&["algorithm", "against", "won", "decades ahead", "95 %"]);
    for duel in &group.duels {
        rows.rows.push(vec![
            duel.algorithm.clone(),
            duel.against.clone(),
            format!("{:.0} %", 100.0 * duel.won),
            signed(duel.decades),
            interval(duel.interval),
        ]);
    }
    rows.print_table()
}

fn cells(entry: &Entry) -> Vec<String> {
    vec![
        entry.algorithm.clone(),
        signed(entry.decades),
        interval(entry.interval),
        signed(entry.median),
        format!("{:.2}", entry.rank),
        format!("{:.1}", entry.wins),
        level(entry.half),
        level(entry.end),
        format!("{:.3}", entry.cost_ms),
        format!("{:.3}", entry.last_cost_ms),
        format!("{:.0}", entry.trials),
        format!("{:.0}", entry.stopped),
        format!("{:.1}", entry.failed),
        format!("{:.2}", entry.seconds),
    ]
}

fn level(regret: Option<f64>) -> String {
    regret.map_or_else(|| "-".to_owned(), |regret| format!("{regret:.3}"))
}

fn interval(interval: Option<[f64; 2]>) -> String {
    interval.map_or_else(
        || "-".to_owned(),
        |[low, high]| format!("{low:+.2}…{high:+.2}"),
    )
}

/// With its sign, and never as minus nothing.
fn signed(number: f64) -> String {
    let rounded = (number * 1e3).round() / 1e3;
    format!("{:+.3}", rounded + 0.0)
}
