//! Whether trials can be made of the points that a service elsewhere gives.

use std::collections::HashSet;

use diwan_algorithms::space::Space;
use diwan_core::engine::Point;
use diwan_core::resources::{ExperimentSpec, ParameterAssignment};
use diwan_core::validate::{LABEL_RULE, is_label};

/// The points as trials get them, without values of parameters that have no effect. Which names are taken already, the store
/// knows.
///
/// # Errors
/// What is wrong with the first of the points that cannot be used, and with which one.
pub(super) fn check(spec: &ExperimentSpec, mut points: Vec<Point>) -> Result<Vec<Point>, String> {
    let mut names = HashSet::new();
    let space = space(spec);
    for (index, point) in points.iter_mut().enumerate() {
        let checked = check_name(&point.name, &mut names);
        let checked = checked.and_then(|()| values(space.as_ref(), point));
        point.assignments = checked.map_err(|what| format!("{}: {what}", told(index, point)))?;
    }
    Ok(points)
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

fn check_name(name: &str, names: &mut HashSet<String>) -> Result<(), String> {
    if !name.is_empty() && !is_label(name) {
        return Err(format!("its name {LABEL_RULE}"));
    }
    if !name.is_empty() && !names.insert(name.to_owned()) {
        return Err("another point of the answer has the same name".to_owned());
    }
    Ok(())
}

/// The values that have an effect, as they were given.
fn values(space: Option<&Space>, point: &Point) -> Result<Vec<ParameterAssignment>, String> {
    let mut given = HashSet::new();
    for one in &point.assignments {
        if !given.insert(&one.name) {
            return Err(format!("parameter {} has two values", one.name));
        }
    }
    let mut values = point.assignments.clone();
    if let Some(space) = space {
        let place = space.point(&values).map_err(|misfit| misfit.to_string())?;
        let dimensions = space.dimensions().iter().enumerate();
        let inactive = dimensions.filter(|(index, _)| !space.is_active(&place, *index));
        let inactive: HashSet<&str> = inactive.map(|(_, dimension)| dimension.name()).collect();
        values.retain(|one| !inactive.contains(one.name.as_str()));
    }
    Ok(values)
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

    type Given<'a> = (&'a str, &'a [(&'a str, &'a str)]);

    fn judged(points: &[Given<'_>]) -> Result<(), String> {
        let spec = json!({"parameters": [
            {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0.1", "max": "1", "step": "0.25"}},
            {"name": "kind", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}},
        ]});
        let points = points.iter().map(point).collect();
        check(&serde_json::from_value(spec).unwrap(), points).map(drop)
    }

    fn point((name, values): &Given<'_>) -> Point {
        let value = |(name, value): &(&str, &str)| {
            serde_json::from_value(json!({"name": name, "value": value})).unwrap()
        };
        Point {
            name: (*name).to_owned(),
            assignments: values.iter().map(value).collect(),
            ..Point::default()
        }
    }

    #[test]
    fn values_without_effect_are_left_out() {
        let spec = json!({"parameters": [
            {"name": "x", "parameterType": "double", "feasibleSpace": {"min": "0", "max": "1", "step": "0.25"},
             "condition": {"parent": "kind", "values": ["b"]}},
            {"name": "kind", "parameterType": "categorical", "feasibleSpace": {"list": ["a", "b"]}},
        ]});
        let spec = serde_json::from_value(spec).unwrap();
        let values: [&[(&str, &str)]; 3] = [
            &[("x", "0.3"), ("kind", "a")],
            &[("kind", "a")],
            &[("x", "0.3"), ("kind", "b")],
        ];
        let points = check(&spec, values.map(|values| point(&("", values))).to_vec()).unwrap();
        let kept: Vec<usize> = points.iter().map(|point| point.assignments.len()).collect();
        assert_eq!(kept, [1, 1, 2]);
        let missing = check(&spec, vec![point(&("", &[("kind", "b")]))]).unwrap_err();
        assert_eq!(missing, "point 1 of its answer: parameter x has no value");
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
        assert_eq!(check(&spec, vec![point.clone()]), Ok(vec![point]));
    }
}
