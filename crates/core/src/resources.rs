//! The resources of `kubeflow.org/v1beta1`: Experiment, Suggestion, Trial, field for field as Katib has them, and the
//! optional fields that Diwan adds.

mod collector;
mod condition;
mod experiment;
mod initial;
mod meta;
mod nas;
mod objective;
mod parameter;
mod suggestion;
mod template;
mod trial;

pub use collector::*;
pub use condition::*;
pub use experiment::*;
pub use initial::*;
pub use meta::*;
pub use nas::*;
pub use objective::*;
pub use parameter::*;
pub use suggestion::*;
pub use template::*;
pub use trial::*;

/// `apiVersion` of the three resources.
pub const API_VERSION: &str = "kubeflow.org/v1beta1";
