//! Problems whose trials cost nothing, to compare optimizers on.

pub mod bbob;
