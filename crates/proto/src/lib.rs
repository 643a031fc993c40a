//! The wire contracts of Diwan and their conversions to core.
//!
//! [`katib`] and [`diwan`] are generated from `proto/`. Only the services and clients themselves handle generated messages;
//! everybody else sees core types, through [`convert`].

pub mod convert;
mod descriptor;
mod generated;

pub use descriptor::FILE_DESCRIPTOR_SET;
pub use generated::{diwan, katib};
