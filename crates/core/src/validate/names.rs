//! `apiVersion`, `kind` and `metadata`.

use crate::problem::Problem;
use crate::resources::{API_VERSION, Experiment};

/// Longest name: names of trials, jobs and labels are made of it.
const LONGEST: usize = 40;
const RULE: &str = "name must consist of lower case alphanumeric characters or '-', start with an alphabetic character, \
                    and end with an alphanumeric character (e.g. 'my-name', or 'abc-123'), and may not be longer than 40 \
                    characters. ";

pub(super) fn check(experiment: &Experiment, problems: &mut Vec<Problem>) {
    word("apiVersion", &experiment.api_version, API_VERSION, problems);
    word("kind", &experiment.kind, "Experiment", problems);
    let metadata = &experiment.metadata;
    if metadata.name.is_empty() && metadata.generate_name.is_empty() {
        problems.push(Problem::required("metadata.name", "must be specified"));
    } else if metadata.name.is_empty() {
        if !is_name(&generated_name(&metadata.generate_name, 0)) {
            problems.push(Problem::invalid(
                "metadata.generateName",
                metadata.generate_name.as_str(),
                RULE,
            ));
        }
    } else if !is_name(&metadata.name) {
        problems.push(Problem::invalid(
            "metadata.name",
            metadata.name.as_str(),
            RULE,
        ));
    }
    if !metadata.namespace.is_empty() && !is_label(&metadata.namespace) {
        problems.push(Problem::invalid(
            "metadata.namespace",
            metadata.namespace.as_str(),
            LABEL_RULE,
        ));
    }
}

fn word(path: &str, given: &str, wanted: &str, problems: &mut Vec<Problem>) {
    if given.is_empty() {
        problems.push(Problem::required(path, format!("must be {wanted}")));
    } else if given != wanted {
        problems.push(Problem::unsupported(path, given, &[wanted]));
    }
}

/// The name that is made of `metadata.generateName`: as many letters and digits follow as Kubernetes adds, five, of the `bits`
/// that the caller drew.
#[must_use]
pub fn generated_name(prefix: &str, bits: u64) -> String {
    let digits = (0..5).map(|place| bits / 36_u64.pow(place) % 36);
    let letters = digits.filter_map(|digit| char::from_digit(u32::try_from(digit).ok()?, 36));
    prefix.chars().chain(letters).collect()
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST
        && is_label(name)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// What [`is_label`] wants, in words.
pub const LABEL_RULE: &str =
    "must be a DNS label: lower case alphanumeric characters or '-', at most 63";

/// Whether a name is one that Kubernetes takes for namespaces and, unlike others, everywhere a name is needed.
#[must_use]
pub fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["a", "abc-123", "x0", &"a".repeat(40)] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "A",
            "1a",
            "a-",
            "-a",
            "a_b",
            "a.b",
            "aB",
            "a b",
            "ä",
            &"a".repeat(41),
        ] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_label("1-namespace"));
    }

    #[test]
    fn made_names_are_as_long_as_judged() {
        let longest = "a".repeat(LONGEST - 5);
        for bits in [0, 1, u64::MAX] {
            let name = generated_name(&longest, bits);
            assert!(is_name(&name) && name.len() == LONGEST, "{name}");
        }
        assert_ne!(generated_name("a-", 1), generated_name("a-", 2));
        assert!(!is_name(&generated_name(&"a".repeat(LONGEST - 4), 7)));
    }
}
