//! Every service of `diwan serve`, asked with generated clients.

mod diwan_suggestion;
mod early_stopping;
mod messages;
mod observations;
mod probes;
mod suggestion;
