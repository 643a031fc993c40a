//! What an unquoted word of YAML means: the core schema of YAML 1.2, with the octal numbers (`0644`) of Kubernetes.

use serde_json::{Number, Value};

/// The value of an unquoted scalar. Infinities and NaN, which JSON lacks, become the strings `inf`, `-inf`, `nan`.
#[must_use]
pub(crate) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => match special(text) {
            Some(word) => Value::String(word.to_owned()),
            None => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
        },
    }
}

/// The text of an unquoted scalar for a field that holds text: as written, but `.inf` and `.nan` as programs write them.
#[must_use]
pub(crate) fn as_text(text: &str) -> &str {
    special(text).unwrap_or(text)
}

fn special(text: &str) -> Option<&'static str> {
    match text {
        ".nan" | ".NaN" | ".NAN" => Some("nan"),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some("inf"),
        "-.inf" | "-.Inf" | "-.INF" => Some("-inf"),
        _ => None,
    }
}

/// The number that an unquoted scalar is, if it is one that fits.
#[must_use]
fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return integer(text);
    }
    is_float(unsigned)
        .then(|| text.parse().ok().and_then(Number::from_f64))
        .flatten()
}

fn integer(text: &str) -> Option<Number> {
    // `0644` is octal for Kubernetes (YAML 1.1), and so it is for file modes in templates.
    if let Some(octal) = text
        .strip_prefix('0')
        .filter(|digits| !digits.is_empty())
        .and_then(|digits| radix(digits, 8))
    {
        return Some(octal);
    }
    let signed = text.parse::<i64>().map(Number::from);
    signed
        .or_else(|_| text.parse::<u64>().map(Number::from))
        .ok()
        .or_else(|| text.parse().ok().and_then(Number::from_f64))
}

fn radix(digits: &str, base: u32) -> Option<Number> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain
        .then(|| u64::from_str_radix(digits, base).ok().map(Number::from))
        .flatten()
}

/// `1.5`, `.5`, `1.`, `1e3`, without a sign.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    !(whole.is_empty() && fraction.is_empty()) && digits(whole) && digits(fraction) && exponent_fits
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers() {
        for (text, value) in [
            ("12", json!(12)),
            ("-3", json!(-3)),
            ("+7", json!(7)),
            ("18446744073709551615", json!(u64::MAX)),
            ("0.0001", json!(0.0001)),
            ("1e-4", json!(1e-4)),
            (".5", json!(0.5)),
            ("1.", json!(1.0)),
            ("0x1F", json!(31)),
            ("0o17", json!(15)),
            ("0644", json!(0o644)),
            ("089", json!(89)),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }

    #[test]
    fn words() {
        for text in [
            "yes", "on", "1_000", "1.2.3", "e5", ".", "+", "-", "1e", "0x", "0o9", "1e999", "0x-1",
            "nan",
        ] {
            assert_eq!(resolve(text), json!(text));
        }
        assert_eq!(resolve(".NaN"), json!("nan"));
        assert_eq!(resolve("-.inf"), json!("-inf"));
        assert_eq!(resolve("~"), Value::Null);
        assert_eq!(resolve("True"), json!(true));
    }
}
