//! Whether a job has ended, by the GJSON expressions of its template.

use gjson::Kind;
use serde::Serialize;
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

/// GJSON descends as deep as an expression is nested, so a long one could take the whole stack. Those that are in use have a
/// hundred bytes.
const LONGEST: usize = 1024;

/// What an object says of its end; nothing while it has none. Failure is looked for first, as Katib does.
#[must_use]
pub fn verdict(object: &impl Serialize, conditions: &Conditions) -> Option<Verdict> {
    let text = serde_json::to_string(object).ok()?;
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

/// Where an object says why it is as it is. Statuses that are no condition have words of their own.
const WORDS: [&[&str]; 2] = [
    &["reason", "message"],
    &["phase", "state", "jobDeploymentStatus", "errorMessage"],
];

/// What an object says of itself.
fn words(object: &Value) -> String {
    let text = |field: &&str| object.get(field).and_then(Value::as_str);
    let mut said = WORDS.iter().map(|fields| {
        let texts = fields.iter().filter_map(text);
        let texts: Vec<&str> = texts.filter(|text| !text.is_empty()).collect();
        texts.join(": ")
    });
    said.find(|said| !said.is_empty())
        .unwrap_or_else(|| "it says no more".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_core::defaults::known_kind;
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

    /// The conditions that a kind has by default.
    fn of_kind(api_version: &str, kind: &str) -> Conditions {
        let job = json!({"apiVersion": api_version, "kind": kind});
        let kind = known_kind(job.as_object().unwrap()).unwrap();
        Conditions {
            success: kind.success.to_owned(),
            failure: kind.failure.to_owned(),
        }
    }

    fn failed(words: &str) -> Option<Verdict> {
        Some(Verdict::Failed(words.to_owned()))
    }

    #[test]
    fn a_ray_job_ends_when_its_deployment_does() {
        let conditions = of_kind("ray.io/v1", "RayJob");
        let of = |deployment: &str, job: &str, reason: &str, message: &str| {
            let status = json!({"jobDeploymentStatus": deployment, "jobStatus": job, "reason": reason, "message": message});
            verdict(&json!({ "status": status }), &conditions)
        };
        assert_eq!(verdict(&json!({}), &conditions), None);
        assert_eq!(of("Initializing", "", "", ""), None);
        // The submitter has yet to print the rest of the log.
        assert_eq!(of("Running", "SUCCEEDED", "", ""), None);
        assert_eq!(
            of("Complete", "SUCCEEDED", "", ""),
            Some(Verdict::Succeeded)
        );
        assert_eq!(of("Running", "FAILED", "", ""), None);
        assert_eq!(of("Retrying", "FAILED", "AppFailed", ""), None);
        assert_eq!(
            of("Failed", "FAILED", "AppFailed", "no"),
            failed("AppFailed: no")
        );
        assert_eq!(
            of("Failed", "RUNNING", "DeadlineExceeded", ""),
            failed("DeadlineExceeded")
        );
        assert_eq!(
            of("ValidationFailed", "", "", ""),
            failed("ValidationFailed")
        );
        assert_eq!(of("Complete", "STOPPED", "", "stopped"), failed("stopped"));
        assert_eq!(of("Complete", "FAILED", "", "no"), failed("no"));
    }

    #[test]
    fn a_job_of_volcano_ends_by_its_phase() {
        let conditions = of_kind("batch.volcano.sh/v1alpha1", "Job");
        let of =
            |phase: &str| verdict(&json!({"status": {"state": {"phase": phase}}}), &conditions);
        assert_eq!(verdict(&json!({}), &conditions), None);
        for phase in [
            "Pending",
            "Running",
            "Restarting",
            "Completing",
            "Aborting",
            "Terminating",
        ] {
            assert_eq!(of(phase), None, "{phase}");
        }
        assert_eq!(of("Completed"), Some(Verdict::Succeeded));
        for phase in ["Failed", "Aborted", "Terminated"] {
            assert_eq!(of(phase), failed(phase));
        }
    }

    #[test]
    fn a_spark_application_ends_by_its_state() {
        let conditions = of_kind("sparkoperator.k8s.io/v1beta2", "SparkApplication");
        let of = |state: &str| {
            let state = json!({"state": state, "errorMessage": "the driver failed"});
            verdict(&json!({"status": {"applicationState": state}}), &conditions)
        };
        assert_eq!(verdict(&json!({}), &conditions), None);
        for state in [
            "",
            "RUNNING",
            "SUCCEEDING",
            "FAILING",
            "SUBMISSION_FAILED",
            "PENDING_RERUN",
        ] {
            assert_eq!(of(state), None, "{state}");
        }
        assert_eq!(of("COMPLETED"), Some(Verdict::Succeeded));
        assert_eq!(of("FAILED"), failed("FAILED: the driver failed"));
    }

    #[test]
    fn one_that_has_no_words_says_no_more() {
        assert_eq!(
            words(&json!({"reason": "", "status": "True"})),
            "it says no more"
        );
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
