//! The dialogue with an algorithm that speaks Katib's protocol, from both sides.

use diwan_core::engine::Point;
use diwan_core::resources::AlgorithmSetting;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use super::{algorithm, parameter};
use crate::katib;
use crate::katib::get_suggestions_reply::ParameterAssignments;

/// Name and value of the metadata that tells the end of a search from every other OUT_OF_RANGE: gRPC libraries send that code
/// by themselves, for a request above their size limit among others.
const END_OF_SEARCH: (&str, &str) = ("diwan-search", "exhausted");

/// Marks the error of a service as the end of the search.
pub fn mark_exhausted(status: &mut Status) {
    let (name, value) = END_OF_SEARCH;
    let value = MetadataValue::from_static(value);
    status.metadata_mut().insert(name, value);
}

/// Whether an error says that fewer points are left than were asked for, and nothing else.
#[must_use]
pub fn is_exhausted(status: &Status) -> bool {
    let (name, value) = END_OF_SEARCH;
    let marked = status.metadata().get(name).is_some_and(|it| it == value);
    status.code() == Code::OutOfRange && marked
}

/// The reply with these points, and with settings that the next request must carry.
#[must_use]
pub fn write(
    points: &[Point],
    algorithm_name: &str,
    settings: &[AlgorithmSetting],
) -> katib::GetSuggestionsReply {
    let write = |point: &Point| ParameterAssignments {
        assignments: parameter::write_assignments(&point.assignments),
        trial_name: point.name.clone(),
        labels: point.labels.clone(),
    };
    let settings: Vec<_> = settings.iter().map(algorithm::write_setting).collect();
    katib::GetSuggestionsReply {
        parameter_assignments: points.iter().map(write).collect(),
        algorithm: (!settings.is_empty()).then(|| katib::AlgorithmSpec {
            algorithm_name: algorithm_name.to_owned(),
            algorithm_settings: settings,
        }),
        early_stopping_rules: Vec::new(),
    }
}

/// The points of a reply, and the settings that the next request must carry. Rules in it are not read: as in Katib, the
/// EarlyStopping service makes them.
#[must_use]
pub fn read(reply: katib::GetSuggestionsReply) -> (Vec<Point>, Vec<AlgorithmSetting>) {
    let read = |message: ParameterAssignments| Point {
        name: message.trial_name,
        assignments: parameter::read_assignments(message.assignments),
        rules: Vec::new(),
        labels: message.labels,
    };
    let algorithm = reply.algorithm.unwrap_or_default();
    (
        reply.parameter_assignments.into_iter().map(read).collect(),
        algorithm::read_settings(algorithm.algorithm_settings),
    )
}
