//! The program as a pod has it.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

mod distroless;
mod exec;
mod killed;
mod pod;
mod server;
mod signals;
mod stop;
mod watch;
