//! The filters of a metrics collector: regular expressions with a group for the name and one for the value.

mod re2;

use regex::{Regex, RegexBuilder};

/// Bytes that one compiled filter may take; a repetition of repetitions grows fast.
const SIZE_LIMIT: usize = 2 << 20;

/// A compiled filter and which of its groups is what.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The expression.
    pub regex: Regex,
    /// The group of the metric's name.
    pub name: usize,
    /// The group of its value.
    pub value: usize,
}

/// Why a pattern is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// It is no regular expression, or takes too much memory.
    #[error("it is no regular expression: {0}")]
    Syntax(String),
    /// It has fewer than two groups.
    #[error(
        "two top subexpressions are required: the first for the metric's name, the second for its value (or groups named \
         `name` and `value`)"
    )]
    Groups,
}

impl Filter {
    /// Compiles a pattern, written as Go's `regexp` takes it.
    ///
    /// The groups of name and value are those named `name` and `value`, else the first and the second of the unnamed ones.
    ///
    /// # Errors
    /// When the pattern is no regular expression, is too big, or lacks a group.
    pub fn new(pattern: &str) -> Result<Self, FilterError> {
        let built = RegexBuilder::new(&re2::to_rust(pattern))
            .size_limit(SIZE_LIMIT)
            .build();
        let regex = built.map_err(|error| FilterError::Syntax(reason(&error)))?;
        let (name, value) = groups(&regex).ok_or(FilterError::Groups)?;
        Ok(Self { regex, name, value })
    }
}

fn groups(regex: &Regex) -> Option<(usize, usize)> {
    let named = |wanted: &str| regex.capture_names().position(|name| name == Some(wanted));
    let mut unnamed = regex
        .capture_names()
        .enumerate()
        .skip(1)
        .filter(|(_, name)| name.is_none())
        .map(|(index, _)| index);
    let name = named("name").or_else(|| unnamed.next())?;
    let value = named("value").or_else(|| unnamed.next())?;
    Some((name, value))
}

/// The reason in one line; the whole message draws the pattern over several.
fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("it takes more than {limit} bytes compiled; repeat less")
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(pattern: &str) -> String {
        Filter::new(pattern).unwrap_err().to_string()
    }

    #[test]
    fn groups_are_found_by_name_or_place() {
        for (pattern, expected) in [
            (r"(\w+)=((\d+)(\.\d+)?)", (1, 2)),
            (r"(?<value>\d+) is (?<name>\w+)", (2, 1)),
            (r"(?P<value>\d+) is (\w+)", (2, 1)),
            (r"(?<step>\d+): (\w+) (\d+)", (2, 3)),
        ] {
            let filter = Filter::new(pattern).unwrap();
            assert_eq!((filter.name, filter.value), expected, "{pattern}");
        }
    }

    #[test]
    fn bad_patterns_are_refused() {
        assert_eq!(
            refusal("(a)=(b"),
            "it is no regular expression: unclosed group"
        );
        assert!(refusal("(a)=(?:b)").starts_with("two top subexpressions are required"));
        assert!(refusal(r"((\w{100}){100})=(\d)").contains("repeat less"));
    }
}
