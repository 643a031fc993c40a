//! `diwan serve` asked by others, and others asked by `diwan run`.

mod foreign;
mod grpc;
mod listening;
mod serving;
mod sklearn;
