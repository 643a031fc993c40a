//! Whether a text is a value of a parameter, and which.

use super::{Domain, Range, finite, whole};
use crate::problem::Problem;

/// Distance from a step that is rounding, in steps.
const ROUNDING: f64 = 1e-9;
/// More steps than numbers can tell apart: every number is on one.
const RESOLVED: f64 = (1_u64 << 53) as f64;

/// Which of the values of a domain a text is, as a number that equal values share; none: it is no value of it. `texts` are
/// those of its list.
pub(crate) fn place(domain: &Domain, text: &str, texts: &[String]) -> Option<u64> {
    let position = match domain {
        Domain::Double(range) => {
            let value = finite(text).filter(|value| (range.min..=range.max).contains(value))?;
            return is_on_step(range, value).then_some((value + 0.0).to_bits());
        }
        Domain::Int(range) => {
            let value = whole(text).filter(|value| (range.min..=range.max).contains(value))?;
            let distance = value.abs_diff(range.min);
            let step = range.step.unwrap_or(1).unsigned_abs();
            return distance.is_multiple_of(step).then_some(distance);
        }
        Domain::Discrete(numbers) => {
            let given = finite(text)? + 0.0;
            numbers.iter().position(|number| *number == given)
        }
        Domain::Categorical => texts.iter().position(|known| known == text),
    };
    position.map(|position| position as u64)
}

fn is_on_step(range: &Range<f64>, value: f64) -> bool {
    let Some(step) = range.step else { return true };
    let steps = (value - range.min) / step;
    // The quotient itself is rounded, the more the larger it is.
    let rounding = ROUNDING.max(steps * 4.0 * f64::EPSILON);
    steps >= RESOLVED || (steps - steps.round()).abs() <= rounding
}

/// Says that the text at a path is no value of a domain, and what would be one. `because` ends the sentence about a number.
pub(crate) fn misfit(
    path: String,
    text: &str,
    domain: &Domain,
    texts: &[String],
    because: &str,
) -> Problem {
    let wanted = match domain {
        Domain::Double(Range { min, max, step, .. }) => {
            let step = step.map(|step| format!("{step:?}"));
            wanted("a number", &format!("{min:?}"), &format!("{max:?}"), step)
        }
        Domain::Int(Range { min, max, step, .. }) => {
            let step = step.filter(|step| *step != 1).map(|step| step.to_string());
            wanted("a whole number", &min.to_string(), &max.to_string(), step)
        }
        Domain::Discrete(_) | Domain::Categorical => {
            let known: Vec<&str> = texts.iter().map(String::as_str).collect();
            return Problem::unsupported(path, text, &known);
        }
    };
    Problem::invalid(path, text, format!("{wanted}{because}"))
}

fn wanted(kind: &str, min: &str, max: &str, step: Option<String>) -> String {
    let steps = step
        .map(|step| format!(" in steps of {step}"))
        .unwrap_or_default();
    format!("must be {kind} from {min} to {max}{steps}")
}
