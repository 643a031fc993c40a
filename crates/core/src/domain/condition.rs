//! When parameters have an effect.

use std::borrow::Cow;
use std::collections::HashSet;

use super::{Domain, finite, misfit, place, whole};
use crate::problem::Problem;
use crate::resources::{ParameterAssignment, ParameterSpec, ParameterType};

/// Notes what is wrong with the conditions of parameters whose list stands at `path`.
pub(super) fn check(
    path: &str,
    parameters: &[ParameterSpec],
    domains: &[Option<Domain>],
    problems: &mut Vec<Problem>,
) {
    let mut parents = vec![None; parameters.len()];
    for (index, parameter) in parameters.iter().enumerate() {
        let Some(condition) = &parameter.condition else {
            continue;
        };
        let at = format!("{path}[{index}].condition");
        if condition.values.is_empty() {
            let message = "must list the values of the parent that give the parameter an effect";
            problems.push(Problem::required(format!("{at}.values"), message));
        }
        let named = |other: &ParameterSpec| other.name == condition.parent;
        let Some(parent) = parameters.iter().position(named) else {
            problems.push(no_parent(
                &at,
                &condition.parent,
                &parameter.name,
                parameters,
            ));
            continue;
        };
        parents[index] = Some(parent);
        if let Some(domain) = &domains[parent] {
            let texts = &parameters[parent].feasible_space.list;
            check_values(&at, &condition.values, domain, texts, problems);
        }
    }
    for cycle in cycles(&parents) {
        let name = |index: &usize| parameters[*index].name.as_str();
        let circle: Vec<&str> = cycle.iter().chain(cycle.first()).map(name).collect();
        let at = format!("{path}[{}].condition.parent", cycle[0]);
        let message = format!(
            "no condition can hold that needs itself: {}",
            circle.join(" needs ")
        );
        let parent = parameters[cycle[0]].condition.as_ref();
        let parent = parent.map(|condition| condition.parent.as_str());
        problems.push(Problem::invalid(at, parent.unwrap_or_default(), message));
    }
}

fn no_parent(at: &str, parent: &str, child: &str, parameters: &[ParameterSpec]) -> Problem {
    let at = format!("{at}.parent");
    if parent.is_empty() {
        return Problem::required(at, "must be the name of another parameter");
    }
    let names = parameters.iter().map(|other| other.name.as_str());
    let others = names.filter(|name| *name != child);
    Problem::invalid(at, parent, "is no parameter of the search space").hinting_at(parent, others)
}

/// Whether a parent can have these values; `texts` are those of its list.
fn check_values(
    at: &str,
    values: &[String],
    parent: &Domain,
    texts: &[String],
    problems: &mut Vec<Problem>,
) {
    if let Domain::Double(_) = parent {
        let message = "a double cannot be a parent, only an int, discrete or categorical parameter";
        problems.push(Problem::refused(format!("{at}.parent"), message));
        return;
    }
    let mut seen = HashSet::new();
    for (index, text) in values.iter().enumerate() {
        let at = format!("{at}.values[{index}]");
        match place(parent, text, texts) {
            Some(place) if !seen.insert(place) => {
                problems.push(Problem::duplicate(at, text.as_str()));
            }
            Some(_) => {}
            None => problems.push(misfit(at, text, parent, texts, ", as its parent is")),
        }
    }
}

/// The circles that lead from parent to parent, each once, beginning with the first of its parameters.
fn cycles(parents: &[Option<usize>]) -> Vec<Vec<usize>> {
    const NEVER: usize = usize::MAX;
    let mut walk_of = vec![NEVER; parents.len()];
    let mut cycles = Vec::new();
    for start in 0..parents.len() {
        let mut next = Some(start);
        while let Some(index) = next.filter(|index| walk_of[*index] == NEVER) {
            walk_of[index] = start;
            next = parents[index];
        }
        if let Some(met) = next.filter(|index| walk_of[*index] == start) {
            let mut cycle = vec![met];
            let mut next = parents[met];
            while let Some(index) = next.filter(|index| *index != met) {
                cycle.push(index);
                next = parents[index];
            }
            let first = cycle.iter().enumerate().min_by_key(|(_, index)| **index);
            let first = first.map_or(0, |(position, _)| position);
            cycle.rotate_left(first);
            cycles.push(cycle);
        }
    }
    cycles
}

/// The text of a parameter's smallest number or first word.
pub(crate) fn lowest(parameter: &ParameterSpec) -> String {
    let space = &parameter.feasible_space;
    let text = match parameter.parameter_type {
        ParameterType::Double => finite(&space.min).map(|min| format!("{min:?}")),
        ParameterType::Int => whole(&space.min).map(|min| min.to_string()),
        ParameterType::Discrete => {
            let numbers = space.list.iter();
            let numbers = numbers.filter_map(|text| Some((finite(text)?, text.trim())));
            let lowest = numbers.min_by(|(a, _), (b, _)| a.total_cmp(b));
            lowest.map(|(_, text)| text.to_owned())
        }
        ParameterType::Categorical | ParameterType::Unknown => space.list.first().cloned(),
    };
    text.unwrap_or_default()
}

/// Assignments for a program that knows no conditions: conditional parameters without a value have their lowest or first one.
#[must_use]
pub fn completed<'a>(
    parameters: &[ParameterSpec],
    assignments: &'a [ParameterAssignment],
) -> Cow<'a, [ParameterAssignment]> {
    let is_missing = |parameter: &&ParameterSpec| {
        let is_given = |one: &ParameterAssignment| one.name == parameter.name;
        parameter.condition.is_some() && !assignments.iter().any(is_given)
    };
    let fill = |parameter: &ParameterSpec| ParameterAssignment {
        name: parameter.name.clone(),
        value: lowest(parameter),
    };
    let missing = parameters.iter().filter(is_missing).map(fill);
    let missing: Vec<ParameterAssignment> = missing.collect();
    if missing.is_empty() {
        Cow::Borrowed(assignments)
    } else {
        Cow::Owned(assignments.iter().cloned().chain(missing).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::read;
    use super::*;

    fn parameters(specs: &Value) -> Vec<ParameterSpec> {
        serde_json::from_value(specs.clone()).unwrap()
    }

    fn parameter(name: &str, kind: &str, space: &Value, parent: &str, values: &Value) -> Value {
        let mut parameter = json!({"name": name, "parameterType": kind, "feasibleSpace": space});
        if !parent.is_empty() {
            parameter["condition"] = json!({"parent": parent, "values": values});
        }
        parameter
    }

    /// All parents there can be, and a parameter that needs one of them.
    fn said(parent: &str, values: &Value) -> String {
        let none = Value::Null;
        let specs = json!([
            parameter("x", "double", &json!({"min": 0, "max": 1}), parent, values),
            parameter(
                "kind",
                "categorical",
                &json!({"list": ["sgd", "adam"]}),
                "",
                &none
            ),
            parameter(
                "size",
                "discrete",
                &json!({"list": ["16", "0.5"]}),
                "",
                &none
            ),
            parameter(
                "depth",
                "int",
                &json!({"min": 2, "max": 9, "step": 3}),
                "kind",
                &json!(["sgd"])
            ),
            parameter("rate", "double", &json!({"min": 0, "max": 1}), "", &none),
        ]);
        let read = read("p", &parameters(&specs));
        read.err()
            .map(|problems| problems.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn a_parent_has_countable_values_and_may_come_later() {
        assert_eq!(said("kind", &json!(["adam"])), "");
        assert_eq!(said("size", &json!(["16.0", 0.5])), "");
        assert_eq!(said("depth", &json!([2, "8"])), "");
        assert_eq!(
            said("rate", &json!([0])),
            "p[0].condition.parent: Invalid value: a double cannot be a parent, only an int, discrete or categorical parameter"
        );
        assert_eq!(
            said("kinds", &json!(["adam"])),
            "p[0].condition.parent: Invalid value: \"kinds\": is no parameter of the search space (did you mean \"kind\"?)"
        );
    }

    #[test]
    fn values_are_those_of_the_parent_each_once() {
        assert_eq!(
            said("kind", &json!([])),
            "p[0].condition.values: Required value: must list the values of the parent that give the parameter an effect"
        );
        assert_eq!(
            said("kind", &json!(["adam", "sdg", "adam"])),
            "p[0].condition.values[1]: Unsupported value: \"sdg\": supported values: \"sgd\", \"adam\" (did you mean \"sgd\"?)\n\
             p[0].condition.values[2]: Duplicate value: \"adam\""
        );
        assert_eq!(
            said("depth", &json!([3])),
            "p[0].condition.values[0]: Invalid value: \"3\": must be a whole number from 2 to 9 in steps of 3, as its parent is"
        );
        assert_eq!(
            said("size", &json!(["16", "16.0"])),
            "p[0].condition.values[1]: Duplicate value: \"16.0\""
        );
    }

    #[test]
    fn each_circle_is_told_once() {
        let word = |name, parent| {
            parameter(
                name,
                "categorical",
                &json!({"list": ["v"]}),
                parent,
                &json!(["v"]),
            )
        };
        let specs = json!([
            word("d", "b"),
            word("a", "c"),
            word("b", "a"),
            word("c", "b"),
            word("e", "e")
        ]);
        let problems = read("p", &parameters(&specs)).unwrap_err();
        assert_eq!(
            problems.to_string(),
            "p[1].condition.parent: Invalid value: \"c\": no condition can hold that needs itself: a needs c needs b needs a\n\
             p[4].condition.parent: Invalid value: \"e\": no condition can hold that needs itself: e needs e"
        );
    }

    #[test]
    fn what_has_no_value_is_completed_with_the_lowest() {
        let kind = |name, kind, space: Value| parameter(name, kind, &space, "k", &json!(["v"]));
        let specs = parameters(&json!([
            parameter(
                "k",
                "categorical",
                &json!({"list": ["u", "v"]}),
                "",
                &Value::Null
            ),
            kind("d", "double", json!({"min": 0, "max": 1})),
            kind("i", "int", json!({"min": "1e1", "max": 20})),
            kind("n", "discrete", json!({"list": ["64", " 16"]})),
            kind("w", "categorical", json!({"list": ["y", "x"]})),
        ]));
        let given: Vec<ParameterAssignment> = serde_json::from_value(
            json!([{"name": "i", "value": "12"}, {"name": "k", "value": "u"}]),
        )
        .unwrap();
        let completed = completed(&specs, &given);
        let shown: Vec<String> = completed
            .iter()
            .map(|one| format!("{}={}", one.name, one.value))
            .collect();
        assert_eq!(shown, ["i=12", "k=u", "d=0.0", "n=16", "w=y"]);
        assert!(matches!(
            super::completed(&specs[..1], &given),
            Cow::Borrowed(_)
        ));
    }
}
