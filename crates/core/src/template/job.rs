//! Strict reading of a `batch/v1` Job: a field that Kubernetes does not know, or would not take, is a typo.

mod fields;

use serde_json::Value;

use super::pattern::{Part, parts};
use crate::problem::{Problem, child, shown};
use fields::{Type, fields_of};

/// What is wrong with a job at `path`. With `typed` a placeholder may become a number (see `super::pattern`), so its
/// type is not judged.
pub(super) fn problems(job: &Value, path: &str, typed: bool) -> Vec<Problem> {
    let mut checker = Checker {
        typed,
        problems: Vec::new(),
    };
    checker.check(Type::Object("Job"), job, path, "");
    checker.problems
}

/// How many misfits are told: who has that many did not write a Job.
const MOST: usize = 100;

struct Checker {
    typed: bool,
    problems: Vec<Problem>,
}

impl Checker {
    fn check(&mut self, wanted: Type, value: &Value, path: &str, pointer: &str) {
        let skipped = value.is_null() || (self.typed && is_placeholder(value));
        if skipped || self.problems.len() >= MOST {
            return;
        }
        match (wanted, value) {
            (Type::Any, _) => {}
            (Type::Object(name), Value::Object(fields)) => {
                for (key, value) in fields {
                    self.field(name, key, value, &child(path, key), &join(pointer, key));
                }
            }
            (Type::List(item), Value::Array(items)) => {
                for (index, value) in items.iter().enumerate() {
                    let (path, pointer) = (
                        format!("{path}[{index}]"),
                        join(pointer, &index.to_string()),
                    );
                    self.check(fields::item(item), value, &path, &pointer);
                }
            }
            (Type::Map(item), Value::Object(fields)) => {
                for (key, value) in fields {
                    let (path, pointer) = (child(path, key), join(pointer, key));
                    self.check(fields::item(item), value, &path, &pointer);
                }
            }
            (wanted, value) if wanted.takes(value) => {}
            (wanted, value) => self.misfit(wanted, value, path, pointer),
        }
    }

    fn misfit(&mut self, wanted: Type, value: &Value, path: &str, pointer: &str) {
        let problem = refusal(path, pointer, value, &format!("must be {}", wanted.words()));
        self.problems.push(match value {
            Value::Number(_) | Value::Bool(_) if wanted.takes(&Value::from("")) => {
                problem.with_hint(format!("write it in quotes: \"{value}\""))
            }
            _ => problem,
        });
    }

    fn field(&mut self, object: &str, key: &str, value: &Value, path: &str, pointer: &str) {
        let known = fields_of(object);
        match known.clone().find(|(name, _)| *name == key) {
            Some((_, wanted)) => self.check(wanted, value, path, pointer),
            None if self.problems.len() < MOST && !has_placeholder(key) => {
                let reason = format!("{object} has no field {key:?}");
                let names = known.map(|(name, _)| name);
                self.problems
                    .push(refusal(path, pointer, value, &reason).hinting_at(key, names));
            }
            None => {}
        }
    }
}

/// Katib's words, with the reason where Katib prints the whole job.
fn refusal(path: &str, pointer: &str, value: &Value, reason: &str) -> Problem {
    let message = format!(
        "invalid spec.trialTemplate: unable to convert: {pointer} - {} to Job, converted template: {reason}",
        shown(value)
    );
    Problem::invalid(path, "", message)
}

/// A step of a JSON pointer (RFC 6901).
fn join(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn has_placeholder(text: &str) -> bool {
    parts(text)
        .iter()
        .any(|part| matches!(part, Part::Placeholder(_)))
}

fn is_placeholder(value: &Value) -> bool {
    value.as_str().is_some_and(has_placeholder)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(spec: &Value, typed: bool) -> Vec<String> {
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "spec": spec});
        problems(&job, "t", typed)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn in_container(container: &Value) -> Vec<String> {
        found(
            &json!({"template": {"spec": {"containers": [container]}}}),
            false,
        )
    }

    #[test]
    fn a_job_as_people_write_it() {
        let container = json!({
            "name": "main", "image": "i", "imagePullPolicy": "Always", "command": ["a"], "args": ["b"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}],
            "resources": {"limits": {"cpu": 1, "memory": "1Gi", "xilinx.com/fpga": 1}, "requests": {"cpu": 0.5}},
            "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "s", "readOnly": true}],
            "ports": [{"containerPort": 80}], "workingDir": "/",
            "livenessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 3},
            "securityContext": {"privileged": true, "capabilities": {"add": ["SYS_ADMIN"]}},
        });
        let pod = json!({
            "restartPolicy": "Never", "serviceAccountName": "s", "containers": [container],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "e", "emptyDir": {}}],
            "tolerations": [{"key": "k", "operator": "Exists"}], "nodeSelector": {"a": "b"},
        });
        let spec = json!({"backoffLimit": 0, "ttlSecondsAfterFinished": 10, "activeDeadlineSeconds": 5,
            "template": {"metadata": {"annotations": {"a": "b"}}, "spec": pod}});
        assert_eq!(found(&spec, false), [""; 0]);
    }

    #[test]
    fn typos_name_the_nearest_field() {
        let pod = json!({"template": {"spec": {"contaners": []}}});
        let job = json!({"kind": "Job", "spec": pod});
        let problem = &problems(&job, "t", false)[0];
        assert_eq!(
            problem.to_string(),
            "t.spec.template.spec.contaners: Invalid value: \"\": invalid spec.trialTemplate: unable to convert: \
             /spec/template/spec/contaners - [] to Job, converted template: PodSpec has no field \"contaners\""
        );
        assert_eq!(
            problem.hint.as_deref(),
            Some("did you mean \"containers\"?")
        );
    }

    #[test]
    fn wrong_types() {
        let text = in_container(
            &json!({"name": "a", "args": ["--lr", 0.1], "env": [{"name": "A", "value": 1}]}),
        );
        assert_eq!(text.len(), 2, "{text:?}");
        assert!(
            text[0].contains("/spec/template/spec/containers/0/args/1 - 0.1 to Job"),
            "{text:?}"
        );
        assert!(text[1].contains("must be a string"), "{text:?}");
        assert!(found(&json!({"backoffLimit": "3"}), false)[0].contains("must be a whole number"));
        assert!(found(&json!({"template": []}), false)[0].contains("must be an object"));
        assert!(found(&json!({"suspend": 1}), false)[0].contains("must be true or false"));
    }

    #[test]
    fn placeholders_count_as_strings_unless_they_may_become_numbers() {
        let spec = json!({"parallelism": "${trialParameters.n}"});
        assert_eq!(found(&spec, false).len(), 1);
        assert_eq!(found(&spec, true).len(), 0);
        assert_eq!(found(&json!({"${trialParameters.key}": 1}), false).len(), 0);
    }
}
