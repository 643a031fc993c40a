//! The process driver with real processes.

mod conformance;
mod killed;
mod launch;
mod leftovers;
mod restart;
mod stop;
mod supervisor;
mod support;
