//! Values of metrics in the columns `value` and `text`.

/// A value as a number, and as text when the number alone does not give the text back (`0.930`, `1e-5`, `nan`, words).
pub(crate) fn split(value: &str) -> (Option<f64>, Option<String>) {
    // SQLite keeps neither NaN nor the sign of zero.
    let number = value
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|number| !number.is_nan());
    let is_exact = number.is_some_and(|number| value != "-0" && write(number) == value);
    (number, (!is_exact).then(|| value.to_owned()))
}

/// The text of a number that has no text of its own.
pub(crate) fn write(number: f64) -> String {
    number.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn restored(value: &str) -> String {
        let (number, text) = split(value);
        text.unwrap_or_else(|| write(number.unwrap()))
    }

    #[test]
    fn text_is_kept_only_where_the_number_does_not_do() {
        for value in ["0.93", "5", "-1.25", "0.00001"] {
            assert_eq!(split(value).1, None, "{value}");
        }
        for value in [
            "0.930",
            "1e-5",
            "nan",
            "-0",
            "+1",
            " 1",
            "inf and so on",
            "",
        ] {
            assert_eq!(split(value).1.as_deref(), Some(value), "{value}");
        }
        assert_eq!(split("1e-5").0, Some(1e-5));
        assert_eq!(split("nan").0, None);
    }

    proptest! {
        #[test]
        fn values_come_back_as_written(number in any::<f64>(), text in ".{0,20}") {
            let written = number.to_string();
            prop_assert_eq!(restored(&written), written);
            let scientific = format!("{number:e}");
            prop_assert_eq!(restored(&scientific), scientific);
            prop_assert_eq!(restored(&text), text);
        }
    }
}
