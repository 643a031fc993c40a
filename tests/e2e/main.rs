//! The binary, used as its users use it: real processes, a real database, real signals.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod architecture;
mod bench;
mod conditions;
mod control;
mod database;
mod disk;
mod examples;
mod harness;
mod initial;
mod invalid;
mod kill;
mod logs;
mod output;
mod readme;
mod services;
mod simulated;
mod stdio;
