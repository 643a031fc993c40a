//! For whoever runs trials: what every driver must do, and a driver whose trials end as told.

mod conforms;
mod scripted;

pub use conforms::{Behaviour, Subject, conforms};
pub use scripted::{Script, Scripted};
