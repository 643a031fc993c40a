//! Whether trials can be made of the points that a service elsewhere gives.

use std::collections::HashSet;

use diwan_algorithms::space::Space;
use diwan_core::engine::Point;
use diwan_core::resources::ExperimentSpec;
use diwan_core::validate::{LABEL_RULE, is_label};

/// What is wrong with the first of the points that cannot be used, and with which one. Which names are taken already, the
/// store knows.
pub(super) fn check(spec: &ExperimentSpec, points: &[Point]) -> Result<(), String> {
    let mut names = HashSet::new();
    let space = space(spec);
    for (index, point) in points.iter().enumerate() {
        let wrong = |what: String| format!("{}: {what}", told(index, point));
        check_name(&point.name, &mut names).map_err(wrong)?;
        check_values(space.as_ref(), point).map_err(wrong)?;
    }
    Ok(())
}

/// Which point of an answer is meant.
pub(super) fn told(index: usize, point: &Point) -> String {
    let number = index + 1;
    if point.name.is_empty() {
        format!("point {number} of its answer")
    } else {
        format!("point {number} of its answer, trial {:?}", point.name)
    }
}

fn check_name<'a>(name: &'a str, names: &mut HashSet<&'a str>) -> Result<(), String> {
    if !name.is_empty() && !is_label(name) {
        return Err(format!("its name {LABEL_RULE}"));
    }
    if !name.is_empty() && !names.insert(name) {
        return Err("another point of the answer has the same name".to_owned());
    }
    Ok(())
}

fn check_values(space: Option<&Space>, point: &Point) -> Result<(), String> {
    let mut given = HashSet::new();
    for one in &point.assignments {
        if !given.insert(&one.name) {
            return Err(format!("parameter {} has two values", one.name));
        }
    }
    match space {
        Some(space) => space
            .point(&point.assignments)
            .map(drop)
            .map_err(|misfit| misfit.to_string()),
        None => Ok(()),
    }
}

/// What is searched, without steps: these services count them from elsewhere, or not at all. None for architectures, whose
/// parameters only the service knows.
fn space(spec: &ExperimentSpec) -> Option<Space> {
    let mut parameters = spec.parameters.clone();
    for parameter in &mut parameters {
        parameter.feasible_space.step.clear();
    }
    Space::new(&parameters).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn judged(points: &[(&str, &[(&str, &str)])]) -> Result<(), String> {
        let spec = json!({"parameters": [
            {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "1", "step": "0.25"}},
            {"name": "kind", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}},
        ]});
        let point = |(name, values): &(&str, &[(&str, &str)])| Point {
            name: (*name).to_owned(),
            assignments: values
                .iter()
                .map(|(name, value)| {
                    serde_json::from_value(json!({"name": name, "value": value})).unwrap()
                })
                .collect(),
            ..Point::default()
        };
        let points: Vec<Point> = points.iter().map(point).collect();
        check(&serde_json::from_value(spec).unwrap(), &points)
    }

    const GOOD: &[(&str, &str)] = &[("kind", "b"), ("x", "0.5")];

    #[test]
    fn good_points_pass_in_any_order_and_off_the_steps() {
        assert_eq!(judged(&[("", GOOD), ("", GOOD), ("tune-1", GOOD)]), Ok(()));
    }

    #[test]
    fn names_are_those_of_kubernetes_and_their_own() {
        for name in ["Tune-1", "a/b", "..", "-a", "a b", &"a".repeat(64)] {
            let wrong = judged(&[("", GOOD), (name, GOOD)]).unwrap_err();
            let told = format!("point 2 of its answer, trial {name:?}: its name must be ");
            assert!(wrong.starts_with(&told), "{wrong}");
        }
        assert_eq!(
            judged(&[("t", GOOD), ("t", GOOD)]).unwrap_err(),
            "point 2 of its answer, trial \"t\": another point of the answer has the same name"
        );
    }

    #[test]
    fn values_are_in_the_search_space() {
        for (values, what) in [
            (&[("x", "0.5")][..], "parameter kind has no value"),
            (&[("kind", "b")], "parameter x has no value"),
            (
                &[("x", "2"), ("kind", "b")],
                "parameter x: 2 is not within 0.1 to 1.0",
            ),
            (
                &[("x", "nan"), ("kind", "b")],
                "parameter x: \"nan\" is not a finite number",
            ),
            (
                &[("x", "0.5"), ("kind", "c")],
                "parameter kind: \"c\" is not in its list",
            ),
            (
                &[("x", "0.5"), ("kind", "b"), ("y", "1")],
                "parameter y is not in the search space",
            ),
            (
                &[("x", "0.5"), ("kind", "b"), ("x", "0.5")],
                "parameter x has two values",
            ),
        ] {
            let wrong = judged(&[("", values)]).unwrap_err();
            assert_eq!(wrong, format!("point 1 of its answer: {what}"));
        }
    }

    #[test]
    fn only_the_service_knows_the_parameters_of_an_architecture() {
        let spec: ExperimentSpec = serde_json::from_value(json!({"nasConfig": {}})).unwrap();
        let assignment = json!({"name": "architecture", "value": "[[1]]"});
        let point = Point {
            assignments: serde_json::from_value(Value::Array(vec![assignment])).unwrap(),
            ..Point::default()
        };
        assert_eq!(check(&spec, &[point]), Ok(()));
    }
}
