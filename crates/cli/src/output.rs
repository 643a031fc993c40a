//! How results are printed.

use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, TableStyle};
use serde::Serialize;

use crate::failure::Failure;

/// Formats of `-o`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns.
    #[default]
    Table,
    /// More of them.
    Wide,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// Comma-separated values with a header.
    Csv,
    /// Names only, a line each.
    Name,
}

/// Rows to print as a table or as CSV.
pub(crate) struct Rows {
    /// Column titles.
    pub(crate) titles: Vec<String>,
    /// As many cells a row as there are titles.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Rows {
    /// No rows yet.
    pub(crate) fn new(titles: &[&str]) -> Self {
        Self { titles: titles.iter().map(|title| (*title).to_owned()).collect(), rows: Vec::new() }
    }

    /// Prints aligned columns.
    pub(crate) fn print_table(&self) -> Result<(), Failure> {
        let mut table = Table::new();
        table.load_style(TableStyle::new()).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.titles.iter().map(|title| title.to_uppercase()));
        table.add_rows(&self.rows);
        let mut out = io::stdout().lock();
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end().strip_prefix(' ').unwrap_or(line.trim_end()))?;
        }
        Ok(())
    }

    /// Prints comma-separated values as RFC 4180 has them.
    pub(crate) fn print_csv(&self) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", csv_line(&self.titles))?;
        for row in &self.rows {
            writeln!(out, "{}", csv_line(row))?;
        }
        Ok(())
    }
}

/// One line of CSV, without its end.
pub(crate) fn csv_line(cells: &[String]) -> String {
    let quoted = cells.iter().map(|cell| {
        if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
    });
    quoted.collect::<Vec<_>>().join(",")
}

/// Prints one JSON document.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// Prints one YAML document.
pub(crate) fn print_yaml(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_saphyr::to_string(value)
        .map_err(|error| Failure::new(crate::Exit::Failed, "cannot write YAML").cause(error))?;
    io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Prints a line.
pub(crate) fn print_line(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{line}")?;
    Ok(())
}

/// A list as Kubernetes prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List<T> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<T>,
}

impl<T> List<T> {
    /// Of these items.
    pub(crate) fn new(items: Vec<T>) -> Self {
        Self { api_version: "v1", kind: "List", items }
    }
}

/// A time span in at most two units: `45s`, `3m12s`, `2h5m`, `4d3h`.
pub(crate) fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{}s", seconds % 60),
        3600..86_400 => format!("{hours}h{minutes}m"),
        _ => format!("{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_that_need_it_are_quoted() {
        let cells = ["plain", "a,b", "say \"hi\"", ""].map(str::to_owned);
        assert_eq!(csv_line(&cells), r#"plain,"a,b","say ""hi""","#);
    }

    #[test]
    fn spans_have_at_most_two_units() {
        assert_eq!([0, 59, 61, 3600, 90_061].map(span), ["0s", "59s", "1m1s", "1h0m", "1d1h"]);
    }
}
