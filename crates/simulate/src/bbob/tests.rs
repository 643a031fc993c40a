use super::*;

/// Values of PyPI `ioh` 0.3, whose functions are COCO's. Samples are made by [`sample`].
const IOH: &str = include_str!("tests/ioh.csv");

/// Sample number `k`; number 2 is partly outside the box.
fn sample(dimension: usize, k: usize) -> Vec<f64> {
    let coordinate = |index: usize| {
        let step = (index * 7 + k * 5) % 11;
        let step_in_box = if step == 10 { 0.63 } else { 0.0 };
        let (offset, back) = if k == 2 {
            (1.37, 0.0)
        } else {
            (0.37, step_in_box)
        };
        step as f64 - 5.0 + offset - back
    };
    (0..dimension).map(coordinate).collect()
}

fn agrees(value: f64, expected: f64) -> bool {
    (value - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
}

#[test]
fn values_are_those_of_coco() {
    let mut rows = 0;
    for row in IOH.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let [function, instance, dimension, sample_number, expected] = fields[..] else {
            panic!("{row}")
        };
        let dimension = dimension.parse().unwrap();
        let (function, instance) = (function.parse().unwrap(), instance.parse().unwrap());
        let problem = Bbob::new(function, instance, dimension).unwrap();
        let value = match sample_number {
            "optimum" => problem.optimum(),
            number => problem.value(&sample(dimension, number.parse().unwrap())),
        };
        assert!(agrees(value, expected.parse().unwrap()), "{row}: {value}");
        rows += 1;
    }
    assert_eq!(rows, 24 * 3 * 3 * 4);
}

#[test]
fn numbers_out_of_range_are_refused() {
    let message = |function, instance, dimension| {
        Bbob::new(function, instance, dimension)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(message(0, 1, 2), "function 0: there are functions 1 to 24");
    assert_eq!(
        message(25, 1, 2),
        "function 25: there are functions 1 to 24"
    );
    assert_eq!(
        message(1, 0, 2),
        "instance 0: must be at least 1 and at most 100000"
    );
    assert_eq!(message(1, 1, 1), "dimension 1: must be at least 2");
}
