//! Numbers as programs print them.

use std::fmt;

/// Why no value is read after a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The name is the end or the start of a longer one.
    LongerName,
    /// No `=` or `:` follows.
    NoSign,
    /// Something else than a number follows.
    NoNumber,
    /// A number follows, but it is only a part of what stands there.
    Partial,
    /// The number is larger than any that can be kept.
    TooLarge,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LongerName => "it is part of a longer name here; ask for the whole name",
            Self::NoSign => "no `=` or `:` and a number follow it",
            Self::NoNumber => "what follows it is not a number; print a bare number, or give a filter",
            Self::Partial => {
                "the number goes on after its digits; print it without separators or units (% may stay), or give a filter"
            }
            Self::TooLarge => "the number is larger than a 64-bit float can be; print inf if it is meant",
        })
    }
}

/// Length of the number that `text` starts with: digits with sign, fraction and exponent, or `nan`, `inf`, `infinity` in any
/// case.
///
/// A number that goes on is refused: half of `1,234`, `0x1F`, `9800/10000`, `1.2.3`, `15ms` or `3k` is another number. A
/// percent sign may follow; a full stop or comma too, if no digit comes after it.
pub(super) fn whole(text: &str) -> Result<usize, Refusal> {
    let length = prefix(text).ok_or(Refusal::NoNumber)?;
    if goes_on(&text[length..]) {
        Err(Refusal::Partial)
    } else if overflows(&text[..length]) {
        Err(Refusal::TooLarge)
    } else {
        Ok(length)
    }
}

/// Whether a text is a number in digits that no `f64` can hold. Reading it as infinite would make it the best of all.
pub(super) fn overflows(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit()) && text.parse().is_ok_and(f64::is_infinite)
}

/// Length of the longest number at the start of `text`, whatever follows it.
pub(super) fn prefix(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let unsigned = &bytes[sign..];
    word(unsigned)
        .or_else(|| decimal(unsigned))
        .map(|length| sign + length)
}

fn word(bytes: &[u8]) -> Option<usize> {
    let words = ["infinity", "inf", "nan"];
    words
        .into_iter()
        .map(str::len)
        .zip(words)
        .find_map(|(length, word)| {
            bytes
                .get(..length)?
                .eq_ignore_ascii_case(word.as_bytes())
                .then_some(length)
        })
}

fn decimal(bytes: &[u8]) -> Option<usize> {
    let whole = digits(bytes);
    let fraction = match &bytes[whole..] {
        [b'.', rest @ ..] => digits(rest),
        _ => 0,
    };
    let mantissa = if fraction > 0 {
        whole + 1 + fraction
    } else {
        whole
    };
    (mantissa > 0).then(|| mantissa + exponent(&bytes[mantissa..]))
}

fn exponent(bytes: &[u8]) -> usize {
    let sign = match bytes {
        [b'e' | b'E', b'+' | b'-', ..] => 2,
        [b'e' | b'E', ..] => 1,
        _ => return 0,
    };
    match digits(&bytes[sign..]) {
        0 => 0,
        count => sign + count,
    }
}

fn digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

/// Whether what stood before `rest` is only a part of something.
fn goes_on(rest: &str) -> bool {
    let mut characters = rest.chars();
    let Some(first) = characters.next() else {
        return false;
    };
    let digit_follows = characters.next().is_some_and(|next| next.is_ascii_digit());
    match first {
        '_' => true,
        '.' | ',' | ':' | '/' | '+' | '-' | '\'' => digit_follows,
        _ => first.is_alphanumeric() || is_assigned(rest),
    }
}

/// Whether a single `=` comes next, as in `accuracy:0 = 0.93`: then the number was part of the name.
fn is_assigned(rest: &str) -> bool {
    rest.trim_start()
        .strip_prefix('=')
        .is_some_and(|after| !after.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read() {
        for (text, number) in [
            ("1", "1"),
            ("-0.5e-3 next", "-0.5e-3"),
            ("+.5,", "+.5"),
            ("1.", "1"),
            ("0.93.", "0.93"),
            ("95%", "95"),
            ("0.9, loss=1", "0.9"),
            ("0.9,loss=1", "0.9"),
            ("0.9}", "0.9"),
            ("0.9 ====", "0.9"),
            ("0.3±0.1", "0.3"),
            ("NaN", "NaN"),
            ("-INF]", "-INF"),
            ("Infinity", "Infinity"),
            ("007", "007"),
        ] {
            assert_eq!(
                whole(text).map(|length| &text[..length]),
                Ok(number),
                "{text}"
            );
        }
    }

    #[test]
    fn parts_of_numbers_are_refused() {
        for text in [
            "1,234",
            "0,93",
            "0.9abc",
            "1e",
            "1e+",
            "0x1F",
            "1_000",
            "3k",
            "15ms",
            "9800/10000",
            "1.2.3",
            "12:30",
            "2024-01-02",
            "1'234",
            "0 = 0.93",
            "nano",
            "info",
            "Infinite",
            "0.3+0.1",
            "٣",
        ] {
            let refusal = if text == "٣" {
                Refusal::NoNumber
            } else {
                Refusal::Partial
            };
            assert_eq!(whole(text), Err(refusal), "{text}");
        }
    }

    #[test]
    fn numbers_that_no_float_holds_are_refused() {
        for text in ["1e400", "-1e309", "1e99999999999", &"9".repeat(400)] {
            assert_eq!(whole(text), Err(Refusal::TooLarge), "{text}");
        }
        for text in ["1.7976931348623157e308", "1e-400", "inf", "-Infinity"] {
            assert_eq!(whole(text), Ok(text.len()), "{text}");
        }
    }

    #[test]
    fn other_things_are_no_numbers() {
        for text in [
            "",
            "-",
            "--1",
            "+",
            ".",
            "e5",
            ".e5",
            "None",
            "tensor(0.3)",
            "[0.1]",
        ] {
            assert_eq!(whole(text), Err(Refusal::NoNumber), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_read_parses(text in "[-+.,0-9eEinfaNt% ]{0,12}") {
            if let Ok(length) = whole(&text) {
                let number = text[..length].parse::<f64>();
                let is_word = text[..length].to_lowercase().contains("inf");
                proptest::prop_assert!(number.is_ok_and(|number| is_word || !number.is_infinite()), "{}", text);
            }
        }

        #[test]
        fn every_printed_number_is_read_whole(number: f64) {
            for text in [format!("{number}"), format!("{number:e}"), format!("{number:.3}")] {
                proptest::prop_assert_eq!(whole(&text), Ok(text.len()));
            }
        }
    }
}
