//! Bytes that a trial writes, turned into observations.
//!
//! A [`Collector`] is made once from an experiment. Each stream of a trial (its standard output, its standard error, a file)
//! gets a [`Stream`], which takes the bytes as they come and yields [`MetricPoint`](diwan_core::observation::MetricPoint)s.
//! [`Tail`] feeds a stream from a file. [`RuleWatch`] decides on the points whether to stop the trial early, [`Summary`]
//! makes the trial's observation of them, and [`explain`] shows what a sample log would give.
//!
//! What a line means depends on the line alone. That is why a stream can be left at any [`Stream::cursor`] and be taken up
//! there by another process, and why reading a line twice gives the same points at the same places.

mod collector;
pub mod events;
mod explain;
pub mod exposition;
mod format;
mod lines;
mod moment;
mod rules;
mod summary;
mod tail;
mod wanted;

pub use collector::{CollectError, Collector, Stats, Stream};
pub use explain::{ExplainError, ExplainedLine, Explanation, MetricTotal, SHOWN_LINES, explain};
pub use format::{BadLine, FORMATS, Format, FormatEntry, Miss, Notes, Reading, entry};
pub use lines::{Line, LineSplitter, MAX_LINE, told_cut};
pub use rules::{Fired, FiredRule, RuleError, RuleWatch};
pub use summary::Summary;
pub use tail::{Origin, Tail};
pub use wanted::Wanted;
