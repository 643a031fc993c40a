//! The local runner and the gRPC services.

pub mod clock;
pub mod edit;
pub mod grpc;
pub mod runner;
pub mod stopper;
pub mod suggester;
