//! What a trial parameter refers to.

use serde_json::{Map, Value};

/// How a reference of trial metadata begins.
pub(super) const OPEN: &str = "${trialSpec.";

/// Where the value of a placeholder comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reference {
    /// A parameter of the search space.
    Search(String),
    /// `${trialSpec.Name}`.
    TrialName,
    /// `${trialSpec.Namespace}`.
    TrialNamespace,
    /// Anything else of `${trialSpec.…}`: the same for all trials.
    Fixed(String),
}

/// Reads a reference; metadata of the trial is taken from its template.
///
/// # Errors
/// `illegal reference of trial metadata`, with what is wrong with it.
pub(super) fn parse(text: &str, job: &Value) -> Result<Reference, String> {
    if !is_metadata(text) {
        return Ok(Reference::Search(text.to_owned()));
    }
    let illegal = || format!("illegal reference of trial metadata: {text}");
    let key = text
        .strip_prefix(OPEN)
        .and_then(|rest| rest.strip_suffix('}'))
        .ok_or_else(illegal)?;
    let metadata = |field: &str| {
        job.get("metadata")
            .and_then(|m| m.get(field))
            .and_then(Value::as_object)
    };
    let field = |name: &str| {
        job.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    match key {
        "Name" => return Ok(Reference::TrialName),
        "Namespace" => return Ok(Reference::TrialNamespace),
        "Kind" => return Ok(Reference::Fixed(field("kind"))),
        "APIVersion" => return Ok(Reference::Fixed(field("apiVersion"))),
        _ => {}
    }
    match key.strip_suffix(']').and_then(|key| key.split_once('[')) {
        Some(("Labels", key)) => entry(text, metadata("labels"), "Label", key),
        Some(("Annotations", key)) => entry(text, metadata("annotations"), "Annotation", key),
        _ => Err(illegal()),
    }
}

fn entry(
    text: &str,
    map: Option<&Map<String, Value>>,
    what: &str,
    key: &str,
) -> Result<Reference, String> {
    match map.and_then(|map| map.get(key)).and_then(Value::as_str) {
        Some(value) => Ok(Reference::Fixed(value.to_owned())),
        None => Err(format!(
            "illegal reference of trial metadata: {text}; failed to fetch {what}: {key}"
        )),
    }
}

/// Whether a text refers to metadata of the trial, rightly or wrongly.
pub(super) fn is_metadata(text: &str) -> bool {
    text.starts_with(OPEN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn metadata_comes_from_the_template() {
        let job = json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": {"labels": {"a.b/c": "x"}, "annotations": {"n": "y"}}});
        let fixed = |text: &str| Ok(Reference::Fixed(text.to_owned()));
        assert_eq!(parse("lr", &job), Ok(Reference::Search("lr".to_owned())));
        assert_eq!(parse("${trialSpec.Name}", &job), Ok(Reference::TrialName));
        assert_eq!(
            parse("${trialSpec.Namespace}", &job),
            Ok(Reference::TrialNamespace)
        );
        assert_eq!(parse("${trialSpec.Kind}", &job), fixed("Job"));
        assert_eq!(parse("${trialSpec.APIVersion}", &job), fixed("batch/v1"));
        assert_eq!(parse("${trialSpec.Labels[a.b/c]}", &job), fixed("x"));
        assert_eq!(parse("${trialSpec.Annotations[n]}", &job), fixed("y"));
    }

    #[test]
    fn illegal_references() {
        let wrong = |text: &str| parse(text, &json!({})).unwrap_err();
        for text in [
            "${trialSpec.UID}",
            "${trialSpec.Labels}",
            "${trialSpec.Labels[a}",
            "${trialSpec.}",
            "${trialSpec.Name}-x",
        ] {
            assert_eq!(
                wrong(text),
                format!("illegal reference of trial metadata: {text}")
            );
        }
        assert_eq!(
            wrong("${trialSpec.Labels[a]}"),
            "illegal reference of trial metadata: ${trialSpec.Labels[a]}; failed to fetch Label: a"
        );
    }
}
