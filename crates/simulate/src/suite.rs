//! The list of suites. Everything else about them is derived from it.

mod bbob;
mod curves;
mod mixed;
mod name;
mod noisy;

use diwan_core::problem::nearest;

pub use self::name::ProblemName;
use crate::problem::Problem;

/// Problems of one kind.
pub trait Suite: Sync {
    /// The first part of its problems' names; unique.
    fn name(&self) -> &'static str;

    /// One or two sentences on what its problems are.
    fn summary(&self) -> &'static str;

    /// The second part of its problems' names.
    fn families(&self) -> Vec<String>;

    /// What numbers of dimensions there are, if its names have one.
    fn dimensions(&self) -> Option<(usize, usize)> {
        None
    }

    /// What numbers instances have.
    fn instances(&self) -> (u32, u32) {
        (0, 100_000)
    }

    /// Makes a problem: a family by its place in [`Suite::families`], with a dimension and an instance in range.
    fn make(&self, family: usize, dimension: usize, instance: u32) -> Box<dyn Problem>;
}

/// All suites.
pub const SUITES: &[&dyn Suite] = &[
    &bbob::Functions,
    &noisy::Noisy,
    &mixed::Mixed,
    &curves::Curves,
];

/// Why a name is no problem's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no problem {name:?}: {reason}")]
pub struct NoProblem {
    /// The name.
    pub name: String,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

/// The problem of a name.
///
/// # Errors
/// When there is none, with what would be right.
pub fn find(name: &str) -> Result<Box<dyn Problem>, NoProblem> {
    Ok(name.parse::<ProblemName>()?.make())
}

/// The suite of a name.
///
/// # Errors
/// When there is none: what would be right.
pub(crate) fn of(name: &str) -> Result<&'static dyn Suite, String> {
    let found = SUITES.iter().find(|suite| suite.name() == name);
    found.copied().ok_or_else(|| {
        let known = SUITES.iter().map(|suite| suite.name());
        format!("there is no suite {name:?}; {}", hint(name, known))
    })
}

/// The nearest of some names, or all of them.
fn hint<'a>(given: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(given, known.clone()) {
        Some(name) => format!("did you mean {name:?}?"),
        None => format!("known: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests;
