//! Changes of an experiment that is there already.

use serde_json::Value;

use crate::defaults::clear_derived;
use crate::problem::{Problem, child};
use crate::resources::{ConditionStatus, Experiment, ExperimentSpec};

/// The fields that can be changed of an experiment that exists: its budgets.
pub const EDITABLE: [&str; 4] = [
    "spec.parallelTrialCount",
    "spec.maxTrialCount",
    "spec.maxFailedTrialCount",
    "spec.activeDeadlineSeconds",
];

/// A field of two specifications that is not the same.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDifference {
    /// Path of the field, such as `spec.parameters[0].feasibleSpace.max`.
    pub path: String,
    /// Its old value; `None` if it was not there.
    pub old: Option<Value>,
    /// Its new value; `None` if it is not there any more.
    pub new: Option<Value>,
}

/// What differs between two specifications, field by field. Set the defaults of both first, or they count as changes. A default
/// that only follows from another field that differs is not named: nobody wrote it.
#[must_use]
pub fn difference(old: &ExperimentSpec, new: &ExperimentSpec) -> Vec<FieldDifference> {
    let written = |spec: &ExperimentSpec| {
        let mut spec = spec.clone();
        clear_derived(&mut spec);
        spec
    };
    let written = all_differences(&written(old), &written(new));
    let mut found = all_differences(old, new);
    found.retain(|one| written.iter().any(|other| meet(&one.path, &other.path)));
    found
}

/// Whether one of two paths is the other, or leads to it.
fn meet(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    let rest = long.strip_prefix(short);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn all_differences(old: &ExperimentSpec, new: &ExperimentSpec) -> Vec<FieldDifference> {
    let mut found = Vec::new();
    let value = |spec| serde_json::to_value(spec).ok();
    compare("spec", value(old).as_ref(), value(new).as_ref(), &mut found);
    found
}

fn compare(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<FieldDifference>) {
    match (old, new) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            for (key, old) in before {
                compare(&child(path, key), Some(old), after.get(key), found);
            }
            for (key, new) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
                compare(&child(path, key), None, Some(new), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for index in 0..before.len().max(after.len()) {
                compare(
                    &format!("{path}[{index}]"),
                    before.get(index),
                    after.get(index),
                    found,
                );
            }
        }
        (old, new) if old == new => {}
        (old, new) => {
            found.push(FieldDifference {
                path: path.to_owned(),
                old: old.cloned(),
                new: new.cloned(),
            });
        }
    }
}

/// What is wrong with a change of an experiment. Only what is [`EDITABLE`] can change.
///
/// An experiment that is complete goes on when its budget grows, whatever its `resumePolicy`: optimizers live from the
/// record, so nothing has to be kept for that. Only one that reached its goal has nothing left to do.
#[must_use]
pub fn validate_edit(old: &Experiment, new: &Experiment) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut changed = difference(&old.spec, &new.spec);
    changed.retain(|field| !EDITABLE.contains(&field.path.as_str()));
    if !changed.is_empty() {
        let paths: Vec<&str> = changed.iter().map(|field| field.path.as_str()).collect();
        let [most @ .., last] = EDITABLE;
        let message = format!("only {} and {last} are editable", most.join(", "));
        problems.push(
            Problem::forbidden("spec", message).with_hint(format!("changed: {}", paths.join(", "))),
        );
    }
    if old.spec != new.spec && is_at_goal(old) {
        let message = "Experiment can be restarted if it is in succeeded state by reaching max trials and \
                       spec.resumePolicy = LongRunning or spec.resumePolicy = FromVolume, when experiment is completed";
        let policy = serde_json::to_value(new.spec.resume_policy).unwrap_or_default();
        let problem = Problem::invalid("spec.resumePolicy", policy, message);
        problems.push(problem.with_hint("its goal is reached, a larger budget changes nothing"));
    }
    let trials = old.status.as_ref().map_or(0, |status| status.counts.trials);
    let changed = old.spec.max_trial_count != new.spec.max_trial_count;
    if let Some(max) = new.spec.max_trial_count.filter(|_| changed) {
        // A limit that is not positive is refused by `validate`.
        if u64::try_from(max).is_ok_and(|max| max > 0 && max <= trials) {
            let problem = Problem::invalid(
                "spec.maxTrialCount",
                max,
                "must be greater than status.trials count",
            );
            problems.push(problem.with_hint(format!("{trials} trials have been made")));
        }
    }
    problems
}

fn is_at_goal(experiment: &Experiment) -> bool {
    let conditions = experiment
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    conditions.iter().any(|condition| {
        condition.kind == "Succeeded"
            && condition.status == ConditionStatus::True
            && condition.reason == "ExperimentGoalReached"
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn experiment(spec: &Value, trials: u64, reason: &str) -> Experiment {
        let kind = if reason == "ExperimentFailed" {
            "Failed"
        } else {
            "Succeeded"
        };
        let conditions = json!([{"type": kind, "status": "True", "reason": reason}]);
        let status = json!({"trials": trials, "conditions": if reason.is_empty() { json!([]) } else { conditions }});
        serde_json::from_value(json!({"spec": spec, "status": status})).unwrap()
    }

    fn edit(old: &Value, new: &Value, trials: u64, reason: &str) -> Vec<String> {
        let problems = validate_edit(
            &experiment(old, trials, reason),
            &experiment(new, trials, reason),
        );
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn budgets_are_editable() {
        let old = json!({"maxTrialCount": 3, "resumePolicy": "Never"});
        let new = json!({"maxTrialCount": 9, "parallelTrialCount": 0, "maxFailedTrialCount": 2,
            "activeDeadlineSeconds": 60, "resumePolicy": "Never"});
        assert_eq!(edit(&old, &new, 3, ""), [""; 0]);
    }

    #[test]
    fn nothing_else_is() {
        let old = json!({"parameters": [{"name": "a", "feasibleSpace": {"max": "1"}}]});
        let new = json!({"parameters": [{"name": "a", "feasibleSpace": {"max": "2"}}], "resumePolicy": "Never"});
        let problems = validate_edit(&experiment(&old, 0, ""), &experiment(&new, 0, ""));
        assert_eq!(
            problems[0].to_string(),
            "spec: Forbidden: only spec.parallelTrialCount, spec.maxTrialCount, spec.maxFailedTrialCount and \
             spec.activeDeadlineSeconds are editable"
        );
        let hint = "changed: spec.parameters[0].feasibleSpace.max, spec.resumePolicy";
        assert_eq!(problems[0].hint.as_deref(), Some(hint));
    }

    #[test]
    fn the_limit_must_leave_room() {
        let refusal =
            "spec.maxTrialCount: Invalid value: 5: must be greater than status.trials count";
        assert_eq!(
            edit(
                &json!({"maxTrialCount": 9}),
                &json!({"maxTrialCount": 5}),
                5,
                ""
            ),
            [refusal]
        );
        assert_eq!(
            edit(&json!({}), &json!({"maxTrialCount": 5}), 5, ""),
            [refusal]
        );
        assert_eq!(
            edit(
                &json!({"maxTrialCount": 9}),
                &json!({"maxTrialCount": 6}),
                5,
                ""
            ),
            [""; 0]
        );
    }

    #[test]
    fn a_limit_that_is_not_edited_is_not_judged() {
        let (old, new) = (
            json!({"maxTrialCount": 5}),
            json!({"maxTrialCount": 5, "parallelTrialCount": 1}),
        );
        assert_eq!(edit(&old, &new, 5, ""), [""; 0]);
    }

    #[test]
    fn a_completed_experiment_goes_on_under_any_policy() {
        for policy in ["Never", "LongRunning", "FromVolume"] {
            let old = json!({"maxTrialCount": 5, "resumePolicy": policy});
            let new = json!({"maxTrialCount": 9, "resumePolicy": policy});
            for reason in ["ExperimentMaxTrialsReached", "ExperimentFailed"] {
                assert_eq!(edit(&old, &new, 5, reason), [""; 0]);
            }
        }
    }

    #[test]
    fn unless_it_reached_its_goal() {
        let (old, new) = (
            json!({"resumePolicy": "Never"}),
            json!({"resumePolicy": "Never", "maxTrialCount": 9}),
        );
        let problems = edit(&old, &new, 5, "ExperimentGoalReached");
        assert_eq!(
            problems,
            [
                "spec.resumePolicy: Invalid value: \"Never\": Experiment can be restarted if it is in succeeded state by \
              reaching max trials and spec.resumePolicy = LongRunning or spec.resumePolicy = FromVolume, when experiment \
              is completed"
            ]
        );
        assert_eq!(edit(&old, &old, 5, "ExperimentGoalReached"), [""; 0]);
    }

    #[test]
    fn differences_are_named_field_by_field() {
        let old = experiment(
            &json!({"maxTrialCount": 1, "parameters": [{"name": "a"}]}),
            0,
            "",
        )
        .spec;
        let new = experiment(
            &json!({"objective": {"goal": 1.0}, "parameters": [{"name": "b"}, {"name": "c"}]}),
            0,
            "",
        )
        .spec;
        let found = difference(&old, &new);
        let paths: Vec<&str> = found.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "spec.parameters[0].name",
                "spec.parameters[1]",
                "spec.maxTrialCount",
                "spec.objective"
            ]
        );
        assert_eq!(
            (found[0].old.clone(), found[0].new.clone()),
            (Some(json!("a")), Some(json!("b")))
        );
        assert_eq!(found[2].new, None);
        assert_eq!(difference(&new, &new), []);
    }

    #[test]
    fn defaults_that_follow_from_a_difference_are_not_named() {
        let paths = |old: Value, new: Value| -> Vec<String> {
            let defaulted = |spec: &Value| {
                let mut experiment = experiment(spec, 0, "");
                crate::defaults::set_defaults(&mut experiment);
                experiment.spec
            };
            let found = difference(&defaulted(&old), &defaulted(&new));
            found.into_iter().map(|one| one.path).collect()
        };
        let objective = |kind, metric, strategies: &Value| json!({"objective": {"type": kind, "objectiveMetricName": metric, "metricStrategies": strategies}});
        let (none, last) = (json!([]), json!([{"name": "a", "value": "latest"}]));
        assert_eq!(
            paths(
                objective("maximize", "a", &none),
                objective("minimize", "b", &none)
            ),
            ["spec.objective.type", "spec.objective.objectiveMetricName"]
        );
        assert_eq!(
            paths(
                objective("maximize", "a", &none),
                objective("maximize", "a", &last)
            ),
            ["spec.objective.metricStrategies[0].value"]
        );
        let collector = |kind| json!({"metricsCollectorSpec": {"collector": {"kind": kind}}});
        assert_eq!(
            paths(collector("StdOut"), collector("File")),
            ["spec.metricsCollectorSpec.collector.kind"]
        );
        let job = |kind| json!({"trialTemplate": {"trialSpec": {"kind": kind}}});
        assert_eq!(
            paths(job("Job"), job("PyTorchJob")),
            ["spec.trialTemplate.trialSpec.kind"]
        );
        assert_eq!(
            paths(json!({}), json!({"parallelTrialCount": 5})),
            ["spec.parallelTrialCount"]
        );
    }
}
