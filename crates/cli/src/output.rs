//! How results are printed.

use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, TableStyle};
use diwan_core::record::ExperimentRecord;
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
        Self {
            titles: titles.iter().map(|title| (*title).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Prints aligned columns.
    pub(crate) fn print_table(&self) -> Result<(), Failure> {
        let mut table = Table::new();
        table
            .load_style(TableStyle::new())
            .set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.titles.iter().map(|title| title.to_uppercase()));
        table.add_rows(&self.rows);
        let mut out = io::stdout().lock();
        for line in table.lines() {
            writeln!(
                out,
                "{}",
                line.trim_end().strip_prefix(' ').unwrap_or(line.trim_end())
            )?;
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
        if cell.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
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
        Self {
            api_version: "v1",
            kind: "List",
            items,
        }
    }
}

/// A number in at most six significant digits, for people; any other text, and every whole number, as it is.
pub(crate) fn short(text: &str) -> String {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let number = text
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite() && digits > 6 && text.contains(['.', 'e', 'E']));
    let Some(rounded) = number.and_then(|number| format!("{number:.5e}").parse::<f64>().ok())
    else {
        return text.to_owned();
    };
    let plain = rounded == 0.0 || (1e-4..1e6).contains(&rounded.abs());
    if plain {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    }
}

/// Trials by state, those that there are: `4 of 6 done: 3 succeeded, 1 failed; 2 pending`. They are counted against the
/// budget, or if there is none, against all that were made.
pub(crate) fn tally(record: &ExperimentRecord) -> String {
    let counts = &record.progress.counts;
    let all = record.spec.max_trial_count;
    let all = all.map_or_else(|| counts.trials.to_string(), |max| max.to_string());
    let ended = [
        (counts.trials_succeeded, "succeeded"),
        (counts.trials_failed, "failed"),
        (counts.trial_metrics_unavailable, "without metrics"),
        (counts.trials_early_stopped, "stopped early"),
        (counts.trials_killed, "killed"),
    ];
    let active = [
        (counts.trials_running, "running"),
        (counts.trials_pending, "pending"),
    ];
    let list = |named: &[(u64, &str)]| {
        let told = named
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| format!("{count} {name}"));
        told.collect::<Vec<_>>().join(", ")
    };
    let parts = [(": ", list(&ended)), ("; ", list(&active))];
    let parts: String = parts
        .iter()
        .filter(|(_, part)| !part.is_empty())
        .map(|(before, part)| format!("{before}{part}"))
        .collect();
    format!("{} of {all} done{parts}", counts.finished())
}

/// `1 value`, `2 values`.
pub(crate) fn values(count: u64) -> String {
    format!("{count} value{}", if count == 1 { "" } else { "s" })
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
    use diwan_core::record::Progress;
    use diwan_core::resources::{ExperimentSpec, ObjectMeta, TrialCounts};

    use super::*;

    #[test]
    fn cells_that_need_it_are_quoted() {
        let cells = ["plain", "a,b", "say \"hi\"", ""].map(str::to_owned);
        assert_eq!(csv_line(&cells), r#"plain,"a,b","say ""hi""","#);
    }

    #[test]
    fn numbers_are_shortened_and_nothing_else() {
        let long = [
            "0.004073264898342393",
            "32.4545001",
            "-1.23456789e-20",
            "0.99999999",
            "123456789.123",
            "0.000000001234567",
        ];
        assert_eq!(
            long.map(short),
            [
                "0.00407326",
                "32.4545",
                "-1.23457e-20",
                "1",
                "1.23457e8",
                "1.23457e-9"
            ]
        );
        for text in [
            "0.05",
            "12345678901",
            "nan",
            "adam-0.123456789",
            "",
            "2m13s",
            "1.6790",
            "0.004073",
        ] {
            assert_eq!(short(text), text);
        }
    }

    #[test]
    fn tallies_name_what_there_is() {
        let mut record = ExperimentRecord {
            metadata: ObjectMeta::default(),
            spec: ExperimentSpec::default(),
            progress: Progress::default(),
        };
        assert_eq!(tally(&record), "0 of 0 done");
        record.progress.counts = TrialCounts {
            trials: 6,
            trials_succeeded: 3,
            trials_failed: 1,
            trials_pending: 2,
            ..TrialCounts::default()
        };
        assert_eq!(
            tally(&record),
            "4 of 6 done: 3 succeeded, 1 failed; 2 pending"
        );
        record.spec.max_trial_count = Some(12);
        assert_eq!(
            tally(&record),
            "4 of 12 done: 3 succeeded, 1 failed; 2 pending"
        );
    }

    #[test]
    fn spans_have_at_most_two_units() {
        assert_eq!(
            [0, 59, 61, 3600, 90_061].map(span),
            ["0s", "59s", "1m1s", "1h0m", "1d1h"]
        );
    }
}
