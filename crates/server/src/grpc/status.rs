//! Errors as callers see them.

use diwan_core::problem::{Problem, Problems};
use diwan_proto::convert::spec_field;
use diwan_store::StoreError;
use tonic::body::Body;
use tonic::codegen::http::Response;
use tonic::{Code, Status};

/// Longest message, in bytes. It travels in a header, percent-encoded, and many clients take 8 KiB of headers.
const MAX_MESSAGE: usize = 2000;
/// How prost's decoder begins its messages; tonic keeps nothing else of them.
const UNDECODABLE: &str = "failed to decode Protobuf message: ";

/// A status with a message of bearable length.
pub(super) fn status(code: Code, message: impl Into<String>) -> Status {
    let mut message = message.into();
    if message.len() > MAX_MESSAGE {
        let end = message.floor_char_boundary(MAX_MESSAGE);
        message.truncate(end);
        message.push_str(" …");
    }
    Status::new(code, message)
}

/// Everything that is wrong with a request.
pub(super) fn invalid(problems: &Problems) -> Status {
    status(Code::InvalidArgument, problems.to_string())
}

/// One thing that is wrong with a request.
pub(super) fn invalid_field(problem: Problem) -> Status {
    invalid(&Problems(vec![problem]))
}

/// Problems of an experiment's specification as those of the message that has it, at the path `root`.
pub(super) fn in_message(root: &str, problems: Problems) -> Problems {
    let move_to = |problem: Problem| {
        let field = problem.path.strip_prefix("spec").unwrap_or(&problem.path);
        let field = field.strip_prefix('.').unwrap_or(field);
        Problem {
            path: message_path(root, field),
            ..problem
        }
    };
    Problems(problems.0.into_iter().map(move_to).collect())
}

/// The path of a field of the message at `root`, given its path in a resource's `spec`.
pub(super) fn message_path(root: &str, field: &str) -> String {
    match spec_field(field) {
        path if path.is_empty() => root.to_owned(),
        path if root.is_empty() => path,
        path => format!("{root}.{path}"),
    }
}

/// A request that is no message of its method is its sender's mistake, which tonic answers with INTERNAL.
pub(super) fn blame_sender(response: Response<Body>) -> Response<Body> {
    let found = response.extensions().get::<Status>();
    match found.and_then(|status| status.message().strip_prefix(UNDECODABLE)) {
        Some(why) => {
            let message = format!("the request cannot be decoded: {why}");
            status(Code::InvalidArgument, message).into_http()
        }
        None => response,
    }
}

/// What the store says.
pub(super) fn store(error: &StoreError) -> Status {
    let code = match error {
        StoreError::NotFound { .. } => Code::NotFound,
        StoreError::Conflict { .. } => Code::Aborted,
        StoreError::Busy | StoreError::Unreachable(_) | StoreError::Closed => Code::Unavailable,
        StoreError::Full => Code::ResourceExhausted,
        _ => Code::Internal,
    };
    if code == Code::Internal {
        tracing::error!(error = error as &dyn std::error::Error, "the store failed");
    }
    status(code, error.to_string())
}

/// The optimizer's thread died: a defect, and no reason to go down with it.
pub(super) fn broke_down(error: &tokio::task::JoinError) -> Status {
    tracing::error!(%error, "an optimizer broke down");
    status(
        Code::Internal,
        "the optimizer broke down; the server's log says where",
    )
}
