//! `admission.k8s.io/v1`: what the API server asks and is answered.

use diwan_core::problem::{Problem, ProblemKind};
use k8s_openapi::ByteString;
use serde::Deserialize;
use serde_json::{Value, json};

/// `AdmissionReview` as it comes in.
#[derive(Clone, Debug, Deserialize)]
pub struct Review {
    /// The question.
    pub request: Request,
}

/// The question: may this be stored?
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// Repeated in the answer.
    pub uid: String,
    /// `CREATE`, `UPDATE`, `DELETE` or `CONNECT`.
    pub operation: String,
    /// Where the object is to be; objects need not say it themselves.
    pub namespace: String,
    /// The object as it is to be.
    pub object: Value,
    /// The object as it is, for `UPDATE` and `DELETE`.
    pub old_object: Value,
}

impl Request {
    /// Whether there is nothing to judge: the object goes away, or does not change what it asks for. Refusing such a request
    /// (a finalizer that goes, a label that comes) would only hold up an object that is stored already.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        match self.operation.as_str() {
            "CREATE" => false,
            "UPDATE" => {
                let leaving = self.object.pointer("/metadata/deletionTimestamp");
                leaving.is_some_and(|time| !time.is_null())
                    || self.object.get("spec") == self.old_object.get("spec")
            }
            _ => true,
        }
    }
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Operations on the object; with none it is stored as it is.
    pub patch: Vec<Value>,
    /// Why it is refused; empty if it is not.
    pub problems: Vec<Problem>,
    /// Sentences that kubectl shows to its user.
    pub warnings: Vec<String>,
}

impl Verdict {
    /// Yes, with these operations.
    #[must_use]
    pub fn patched(patch: Vec<Value>) -> Self {
        Self {
            patch,
            ..Self::default()
        }
    }

    /// The `AdmissionReview` that goes out.
    #[must_use]
    pub fn review(&self, uid: &str) -> Value {
        let mut response = json!({"uid": uid, "allowed": self.problems.is_empty()});
        if !self.problems.is_empty() {
            response["status"] = self.status();
        } else if !self.patch.is_empty() {
            let patch = Value::Array(self.patch.clone()).to_string();
            response["patchType"] = json!("JSONPatch");
            response["patch"] = json!(ByteString(patch.into_bytes()));
        }
        if !self.warnings.is_empty() {
            response["warnings"] = json!(self.warnings);
        }
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
    }

    /// HTTP 400 with all field errors in one message, as Katib refuses; and one by one, as Kubernetes does.
    fn status(&self) -> Value {
        let causes = self.problems.iter().map(|problem| {
            json!({"reason": reason(problem.kind), "field": problem.path, "message": text(problem)})
        });
        let causes: Vec<Value> = causes.collect();
        json!({
            "apiVersion": "v1", "kind": "Status", "status": "Failure",
            "code": 400, "reason": "BadRequest",
            "message": aggregate(&self.problems),
            "details": {"causes": causes},
        })
    }
}

/// Several errors in one line, in Go's form: `[a, b]`.
fn aggregate(problems: &[Problem]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for problem in problems {
        let text = text(problem);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match texts.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// A problem in words. It has no place in a file: what the API server sends is none that anybody wrote.
#[must_use]
pub fn text(problem: &Problem) -> String {
    let unplaced = Problem {
        at: None,
        ..problem.clone()
    };
    match &problem.hint {
        Some(hint) => format!("{unplaced} ({hint})"),
        None => unplaced.to_string(),
    }
}

/// Kubernetes' `CauseType`.
fn reason(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Required => "FieldValueRequired",
        ProblemKind::Invalid | ProblemKind::Unknown | ProblemKind::Syntax => "FieldValueInvalid",
        ProblemKind::Unsupported => "FieldValueNotSupported",
        ProblemKind::Forbidden => "FieldValueForbidden",
        ProblemKind::Duplicate => "FieldValueDuplicate",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_all_the_field_errors() {
        let one = Problem::required("spec.objective", "must be specified");
        let two = Problem::unknown("spec.objektive", "objektive", ["objective"]);
        let verdict = Verdict {
            problems: vec![one.clone(), two, one.clone()],
            ..Verdict::default()
        };
        let review = verdict.review("u");
        let status = &review["response"]["status"];
        assert_eq!(review["response"]["uid"], "u");
        assert_eq!(review["response"]["allowed"], false);
        assert_eq!(status["code"], 400);
        assert_eq!(
            status["message"],
            "[spec.objective: Required value: must be specified, spec.objektive: Unknown field: \"objektive\" \
             (did you mean \"objective\"?)]"
        );
        assert_eq!(status["details"]["causes"][0]["field"], "spec.objective");
        assert_eq!(
            status["details"]["causes"][0]["reason"],
            "FieldValueRequired"
        );
        let alone = Verdict {
            problems: vec![one],
            ..Verdict::default()
        };
        let message = alone.review("u")["response"]["status"]["message"].clone();
        assert_eq!(message, "spec.objective: Required value: must be specified");
    }

    #[test]
    fn a_patch_goes_out_in_base64() {
        let operation = json!({"op": "remove", "path": "/a"});
        let review = Verdict::patched(vec![operation.clone()]).review("u");
        let response = &review["response"];
        assert_eq!(response["allowed"], true);
        assert_eq!(response["patchType"], "JSONPatch");
        let bytes: ByteString = serde_json::from_value(response["patch"].clone()).unwrap();
        let patch: Value = serde_json::from_slice(&bytes.0).unwrap();
        assert_eq!(patch, json!([operation]));
        let nothing = Verdict::default().review("u");
        assert_eq!(nothing["response"], json!({"uid": "u", "allowed": true}));
    }

    #[test]
    fn what_is_settled_is_not_judged() {
        let request = |operation: &str, object: Value, old_object: Value| Request {
            operation: operation.to_owned(),
            object,
            old_object,
            ..Request::default()
        };
        let (one, two) = (json!({"spec": {"a": 1}}), json!({"spec": {"a": 2}}));
        let gone =
            json!({"spec": {"a": 2}, "metadata": {"deletionTimestamp": "2026-11-21T10:00:00Z"}});
        assert!(!request("CREATE", one.clone(), Value::Null).is_settled());
        assert!(!request("UPDATE", two, one.clone()).is_settled());
        assert!(request("UPDATE", one.clone(), one.clone()).is_settled());
        assert!(request("UPDATE", gone, one.clone()).is_settled());
        assert!(request("DELETE", Value::Null, one).is_settled());
    }
}
