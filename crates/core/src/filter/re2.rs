//! Patterns as Go's `regexp` takes them, for Rust's `regex`.

/// Escapes what Go takes for a character and Rust for syntax: a brace that starts no repetition (`{metricName: …}`), and in
/// a class a bracket (`[^[]`) or a doubled operator (`[a&&b]`).
pub(super) fn to_rust(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut in_class = false;
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\\' => escape(rest),
            '[' if in_class => class_item(rest, &mut out),
            '[' => {
                in_class = true;
                class_start(rest)
            }
            ']' => {
                in_class = false;
                1
            }
            '&' | '-' | '~' if in_class && rest[1..].starts_with(first) => {
                out.push('\\');
                1
            }
            '{' if !in_class && !is_repetition(rest) => {
                out.push('\\');
                1
            }
            _ => first.len_utf8(),
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// Length of the escape at the start of `text`, with the braces of `\x{…}` and `\p{…}`.
fn escape(text: &str) -> usize {
    let Some(second) = text[1..].chars().next() else {
        return 1;
    };
    let length = 1 + second.len_utf8();
    let braced = matches!(second, 'x' | 'p' | 'P') && text[length..].starts_with('{');
    match text.find('}') {
        Some(end) if braced => end + 1,
        _ => length,
    }
}

/// Length of the opening of a class: a `]` that comes first is a member.
fn class_start(text: &str) -> usize {
    let negated = 1 + usize::from(text[1..].starts_with('^'));
    negated + usize::from(text[negated..].starts_with(']'))
}

/// Length of `[:alpha:]` at the start of `text`; any other bracket is escaped.
fn class_item(text: &str, out: &mut String) -> usize {
    match text.find(":]") {
        Some(end)
            if text.starts_with("[:")
                && text[2..end]
                    .chars()
                    .all(|name| name == '^' || name.is_ascii_alphabetic()) =>
        {
            end + 2
        }
        _ => {
            out.push('\\');
            1
        }
    }
}

/// Whether `text` starts with `{3}`, `{3,}` or `{3,5}`.
fn is_repetition(text: &str) -> bool {
    let Some((inside, _)) = text[1..].split_once('}') else {
        return false;
    };
    let (low, high) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    !low.is_empty() && is_number(low) && is_number(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    #[test]
    fn katib_patterns_stay() {
        for pattern in [
            r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)",
            r"([\w-]+)=(Genotype.*)",
            r"(\w{2,})=(\d{1,3}\.\d{2})",
            r"\p{Greek}\x{3b1}[]a][^]b][[:alpha:]_]",
        ] {
            assert_eq!(to_rust(pattern), pattern);
            Regex::new(pattern).unwrap();
        }
    }

    #[test]
    fn what_go_takes_literally_is_escaped() {
        for (pattern, matching) in [
            (
                r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}",
                "{metricName: loss, metricValue: 0.3}",
            ),
            (r"x{,3}", "x{,3}"),
            (r"[^[]+[a&&b~~c--]", "ab&"),
            (r"{", "{"),
        ] {
            let regex = Regex::new(&to_rust(pattern)).unwrap();
            assert!(regex.is_match(matching), "{pattern} became {regex}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_pattern_panics(pattern in r"[\[\]{}()^&~:,a3px\\ä-]{0,20}") {
            let _ = to_rust(&pattern);
        }

        #[test]
        fn patterns_of_plain_syntax_stay(pattern in r"([a-z]|\\d|\\w|\.|\+|\(x\)|\[a-z\]|\{2\}){0,10}") {
            proptest::prop_assert_eq!(to_rust(&pattern), pattern);
        }
    }
}
