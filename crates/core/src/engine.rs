//! The engine: what an experiment does next.
//!
//! [`step`] looks at a [`Snapshot`] and names the [`Action`]s that are due; an interpreter (the local runner, the Kubernetes
//! controller) carries them out and tells the snapshot what happened with [`Snapshot::apply`]. Both are functions of their
//! arguments: no IO, no clock, no randomness. Actions are level-triggered: the same snapshot names the same actions again, so
//! an interpreter that died in between loses nothing, and one that has an action under way ignores its repetition.
//!
//! The order of an interpreter's work is part of the contract: apply an event, commit the change, *then* act on the world.

mod apply;
mod best;
mod event;
mod experiment_status;
mod names;
mod outcome;
mod snapshot;
mod step;
#[cfg(test)]
mod tests;
mod trial;

pub use best::{Objective, objective_value};
pub use event::{End, Event, Point, Rejected};
pub use names::trial_name;
pub use outcome::Outcome;
pub use snapshot::{Change, Snapshot};
pub use step::{Action, step};
