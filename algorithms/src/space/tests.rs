use super::*;
use crate::conformance::{double, int, numbers, spaces, words};
use diwan_core::resources::{Distribution, FeasibleSpace, ParameterType};
use proptest::prelude::*;

fn space(parameters: &[ParameterSpec]) -> Space {
    Space::new(parameters).unwrap()
}

/// The number of a point in lexicographic order, if the space counts its points.
fn index_of(space: &Space, point: &Point) -> Option<u128> {
    space.cardinality()?;
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
