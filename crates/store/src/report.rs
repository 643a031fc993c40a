//! How a report that is sent again is known.

use diwan_core::digest::{self, EMPTY, fnv1a};
use diwan_core::observation::ReportedPoint;

/// In nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// Whether an equal report can only be this one sent again. Without a step and a time within the second (Katib's SDK sends
/// whole seconds), a value that comes back is as likely.
pub(crate) fn has_a_moment(points: &[ReportedPoint]) -> bool {
    points
        .iter()
        .any(|point| point.step.is_some() || point.time_ns.is_some_and(|time| time % SECOND != 0))
}

/// FNV-1a of a whole report. It is stored: never change how it is made.
pub(crate) fn digest(points: &[ReportedPoint]) -> i64 {
    let mut hash = EMPTY;
    for point in points {
        for text in [&point.metric, &point.value] {
            hash = digest::text(hash, text);
        }
        for number in [point.time_ns, point.step] {
            hash = fnv1a(hash, &[u8::from(number.is_some())]);
            hash = fnv1a(hash, &number.unwrap_or_default().to_le_bytes());
        }
    }
    hash.cast_signed()
}
