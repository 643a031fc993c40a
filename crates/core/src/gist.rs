//! Long messages in one line.

/// Bytes that are kept of each line.
const MAX_LINE: usize = 240;

/// The first line of a message and its last, which of a traceback is the one that says what happened. Both are cut to 240 bytes.
#[must_use]
pub fn gist(message: &str) -> String {
    let mut lines = message
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| &line[..line.floor_char_boundary(MAX_LINE)]);
    let first = lines.next().unwrap_or_default();
    match (lines.next_back(), lines.next()) {
        (None, _) => first.to_owned(),
        (Some(last), None) => format!("{first} {last}"),
        (Some(last), Some(_)) => format!("{first} … {last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_one_line() {
        for (message, line) in [
            ("", ""),
            ("exit code 3", "exit code 3"),
            (
                "last lines of stderr:\n  oh no\n",
                "last lines of stderr: oh no",
            ),
            (
                "last lines of stderr:\nTraceback:\n\n  here\nValueError: x",
                "last lines of stderr: … ValueError: x",
            ),
        ] {
            assert_eq!(gist(message), line);
        }
        let long = "é".repeat(MAX_LINE);
        assert_eq!(gist(&long).len(), MAX_LINE);
    }
}
