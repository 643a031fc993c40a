//! Words of commands that are printed to be typed.

use std::borrow::Cow;

/// A word as a POSIX shell reads it back: in quotes if it needs them.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./_-".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        Cow::Borrowed(word)
    } else {
        Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for word in [
            "",
            "plain-1",
            "sqlite:/a/b.db?x=1",
            "a b",
            "it's",
            "$HOME",
            "~",
            "`id`",
            "a\nb",
            "\\",
            "é",
            "*",
            "!x",
            "#x",
            "a;b|c>d&e",
        ] {
            let script = format!("printf %s {}", quoted(word));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word, "{script}");
        }
    }

    #[test]
    fn quotes_are_only_where_they_are_needed() {
        for word in ["/a/b_c.d", "tpe-x=http://127.0.0.1:6789", "sqlite:diwan.db"] {
            assert_eq!(quoted(word), word);
        }
    }
}
