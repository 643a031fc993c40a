//! Times, which messages write as RFC 3339 text.

use diwan_core::problem::Problem;
use diwan_core::time::Timestamp;

use super::path::Path;

/// What Katib writes where there is no time: Go's zero time.
pub(super) const NO_TIME: &str = "0001-01-01T00:00:00Z";
/// Seconds of Go's zero time since 1970.
const NO_TIME_SECONDS: i64 = -62_135_596_800;

/// Nanoseconds since 1970-01-01T00:00:00Z of an RFC 3339 text with any offset and any fraction. Empty text and
/// `0001-01-01T00:00:00Z` are no time.
///
/// # Errors
/// When the text is no time, or one that 64 bits cannot hold (before 1677 or after 2262).
pub fn read_nanoseconds(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let time: jiff::Timestamp = text
        .parse()
        .map_err(|_| "must be an RFC 3339 time such as 2026-11-21T10:00:00.5Z".to_owned())?;
    if time.as_second() == NO_TIME_SECONDS {
        return Ok(None);
    }
    i64::try_from(time.as_nanosecond())
        .map(Some)
        .map_err(|_| "must be a time from 1678 to 2261".to_owned())
}

/// The same, with a problem where the text is wrong.
pub(super) fn nanoseconds(text: &str, at: Path<'_>, problems: &mut Vec<Problem>) -> Option<i64> {
    read_nanoseconds(text).unwrap_or_else(|message| {
        problems.push(Problem::invalid(at.to_string(), text, message));
        None
    })
}

/// RFC 3339 in UTC, with as much of a fraction as there is.
pub(super) fn write_nanoseconds(nanoseconds: Option<i64>) -> String {
    nanoseconds
        .and_then(|ns| jiff::Timestamp::from_nanosecond(i128::from(ns)).ok())
        .map_or_else(|| NO_TIME.to_owned(), |time| time.to_string())
}

/// A time of a resource; whole seconds are all that Katib sends of it.
pub(super) fn timestamp(
    text: &str,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Timestamp> {
    let nanoseconds = nanoseconds(text, at, problems)?;
    Some(Timestamp::from_millis(nanoseconds.div_euclid(1_000_000)))
}

/// A time of a resource as Katib writes it in messages: empty where there is none.
pub(super) fn write_timestamp(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}
