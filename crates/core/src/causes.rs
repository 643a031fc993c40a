//! An error with what it came from.

use std::error::Error;

/// The words of an error's sources, the nearest first, without those that stand in what is told before: `message`, for the error
/// itself, or another source.
pub fn causes(message: &str, error: &dyn Error) -> impl Iterator<Item = String> {
    let mut told = message.to_owned();
    let mut next = error.source();
    std::iter::from_fn(move || {
        while let Some(cause) = next {
            next = cause.source();
            let text = cause.to_string();
            if !told.contains(&text) {
                told.clone_from(&text);
                return Some(text);
            }
        }
        None
    })
}

/// `message`, for an error, and its causes in one line.
#[must_use]
pub fn in_full(message: &str, error: &dyn Error) -> String {
    causes(message, error).fold(message.to_owned(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use thiserror::Error;

    #[derive(Debug, Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn what_is_told_is_not_told_again() {
        let inner = Layer("refused", None);
        let middle = Layer("cannot connect: refused", Some(Box::new(inner)));
        let outer = Layer("no answer", Some(Box::new(middle)));
        let causes: Vec<String> = causes("no answer", &outer).collect();
        assert_eq!(causes, ["cannot connect: refused"]);
        assert_eq!(
            in_full("no answer", &outer),
            "no answer: cannot connect: refused"
        );
    }
}
