//! Problems of an experiment, as Diwan's own service tells them.

use diwan_core::problem::{Problem, Problems};

use crate::diwan;

/// The reply with these problems.
#[must_use]
pub fn write(problems: &Problems) -> diwan::ValidateReply {
    diwan::ValidateReply {
        problems: problems.0.iter().map(write_problem).collect(),
    }
}

fn write_problem(problem: &Problem) -> diwan::Problem {
    let at = problem.at.unwrap_or_default();
    // Path and place have fields of their own; the text is the rest.
    let bare = Problem {
        path: String::new(),
        at: None,
        ..problem.clone()
    };
    diwan::Problem {
        path: problem.path.clone(),
        message: bare.to_string(),
        hint: problem.hint.clone().unwrap_or_default(),
        line: at.line,
        column: at.column,
    }
}
