//! The local runner and the gRPC services.
