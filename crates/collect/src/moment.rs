//! When a line says that it happened.

use std::sync::LazyLock;

use regex::Regex;

/// More digits than this say nothing within the range of nanoseconds.
const DIGITS: usize = 30;

/// The time before the first blank of a line, if it is RFC 3339.
pub(crate) fn leading(line: &str) -> Option<i64> {
    if !line.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    line.split([' ', '\t']).next().and_then(rfc3339)
}

/// The start of a line that looks like a date and a time and is not what [`leading`] reads.
pub(crate) fn unread(line: &str) -> Option<&str> {
    static DATE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}(?:[Tt ][0-9:.,]+\S*)?")
            .expect("a constant pattern")
    });
    let date = DATE.find(line)?;
    leading(line).is_none().then_some(date.as_str())
}

/// RFC 3339 in UTC, of nanoseconds since the epoch.
pub(crate) fn written(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(nanos.into())
        .map_or_else(|_| format!("{nanos}ns"), |time| time.to_string())
}

/// Nanoseconds since the epoch, of an RFC 3339 time.
pub(crate) fn rfc3339(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

/// RFC 3339 or a number, see [`number`].
pub(crate) fn any(text: &str) -> Option<i64> {
    let text = text.trim();
    number(text).or_else(|| rfc3339(text))
}

/// Nanoseconds since the epoch, of a decimal number of seconds, exact to the nanosecond (what is finer is cut).
///
/// Numbers of at least 10^11 (the year 5138 in seconds) are read as milliseconds, of 10^14 as microseconds, of 10^17 as
/// nanoseconds: each later than 1973 in its unit.
pub(crate) fn number(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let nanos = as_seconds(text)?;
    let per_nano = match nanos / 1_000_000_000 {
        size if size < 100_000_000_000 => 1,
        size if size < 100_000_000_000_000 => 1_000,
        size if size < 100_000_000_000_000_000 => 1_000_000,
        _ => 1_000_000_000,
    };
    let in_its_unit = nanos / per_nano;
    let signed = if negative { -in_its_unit } else { in_its_unit };
    i64::try_from(signed).ok()
}

/// An unsigned decimal times 10^9.
fn as_seconds(text: &str) -> Option<i128> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = [whole, fraction]
        .iter()
        .all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if !all_digits || whole.len() + fraction.len() == 0 {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let kept: String = whole.chars().chain(fraction.chars()).take(DIGITS).collect();
    let scale = i64::from(exponent) + 9 + i64::try_from(whole.len()).ok()?
        - i64::try_from(kept.len()).ok()?;
    scaled(kept.parse().unwrap_or(0), scale)
}

/// `digits` times 10^`scale`, cut; nothing if it is out of range.
fn scaled(digits: i128, scale: i64) -> Option<i128> {
    let power = u32::try_from(scale.unsigned_abs())
        .ok()
        .and_then(|scale| 10_i128.checked_pow(scale));
    match power {
        _ if digits == 0 => Some(0),
        Some(power) if scale >= 0 => digits.checked_mul(power),
        Some(power) => Some(digits / power),
        None if scale < 0 => Some(0),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_exact() {
        assert_eq!(number("1638422847.28721"), Some(1_638_422_847_287_210_000));
        assert_eq!(
            number("1638422847.123456789"),
            Some(1_638_422_847_123_456_789)
        );
        assert_eq!(
            number("1638422847.1234567899999"),
            Some(1_638_422_847_123_456_789)
        );
        assert_eq!(number("0.000000001"), Some(1));
        assert_eq!(number("-1.5"), Some(-1_500_000_000));
        assert_eq!(
            number("1.63842284728721e9"),
            Some(1_638_422_847_287_210_000)
        );
        assert_eq!(
            number("000000000000000000000000000000000000000001"),
            Some(1_000_000_000)
        );
    }

    #[test]
    fn units_are_told_by_size() {
        let expected = Some(1_638_422_847_287_210_000);
        assert_eq!(number("1638422847287.21"), expected);
        assert_eq!(number("1638422847287210"), expected);
        assert_eq!(number("1638422847287210000"), expected);
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            ".",
            "-",
            "1e",
            "1e99",
            "1e99999",
            "nan",
            "inf",
            "12:30",
            "0x10",
            "9".repeat(60).as_str(),
        ] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(number("1e-9999"), Some(0));
    }

    #[test]
    fn rfc3339_keeps_its_fraction_and_offset() {
        assert_eq!(
            rfc3339("2021-12-02T06:27:27.28721+01:00"),
            Some(1_638_422_847_287_210_000)
        );
        assert_eq!(
            leading("2021-12-02T05:27:27Z acc=1"),
            Some(1_638_422_847_000_000_000)
        );
        assert_eq!(leading("2021-12-02 05:27:27 acc=1"), None);
        assert_eq!(leading("9999-12-31T23:59:59Z acc=1"), None, "out of range");
        assert_eq!(leading(""), None);
        assert_eq!(
            written(1_638_422_847_287_210_000),
            "2021-12-02T05:27:27.28721Z"
        );
    }

    #[test]
    fn dates_that_are_not_read_are_known() {
        for (line, date) in [
            ("2021-12-02 05:27:27,123 acc=1", "2021-12-02 05:27:27,123"),
            ("2021-12-02T05:27:27 acc=1", "2021-12-02T05:27:27"),
            ("2021/12/02 acc=1", "2021/12/02"),
            ("2021-13-40T05:27:27Z acc=1", "2021-13-40T05:27:27Z"),
        ] {
            assert_eq!(unread(line), Some(date));
        }
        assert_eq!(unread("2021-12-02T05:27:27Z acc=1"), None);
        assert_eq!(unread("2021 acc=1"), None);
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_integers(seconds in 0_i64..9_000_000_000, nanos in 0_i64..1_000_000_000) {
            let text = format!("{seconds}.{nanos:09}");
            proptest::prop_assert_eq!(number(&text), Some(seconds * 1_000_000_000 + nanos));
        }

        #[test]
        fn no_text_panics(text in "[-+.0-9eE:TZ]{0,40}") {
            let _ = any(&text);
        }
    }
}
