//! What is wanted of a running experiment, and how it ends.

mod case;
mod delete;
mod early_stopping;
mod edit;
mod interrupt;
mod limits;
mod pause;
mod push;
mod retry;
mod stop;
mod wait;
