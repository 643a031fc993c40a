//! Where in a message.

use std::fmt;

use diwan_core::problem::Problem;

/// The path of a field, written out only when something is wrong there.
#[derive(Clone, Copy)]
pub(super) struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Field(&'static str),
    Index(usize),
}

impl<'a> Path<'a> {
    /// A field of the request itself.
    pub(super) const fn root(name: &'static str) -> Self {
        Self {
            parent: None,
            step: Step::Field(name),
        }
    }

    /// A field of this message.
    pub(super) const fn field(&'a self, name: &'static str) -> Self {
        Self {
            parent: Some(self),
            step: Step::Field(name),
        }
    }

    /// An element of this list.
    pub(super) const fn index(&'a self, index: usize) -> Self {
        Self {
            parent: Some(self),
            step: Step::Index(index),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match (self.step, self.parent) {
            (Step::Field(name), None) => f.write_str(name),
            (Step::Field(name), Some(_)) => write!(f, ".{name}"),
            (Step::Index(index), _) => write!(f, "[{index}]"),
        }
    }
}

/// Reads the number of an enum. One that the enum does not have is a problem, and reads as the enum's first value.
pub(super) fn known<E>(
    number: i32,
    right: &'static str,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> E
where
    E: TryFrom<i32> + Default,
{
    E::try_from(number).unwrap_or_else(|_| {
        let message = format!("must be one of {right}");
        problems.push(Problem::invalid(at.to_string(), number, message));
        E::default()
    })
}

/// The same for an enum whose 0 says that nothing was given, which is a problem too.
pub(super) fn specified<E>(
    number: i32,
    right: &'static str,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> E
where
    E: TryFrom<i32> + Default,
{
    if number == 0 {
        let message = format!("must be one of {right}");
        problems.push(Problem::required(at.to_string(), message));
        return E::default();
    }
    known(number, right, at, problems)
}

/// The message in an optional field; a problem, and an empty message, if it is not there.
pub(super) fn required<M: Default>(
    message: Option<M>,
    at: Path<'_>,
    problems: &mut Vec<Problem>,
) -> M {
    message.unwrap_or_else(|| {
        problems.push(Problem::required(at.to_string(), "must be set"));
        M::default()
    })
}

/// The path, in a message, of a field that core and the algorithms name by its place in a resource's `spec`:
/// `parameters[2].feasibleSpace.min` is `parameter_specs.parameters[2].feasible_space.min`.
#[must_use]
pub fn spec_field(field: &str) -> String {
    let mut path = String::with_capacity(field.len() + 24);
    let mut in_brackets = false;
    for letter in field.chars() {
        match letter {
            '[' => in_brackets = true,
            ']' => in_brackets = false,
            _ => {}
        }
        if letter.is_ascii_uppercase() && !in_brackets {
            path.push('_');
            path.push(letter.to_ascii_lowercase());
        } else {
            path.push(letter);
        }
    }
    // Lists that stand in a message of their own.
    for (list, message) in [
        ("parameters", "parameter_specs.parameters"),
        ("nas_config.operations", "nas_config.operations.operation"),
    ] {
        if let Some(rest) = path.strip_prefix(list) {
            return format!("{message}{}", spec_list(rest));
        }
    }
    path
}

fn spec_list(rest: &str) -> String {
    rest.replacen("].parameters[", "].parameter_specs.parameters[", 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_the_field_it_is() {
        let root = Path::root("experiment");
        let spec = root.field("spec");
        let list = spec.field("parameters");
        assert_eq!(list.index(2).to_string(), "experiment.spec.parameters[2]");
    }

    #[test]
    fn fields_of_a_resource_become_fields_of_a_message() {
        for (resource, message) in [
            (
                "parameters[2].feasibleSpace.min",
                "parameter_specs.parameters[2].feasible_space.min",
            ),
            (
                "algorithm.algorithmSettings[maxIter]",
                "algorithm.algorithm_settings[maxIter]",
            ),
            (
                "nasConfig.operations[0].parameters[1].name",
                "nas_config.operations.operation[0].parameter_specs.parameters[1].name",
            ),
            ("", ""),
        ] {
            assert_eq!(spec_field(resource), message);
        }
    }
}
