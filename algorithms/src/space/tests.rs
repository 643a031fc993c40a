use super::*;
use crate::conformance::{double, int, numbers, spaces, when, words};
use diwan_core::resources::{Distribution, FeasibleSpace, ParameterType};
use proptest::prelude::*;

fn space(parameters: &[ParameterSpec]) -> Space {
    Space::new(parameters).unwrap()
}

/// The number of a point in lexicographic order, if the space counts its points.
fn index_of(space: &Space, point: &Point) -> Option<u128> {
    space.cardinality().filter(|_| !space.is_conditional())?;
    space
        .pairs(point)
        .try_fold(0, |index, (dimension, coordinate)| {
            Some(index * dimension.count()? + u128::from(coordinate.as_number()))
        })
}

fn text(dimension: &Dimension, u: f64) -> String {
    dimension.text(dimension.at(u))
}

fn assignment(name: &str, value: &str) -> ParameterAssignment {
    ParameterAssignment {
        name: name.into(),
        value: value.into(),
    }
}

#[test]
fn end_points_of_ints_are_as_likely_as_the_others() {
    let space = space(&[int("a", 1, 4, 1, Distribution::Uniform)]);
    let rng = &mut rand::SeedableRng::seed_from_u64(1);
    let mut counts = [0.0_f64; 4];
    for _ in 0..20_000 {
        counts[index_of(&space, &space.random(rng)).unwrap() as usize] += 1.0;
    }
    let chi: f64 = counts
        .iter()
        .map(|count| (count - 5000.0).powi(2) / 5000.0)
        .sum();
    assert!(chi < 16.3, "{counts:?}"); // 3 degrees of freedom: p < 0.001
}

#[test]
fn log_ints_are_the_log_density_over_half_steps() {
    let space = space(&[int("a", 1, 5, 1, Distribution::LogUniform)]);
    let rng = &mut rand::SeedableRng::seed_from_u64(2);
    let draws = 20_000.0;
    let mut counts = [0.0_f64; 5];
    for _ in 0..20_000 {
        counts[index_of(&space, &space.random(rng)).unwrap() as usize] += 1.0;
    }
    let expected = |k: f64| draws * ((k + 0.5) / (k - 0.5)).ln() / 11_f64.ln();
    let chi: f64 = (0..5)
        .map(|i| (counts[i] - expected(i as f64 + 1.0)).powi(2) / expected(i as f64 + 1.0))
        .sum();
    assert!(chi < 18.5, "{counts:?}"); // 4 degrees of freedom: p < 0.001
}

#[test]
fn normal_is_truncated_to_the_range_with_its_mean_in_the_middle() {
    let draw = |distribution, low: &str, high: &str| {
        let space = space(&[double("x", low, high, "", distribution)]);
        let rng = &mut rand::SeedableRng::seed_from_u64(3);
        let values: Vec<f64> = (0..20_000)
            .map(
                |_| match space.dimensions()[0].value(space.random(rng).coordinates()[0]) {
                    Value::Double(x) => x,
                    other => panic!("{other:?}"),
                },
            )
            .collect();
        values
    };
    let moments = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (
            mean,
            (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt(),
        )
    };
    // A normal cut at three standard deviations has 0.98658 of its standard deviation.
    let values = draw(Distribution::Normal, "10", "22");
    assert!(values.iter().all(|x| (10.0..=22.0).contains(x)));
    let (mean, deviation) = moments(&values);
    assert!(
        (mean - 16.0).abs() < 0.05 && (deviation - 2.0 * 0.98658).abs() < 0.03,
        "{mean} {deviation}"
    );

    let values = draw(Distribution::LogNormal, "1e-6", "1");
    assert!(values.iter().all(|x| (1e-6..=1.0).contains(x)));
    let (mean, deviation) = moments(&values.iter().map(|x| x.log10()).collect::<Vec<_>>());
    assert!(
        (mean + 3.0).abs() < 0.03 && (deviation - 0.98658).abs() < 0.015,
        "{mean} {deviation}"
    );
}

#[test]
fn steps_are_counted_from_the_minimum_and_print_cleanly() {
    let space = space(&[
        double("x", "0", "0.5", "0.1", Distribution::Uniform),
        int("n", 2, 10, 4, Distribution::Uniform),
    ]);
    let all: Vec<String> = (0..18)
        .map(|index| {
            space
                .assignments(&space.point_at(index).unwrap())
                .iter()
                .map(|a| a.value.clone() + " ")
                .collect()
        })
        .collect();
    assert_eq!(all[..4], ["0.0 2 ", "0.0 6 ", "0.0 10 ", "0.1 2 "]);
    assert_eq!(all[9..12], ["0.3 2 ", "0.3 6 ", "0.3 10 "]);
    assert_eq!(space.point_at(18), None);
}

#[test]
fn lists_keep_their_text_and_numbers_their_order() {
    let space = space(&[
        numbers("n", &["64", "1e1", " 16.0"]),
        words("w", &["b", "a"]),
    ]);
    assert_eq!(space.cardinality(), Some(6));
    let dimensions = space.dimensions();
    assert_eq!(
        [0.0, 0.5, 0.9].map(|u| text(&dimensions[0], u)),
        ["1e1", "16.0", "64"]
    );
    assert_eq!([0.0, 0.9].map(|u| text(&dimensions[1], u)), ["b", "a"]);
    assert_eq!(
        dimensions[0].value(dimensions[0].at(0.9)),
        Value::Discrete(64.0)
    );
    assert_eq!(
        dimensions[1].value(dimensions[1].at(0.9)),
        Value::Categorical("a")
    );
}

#[test]
fn foreign_text_is_read_as_it_is_meant() {
    let space = space(&[
        int("n", 1, 4, 1, Distribution::Uniform),
        double("x", "0", "1", "0.1", Distribution::Uniform),
        numbers("b", &["0.1", "2"]),
        double("y", "0", "1", "", Distribution::Uniform),
    ]);
    let foreign = [
        assignment("b", "2.00"),
        assignment("y", "1.0000000000000002"),
        assignment("x", "0.30000000000000004"),
        assignment("n", "3.0"),
    ];
    let values: Vec<String> = space
        .assignments(&space.point(&foreign).unwrap())
        .into_iter()
        .map(|a| a.value)
        .collect();
    assert_eq!(values, ["3", "0.3", "2", "1.0"]);
}

#[test]
fn what_does_not_fit_is_told() {
    let space = space(&[
        int("n", 2, 10, 4, Distribution::Uniform),
        double("x", "0", "1", "", Distribution::Uniform),
        words("w", &["a"]),
    ]);
    let refusal = |n: &str, x: &str, w: &str| {
        space
            .point(&[assignment("n", n), assignment("x", x), assignment("w", w)])
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refusal("4", "0", "a"),
        "parameter n: 4 is not within 2 to 10 in steps of 4"
    );
    assert_eq!(
        refusal("2.5", "0", "a"),
        r#"parameter n: "2.5" is not a whole number"#
    );
    assert_eq!(
        refusal("2", "1.1", "a"),
        "parameter x: 1.1 is not within 0.0 to 1.0"
    );
    assert_eq!(
        refusal("2", "nan", "a"),
        r#"parameter x: "nan" is not a finite number"#
    );
    assert_eq!(
        refusal("2", "0", "A"),
        r#"parameter w: "A" is not in its list"#
    );
    let missing = space
        .point(&[assignment("n", "2"), assignment("w", "a")])
        .unwrap_err();
    assert_eq!(missing.to_string(), "parameter x has no value");
    let unknown = space.point(&[assignment("z", "2")]).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "parameter z is not in the search space"
    );
}

#[test]
fn a_wrong_space_is_refused_with_all_that_is_wrong() {
    let wrong = [
        double("a", "x", "1", "", Distribution::Uniform),
        words("a", &["x"]),
    ];
    assert_eq!(
        Space::new(&wrong).unwrap_err().to_string(),
        "spec.parameters[0].feasibleSpace.min: Invalid value: \"x\": must be a finite number\n\
         spec.parameters[1].name: Duplicate value: \"a\""
    );
    assert_eq!(
        Space::new(&[]).unwrap_err().to_string(),
        "spec.parameters: Required value: must name at least one parameter"
    );
}

#[test]
fn sizes() {
    let size = |name: &str| {
        let (_, parameters) = spaces()
            .into_iter()
            .find(|(known, _)| *known == name)
            .unwrap();
        space(&parameters).size()
    };
    assert_eq!(size("a trillion points"), Size::Finite(1_000_000_000_000));
    assert_eq!(size("more points than u128 counts"), Size::Huge);
    assert_eq!(size("a training job"), Size::Continuous);
    let same = double("x", "0.5", "0.5", "", Distribution::Normal);
    assert_eq!(space(&[same]).size(), Size::Finite(1));
}

#[test]
fn a_list_ignores_the_distribution_that_katib_fills_in() {
    let feasible_space = FeasibleSpace {
        list: vec!["0".into(), "1".into()],
        distribution: Some(Distribution::LogNormal),
        ..Default::default()
    };
    let spec = ParameterSpec {
        name: "n".into(),
        parameter_type: ParameterType::Discrete,
        feasible_space,
        condition: None,
    };
    assert!(space(&[spec]).is_uniform());
}

#[test]
fn the_order_of_assignments_does_not_matter() {
    let names: Vec<String> = (0..1000).map(|number| format!("p{number}")).collect();
    let parameters: Vec<_> = names
        .iter()
        .map(|name| int(name, 0, 9, 1, Distribution::Uniform))
        .collect();
    let space = space(&parameters);
    let point = space.random(&mut rand::SeedableRng::seed_from_u64(1));
    let mut assignments = space.assignments(&point);
    assignments.reverse();
    assert_eq!(space.point(&assignments).unwrap(), point);
    let lost = assignments.remove(10);
    let missing = Misfit::Missing { name: lost.name };
    assert_eq!(space.point(&assignments).unwrap_err(), missing);
}

proptest! {
    #[test]
    fn points_of_every_space_round_trip(units in prop::collection::vec(0.0..1.0, 20)) {
        for (name, parameters) in spaces() {
            let space = space(&parameters);
            let point = space.at(units.iter().copied());
            prop_assert_eq!(&space.point(&space.assignments(&point)).unwrap(), &point, "{}", name);
            for (there, back) in units.iter().zip(space.unit(&point)) {
                prop_assert!((0.0..=1.0).contains(&back), "{name}: {there} became {back}");
            }
            if let Some(index) = index_of(&space, &point) {
                prop_assert_eq!(space.point_at(index), Some(point));
            }
        }
    }

    #[test]
    fn quantiles_rise(a in 0.0..1.0, b in 0.0..1.0) {
        for (_, parameters) in spaces() {
            for dimension in space(&parameters).dimensions() {
                let (low, high) = (dimension.at(f64::min(a, b)), dimension.at(f64::max(a, b)));
                prop_assert!(dimension.unit(low) <= dimension.unit(high), "{}", dimension.name());
            }
        }
    }

    #[test]
    fn a_trillion_points_are_numbered_both_ways(index in 0_u128..1_000_000_000_000) {
        let parameters: Vec<_> = (0..12).map(|i| int(&format!("p{i}"), 0, 9, 1, Distribution::Uniform)).collect();
        let space = space(&parameters);
        let point = space.point_at(index).unwrap();
        let digits: String = space.assignments(&point).into_iter().map(|assignment| assignment.value).collect();
        prop_assert_eq!(digits, format!("{index:012}"));
        prop_assert_eq!(index_of(&space, &point), Some(index));
    }
}

fn conditional() -> Space {
    space(&[
        when(
            int("depth", 1, 3, 1, Distribution::Uniform),
            "kind",
            &["tree"],
        ),
        words("kind", &["tree", "net", "line"]),
        when(words("act", &["relu", "tanh"]), "kind", &["net"]),
        when(numbers("slope", &["0.1", "0.01"]), "act", &["relu"]),
    ])
}

fn given(values: &[(&str, &str)]) -> Vec<ParameterAssignment> {
    let pairs = values.iter();
    pairs.map(|(name, value)| assignment(name, value)).collect()
}

#[test]
fn a_parameter_without_effect_is_in_no_assignment_and_makes_no_other_point() {
    let space = conditional();
    let point = |values: &[(&str, &str)]| space.point(&given(values));
    let line = point(&[("kind", "line")]).unwrap();
    let same = [
        ("kind", "line"),
        ("depth", "3"),
        ("act", "tanh"),
        ("slope", "0.1"),
    ];
    assert_eq!(point(&same), Ok(line.clone()));
    assert_eq!(space.assignments(&line), given(&[("kind", "line")]));
    assert_eq!(
        [0, 1, 2, 3].map(|index| space.is_active(&line, index)),
        [false, true, false, false]
    );
    assert_eq!(space.at([0.9, 0.9, 0.9, 0.9]), line);
    let net = [("kind", "net"), ("act", "relu"), ("slope", "0.1")];
    assert_eq!(space.assignments(&point(&net).unwrap()), given(&net));
    // The lowest value of a parent without effect gives none to its children.
    assert!(!space.is_active(&point(&[("kind", "tree"), ("depth", "2")]).unwrap(), 3));
    let said = |values: &[(&str, &str)]| point(values).unwrap_err().to_string();
    assert_eq!(said(&[("kind", "tree")]), "parameter depth has no value");
    assert_eq!(
        said(&[("kind", "net"), ("act", "relu")]),
        "parameter slope has no value"
    );
    assert_eq!(
        said(&[("kind", "line"), ("depth", "9")]),
        "parameter depth: 9 is not within 1 to 3"
    );
}

#[test]
fn configurations_are_counted_once() {
    let space = conditional();
    assert_eq!(space.cardinality(), Some(3 + 2 + 1 + 1));
    let text = |index| {
        let assignments = space.assignments(&space.point_at(index).unwrap());
        let values: Vec<String> = assignments.into_iter().map(|one| one.value).collect();
        values.join(" ")
    };
    let all: Vec<String> = (0..7).map(text).collect();
    let expected = [
        "1 tree",
        "2 tree",
        "3 tree",
        "net relu 0.01",
        "net relu 0.1",
        "net tanh",
        "line",
    ];
    assert_eq!(all, expected);
    assert_eq!(space.point_at(7), None);
}

/// Up to four parameters, each of which may need one before or after it, never in a circle.
fn small_forest() -> impl Strategy<Value = Vec<ParameterSpec>> {
    let one = (1_i64..4, any::<usize>(), 1_u8..16);
    (prop::collection::vec(one, 1..5), any::<bool>()).prop_map(|(specs, reversed)| {
        let mut parameters: Vec<ParameterSpec> = Vec::new();
        for (index, (count, parent, mask)) in specs.iter().enumerate() {
            let parameter = int(&format!("p{index}"), 1, *count, 1, Distribution::Uniform);
            let parent = parent % (index + 1);
            let values = (1..=specs[parent].0).filter(|value| mask >> value & 1 == 1);
            let values: Vec<String> = values.map(|value| value.to_string()).collect();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            parameters.push(if parent < index && !values.is_empty() {
                when(parameter, &format!("p{parent}"), &values)
            } else {
                parameter
            });
        }
        if reversed {
            parameters.reverse();
        }
        parameters
    })
}

proptest! {
    #[test]
    fn every_configuration_has_one_number(parameters in small_forest()) {
        let space = space(&parameters);
        let count = space.cardinality().unwrap();
        let numbered: std::collections::HashSet<Point> = (0..count).filter_map(|index| space.point_at(index)).collect();
        prop_assert_eq!(numbered.len() as u128, count);
        let product: u128 = space.dimensions().iter().filter_map(Dimension::count).product();
        let drawn: std::collections::HashSet<Point> = (0..product).map(|index| {
            let mut rest = index;
            space.at(space.dimensions().iter().map(|dimension| {
                let count = dimension.count().unwrap();
                let unit = ((rest % count) as f64 + 0.5) / count as f64;
                rest /= count;
                unit
            }))
        }).collect();
        prop_assert_eq!(numbered, drawn);
    }
}
