//! The nouns and the rules of Diwan: resources, search space, defaulting, validation, template rendering, and the engine that
//! decides what happens next. No IO, no clock, no randomness.

pub mod causes;
pub mod defaults;
pub mod digest;
pub mod domain;
pub mod engine;
pub mod filter;
pub mod gist;
pub mod initial;
pub mod load;
pub mod manifest;
pub mod observation;
pub mod pause;
pub mod permutation;
pub mod problem;
pub mod record;
pub mod resources;
pub mod schema;
pub mod sidecar;
pub mod template;
pub mod time;
pub mod validate;
pub mod view;
