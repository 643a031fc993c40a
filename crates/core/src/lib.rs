//! The nouns and the rules of Diwan: resources, search space, defaulting, validation, template rendering, and the engine that
//! decides what happens next. No IO, no clock, no randomness.

pub mod engine;
pub mod observation;
pub mod record;
pub mod resources;
pub mod time;
