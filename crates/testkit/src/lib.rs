//! Fakes and conformance suites for Diwan's traits.

pub mod driver;
pub mod postgres;
pub mod store;
