//! The optimizers of Diwan: one file per algorithm, registered in one list.
//!
//! A caller makes a [`study::StudySpec`] of an experiment, puts the trials into a [`study::Study`], and asks
//! [`registry::suggest`] for points. [`stopping::admit`] finds what makes stopping rules. Everything here is a function of its
//! arguments: no clock, no environment, no randomness but the study's seed.

pub mod algorithm;
mod asha;
mod auto;
mod bayesianoptimization;
mod bohb;
mod cmaes;
pub mod conformance;
mod evidence;
mod foresight;
mod fresh;
mod gp;
mod grid;
mod halving;
mod hyperband;
mod lbfgs;
mod linalg;
pub mod listing;
mod opening;
mod random;
pub mod registry;
pub mod settings;
mod sobol;
pub mod space;
pub mod stopping;
pub mod study;
mod tpe;
