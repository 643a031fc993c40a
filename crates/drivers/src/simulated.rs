//! Trials that are played and not run: a task sleeps, and writes what a training would print.

mod driver;
mod job;
mod pace;
mod record;

pub use driver::SimulatedDriver;
