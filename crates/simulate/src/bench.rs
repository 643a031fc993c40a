//! Compares algorithms on problems: every algorithm plays every problem with every seed, and a summary says who was better by how
//! much, and what it cost.

mod cell;
mod contestant;
pub mod html;
mod plan;
mod score;
mod statistics;
mod summary;

pub use self::cell::{Cell, CellError, CellResult, CellRun};
pub use self::contestant::{BadContestant, Contestant};
pub use self::plan::{BadPlan, Options, Plan, Reason, YARDSTICK};
pub use self::summary::{Duel, Entry, Family, Group, Moment, Summary, summary};

#[cfg(test)]
mod tests;
