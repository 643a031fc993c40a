//! The binary, used as its users use it: real processes, a real database, real signals.

mod control;
mod examples;
mod harness;
mod invalid;
mod kill;
mod output;
mod services;
