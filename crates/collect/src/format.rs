//! What a line of a trial's output says: one file per format, one row per format in [`FORMATS`].

mod filter;
mod json;
mod number;
mod step;
mod text;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use diwan_core::resources::FileFormat;

use crate::{CollectError, Wanted, moment};

/// Reads lines.
///
/// It has no memory from one line to the next: that is what makes it safe to stop and to resume at any line.
pub trait Format: fmt::Debug + Send + Sync {
    /// Appends what `line` (without its end) reports, in the order in which it stands there.
    ///
    /// # Errors
    /// When the line is not in the format at all; then nothing is appended. A line that reports nothing is no error.
    fn line(&self, line: &str, out: &mut Vec<Reading>) -> Result<(), BadLine>;

    /// Notes what a person who wonders about `line` wants to know. Slow; not for the running trial.
    fn explain(&self, line: &str, notes: &mut Notes);
}

/// One value in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The metric.
    pub metric: String,
    /// Its value as it is written; never empty.
    pub value: String,
    /// Nanoseconds since 1970-01-01T00:00:00Z, if the line says when.
    pub time_ns: Option<i64>,
    /// Step or epoch, if the line says which.
    pub step: Option<i64>,
    /// The bytes of the line that say so: the name, the value and what is between.
    pub span: Range<usize>,
}

impl Reading {
    /// Its time as RFC 3339 in UTC, with the fraction that the line has.
    #[must_use]
    pub fn time(&self) -> Option<String> {
        self.time_ns.map(moment::written)
    }
}

/// A line that is not in the format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadLine {
    /// What is wrong, and at which column.
    pub why: String,
}

/// What a format has to say about the lines that it was asked to explain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Wanted names that stand in the line and give nothing there.
    pub misses: Vec<Miss>,
    /// A time of the line that cannot be read, as it is written.
    pub unread_time: Option<String>,
    /// Names of all metrics that the format could read, wanted or not.
    pub names: BTreeSet<String>,
}

/// A wanted name that gives nothing where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The metric.
    pub metric: String,
    /// The bytes of its name in the line.
    pub span: Range<usize>,
    /// Why it gives nothing.
    pub why: String,
}

/// Makes a format from the wanted metrics and the user's filters.
type Make = fn(Wanted, &[String]) -> Result<Arc<dyn Format>, CollectError>;

/// A row of [`FORMATS`].
#[derive(Clone, Copy, Debug)]
pub struct FormatEntry {
    /// As `source.fileSystemPath.format` has it.
    pub name: &'static str,
    /// One paragraph for people.
    pub summary: &'static str,
    /// The value in the resource.
    pub format: FileFormat,
    pub(crate) make: Make,
}

/// Every format.
pub const FORMATS: &[FormatEntry] = &[text::ENTRY, json::ENTRY];

/// The row of a format; `TEXT` when none is named.
#[must_use]
pub fn entry(format: Option<FileFormat>) -> &'static FormatEntry {
    FORMATS
        .iter()
        .find(|entry| Some(entry.format) == format)
        .unwrap_or(&text::ENTRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_the_resource_has_a_row() {
        for format in [FileFormat::Text, FileFormat::Json] {
            assert_eq!(entry(Some(format)).format, format);
        }
        assert_eq!(entry(None).name, "TEXT");
    }
}
