//! Whether a job has ended, by the GJSON expressions of its template.

use gjson::Kind;
use serde_json::Value;

use crate::driver::Conditions;

/// How a job has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Well.
    Succeeded,
    /// Badly, and what the object says of it.
    Failed(String),
}

/// GJSON descends as deep as an expression is nested, so a long one could take the whole stack. Those that are in use have some
/// sixty bytes.
const LONGEST: usize = 1024;

/// What an object says of its end; nothing while it has none. Failure is looked for first, as Katib does.
#[must_use]
pub fn verdict(object: &Value, conditions: &Conditions) -> Option<Verdict> {
    let text = object.to_string();
    if let Some(found) = first(&text, &conditions.failure) {
        return Some(Verdict::Failed(words(&found)));
    }
    first(&text, &conditions.success).map(|_| Verdict::Succeeded)
}

/// The object that an expression finds, or the first of several. An empty array, a text or a truth is nothing.
fn first(object: &str, expression: &str) -> Option<Value> {
    if expression.is_empty() || expression.len() > LONGEST {
        return None;
    }
    let found = gjson::get(object, expression);
    let object = match found.kind() {
        Kind::Object => serde_json::from_str(found.json()).ok(),
        Kind::Array => serde_json::from_str::<Vec<Value>>(found.json())
            .ok()?
            .into_iter()
            .next(),
        _ => None,
    };
    object.filter(|object: &Value| !object.is_null())
}

/// Reason and message of a condition, as far as it has them.
fn words(condition: &Value) -> String {
    let text = |field: &str| condition.get(field).and_then(Value::as_str);
    match (text("reason"), text("message")) {
        (Some(reason), Some(message)) => format!("{reason}: {message}"),
        (Some(word), None) | (None, Some(word)) => word.to_owned(),
        (None, None) => "it says no more".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job() -> Conditions {
        let of =
            |kind: &str| format!("status.conditions.#(type==\"{kind}\")#|#(status==\"True\")#");
        Conditions {
            success: of("Complete"),
            failure: of("Failed"),
        }
    }

    fn with(conditions: Value) -> Option<Verdict> {
        verdict(&json!({"status": {"conditions": conditions}}), &job())
    }

    #[test]
    fn a_job_ends_by_its_conditions() {
        assert_eq!(verdict(&json!({}), &job()), None);
        assert_eq!(with(json!([])), None);
        assert_eq!(with(json!([{"type": "Complete", "status": "False"}])), None);
        let complete = json!({"type": "Complete", "status": "True"});
        let criteria = json!({"type": "SuccessCriteriaMet", "status": "True"});
        assert_eq!(with(json!([criteria, complete])), Some(Verdict::Succeeded));
        let failed = json!({"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"});
        let told = Some(Verdict::Failed(
            "BackoffLimitExceeded: too often".to_owned(),
        ));
        assert_eq!(with(json!([complete, failed])), told);
    }

    #[test]
    fn a_workflow_ends_by_its_phase() {
        let phase = |phase: &str| format!("status.[@this].#(phase==\"{phase}\")#");
        let conditions = Conditions {
            success: phase("Succeeded"),
            failure: phase("Failed"),
        };
        let of = |phase: &str| {
            verdict(
                &json!({"status": {"phase": phase, "message": "no"}}),
                &conditions,
            )
        };
        assert_eq!(of("Running"), None);
        assert_eq!(of("Succeeded"), Some(Verdict::Succeeded));
        assert_eq!(of("Failed"), Some(Verdict::Failed("no".to_owned())));
    }

    #[test]
    fn what_is_no_object_tells_nothing() {
        for expression in [
            "status.phase",
            "status.ready",
            "#(",
            "",
            "status.#(",
            "@this|@pretty|#",
        ] {
            let conditions = Conditions {
                success: expression.to_owned(),
                failure: String::new(),
            };
            let object = json!({"status": {"phase": "Succeeded", "ready": true}});
            assert_eq!(verdict(&object, &conditions), None, "{expression}");
        }
    }

    #[test]
    fn no_expression_takes_the_stack() {
        let conditions = Conditions {
            success: "#(".repeat(20_000),
            failure: "#(".repeat(512),
        };
        assert_eq!(verdict(&json!({"a": [[[1]]]}), &conditions), None);
    }
}
