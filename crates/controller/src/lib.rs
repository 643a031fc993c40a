//! Experiments as custom resources: the controller, its webhooks, its certificates.

pub mod kinds;
