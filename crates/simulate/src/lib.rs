//! Problems whose trials cost nothing, to compare optimizers on.
//!
//! A problem is known by a name such as `bbob/f1/10d/i3`: [`suite::find`] makes it, [`pattern::expand`] names several at once,
//! and [`play::play`] plays an experiment on it, [`mod@bench`] many experiments of several algorithms.

pub mod bbob;
pub mod bench;
mod parameters;
pub mod pattern;
pub mod play;
pub mod problem;
mod stream;
pub mod suite;
mod values;
