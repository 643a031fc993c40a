//! The process driver with real processes.

mod conformance;
mod launch;
mod leftovers;
mod restart;
mod stop;
mod support;
