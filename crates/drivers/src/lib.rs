//! Runs trials somewhere: processes on this machine, or simulations.
//!
//! [`Driver`] is the contract; [`ProcessDriver`] runs a trial's primary container as a process group of this machine,
//! without containers; [`KubernetesDriver`] makes objects of any kind in a cluster; [`SimulatedDriver`] plays trials of benchmark
//! problems. [`podspec`] finds that container's command in a rendered job of any kind, [`logs`] keeps what the trials print.

mod clock;
mod driver;
mod identity;
pub mod kubernetes;
mod launch;
pub mod logs;
pub mod podspec;
mod process;
mod simulated;

pub use diwan_core::engine::End;
pub use driver::{Conditions, DEFAULT_GRACE, Driver, DriverError, Phase, TrialPlan};
pub use identity::is_at;
pub use kubernetes::KubernetesDriver;
pub use launch::{LaunchId, experiment_directory, trial_directory};
pub use process::{ProcessDriver, SupervisorCommand, inherit, supervise};
pub use simulated::SimulatedDriver;
