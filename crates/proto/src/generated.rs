#![expect(
    missing_docs,
    clippy::allow_attributes,
    reason = "generated; the comments are in proto/"
)]

/// `api.v1.beta1`: the services of Kubeflow Katib.
pub mod katib {
    include!(concat!(env!("OUT_DIR"), "/api.v1.beta1.rs"));
}

/// `diwan.v1`: the suggestion service of Diwan.
pub mod diwan {
    include!(concat!(env!("OUT_DIR"), "/diwan.v1.rs"));
}
