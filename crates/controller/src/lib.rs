//! Experiments as custom resources: the controller, its webhooks, its certificates.
//!
//! [`Controller`] follows the cluster's Experiments. Each is taken into the store, where the record is, and carried on by a
//! runner of its own, the same that runs experiments on a laptop, whose driver makes objects of the cluster. What is committed
//! is shown in the objects' statuses by one publisher.

pub mod admission;
mod announce;
mod catch_up;
mod claims;
mod collectors;
mod controller;
pub mod crd;
mod experiments;
mod finalizers;
mod intake;
pub mod katib_config;
pub mod kinds;
mod ledger;
mod logs;
pub mod metrics;
pub mod mirror;
pub mod optimizers;
mod publish;
mod recent;
mod shards;
mod templates;
mod troubles;

pub use controller::Controller;
