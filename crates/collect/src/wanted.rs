//! The metrics that an experiment asks for.

use std::ops::Range;

use diwan_core::resources::ObjectiveSpec;
use regex::{Regex, RegexBuilder};

use crate::CollectError;

/// Bytes that the automaton of all names may take; enough for some ten thousand names.
const FINDER_LIMIT: usize = 16 << 20;

/// The metrics that an experiment asks for, and a fast search for their names.
#[derive(Clone, Debug)]
pub struct Wanted {
    names: Vec<String>,
    finder: Regex,
}

impl Wanted {
    /// The objective's metrics, each once; empty names are left out.
    ///
    /// # Errors
    /// When no name is left, or the names are too many to search for.
    pub fn new(objective: &ObjectiveSpec) -> Result<Self, CollectError> {
        let mut names: Vec<String> = Vec::new();
        for name in objective.metric_names().filter(|name| !name.is_empty()) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if names.is_empty() {
            return Err(CollectError::NoMetrics);
        }
        let finder = finder(&names).map_err(|_| CollectError::TooManyMetrics(names.len()))?;
        Ok(Self { names, finder })
    }

    /// The names, the objective's first.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether `name` is one of them.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// Whether a name stands anywhere in `line`.
    #[must_use]
    pub fn is_mentioned(&self, line: &str) -> bool {
        self.finder.is_match(line)
    }

    /// Where the next name stands in `line`, searching from byte `from` (a character's start, at most the length). Of names that
    /// start at the same place it is the longest.
    pub(crate) fn next(&self, line: &str, from: usize) -> Option<Range<usize>> {
        self.finder.find_at(line, from).map(|found| found.range())
    }
}

fn finder(names: &[String]) -> Result<Regex, regex::Error> {
    let mut longest_first: Vec<&str> = names.iter().map(String::as_str).collect();
    longest_first.sort_by_key(|name| std::cmp::Reverse(name.len()));
    let escaped: Vec<String> = longest_first.into_iter().map(regex::escape).collect();
    RegexBuilder::new(&escaped.join("|"))
        .size_limit(FINDER_LIMIT)
        .build()
}

#[cfg(test)]
pub(crate) fn wanted(names: &[&str]) -> Wanted {
    Wanted::new(&objective(names)).unwrap()
}

#[cfg(test)]
pub(crate) fn objective(names: &[&str]) -> ObjectiveSpec {
    ObjectiveSpec {
        kind: diwan_core::resources::ObjectiveType::Maximize,
        objective_metric_name: names.first().map(ToString::to_string).unwrap_or_default(),
        additional_metric_names: names.iter().skip(1).map(ToString::to_string).collect(),
        ..ObjectiveSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_once_and_in_order() {
        assert_eq!(wanted(&["acc", "loss", "acc", ""]).names(), ["acc", "loss"]);
    }

    #[test]
    fn no_name_is_refused() {
        assert!(matches!(
            Wanted::new(&objective(&[""])),
            Err(CollectError::NoMetrics)
        ));
    }

    #[test]
    fn names_are_not_patterns_and_the_longest_is_found() {
        let wanted = wanted(&["a.c", "a.c/top5"]);
        assert!(!wanted.is_mentioned("abc=1"));
        assert_eq!(wanted.next("x a.c/top5=1", 0), Some(2..10));
    }
}
