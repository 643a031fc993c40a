//! Between messages and core types, one file per family of messages.
//!
//! In each, `read` makes core types of a message, or tells everything that is wrong with it, by the path of the field in the
//! message; `write` makes a message, and cannot fail. Reading judges the form only (numbers of enums, times, fields without
//! which there is nothing to read); whether an experiment makes sense is for validation in core and the algorithms.

mod algorithm;
pub mod answer;
pub mod experiment;
mod nas;
mod objective;
pub mod observation;
mod parameter;
mod path;
pub mod problems;
pub mod rules;
pub mod suggestions;
mod time;
pub mod trials;

pub use algorithm::read_early_stopping;
pub use path::spec_field;
pub use time::read_nanoseconds;

#[cfg(test)]
mod tests;
