//! Spaces to try an algorithm on.

use diwan_core::resources::Distribution::{self, LogNormal, LogUniform, Normal, Uniform};
use diwan_core::resources::{FeasibleSpace, ParameterCondition, ParameterSpec, ParameterType};

/// Spaces of every kind and of extreme sizes, each with a name.
#[must_use]
pub fn spaces() -> Vec<(&'static str, Vec<ParameterSpec>)> {
    let mut spaces = small();
    spaces.extend([
        ("a line", vec![double("x", "-1", "1", "", Uniform)]),
        ("a training job", training_job()),
    ]);
    spaces.extend(conditional());
    spaces.extend(extreme());
    spaces
}

fn small() -> Vec<(&'static str, Vec<ParameterSpec>)> {
    vec![
        ("one value", vec![words("only", &["it"])]),
        (
            "twelve points",
            vec![int("a", 1, 4, 1, Uniform), words("b", &["x", "y", "z"])],
        ),
        (
            "weighted points",
            vec![
                int("a", 1, 9, 2, LogUniform),
                double("b", "0.1", "0.5", "0.1", Normal),
            ],
        ),
        (
            "numbers from a list",
            vec![
                numbers("a", &["64", "16.0", "3e1"]),
                int("b", 0, 3, 1, Normal),
            ],
        ),
    ]
}

fn training_job() -> Vec<ParameterSpec> {
    vec![
        double("lr", "1e-5", "1", "", LogUniform),
        double("dropout", "0", "0.5", "0.1", Uniform),
        int("layers", 1, 8, 1, LogNormal),
        numbers("batch", &["16", "32", "64"]),
        words("optimizer", &["sgd", "adam"]),
    ]
}

fn conditional() -> Vec<(&'static str, Vec<ParameterSpec>)> {
    let whole = |index| int(&format!("p{index}"), i64::MIN, i64::MAX, 1, Uniform);
    vec![
        (
            "ten points under conditions",
            vec![
                when(int("c", 1, 3, 1, Uniform), "b", &["y"]),
                words("a", &["on", "off"]),
                when(words("b", &["x", "y", "z"]), "a", &["on"]),
                when(words("d", &["u", "v"]), "b", &["z", "x"]),
                when(numbers("e", &["2", "1"]), "c", &["2", "3.0"]),
            ],
        ),
        (
            "layers of a network",
            vec![
                int("layers", 1, 3, 1, LogUniform),
                int("width1", 8, 512, 1, LogUniform),
                when(int("width2", 8, 512, 1, LogUniform), "layers", &["2", "3"]),
                when(int("width3", 8, 512, 1, LogUniform), "layers", &["3"]),
            ],
        ),
        (
            "a choice that may need no number",
            vec![
                words("schedule", &["constant", "cosine", "step"]),
                when(
                    double("floor", "0", "0.1", "", Uniform),
                    "schedule",
                    &["cosine"],
                ),
                when(
                    double("decay", "1e-3", "1", "", LogNormal),
                    "schedule",
                    &["step"],
                ),
            ],
        ),
        (
            "a choice that mostly needs no number",
            vec![
                int("n", 0, 9_999, 1, Uniform),
                when(double("x", "0", "1", "", Uniform), "n", &["7"]),
            ],
        ),
        (
            "more points than u128 counts under a condition",
            std::iter::once(words("kind", &["none", "many"]))
                .chain((0..20).map(|index| when(whole(index), "kind", &["many"])))
                .collect(),
        ),
    ]
}

fn extreme() -> Vec<(&'static str, Vec<ParameterSpec>)> {
    let whole = |name: &str, step| int(name, i64::MIN, i64::MAX, step, Uniform);
    vec![
        (
            "extreme doubles",
            vec![
                double("wide", "1e-300", "1e300", "", LogUniform),
                double("huge", "-1.7e308", "1.7e308", "", Normal),
                double("fine", "0", "1e300", "1e-300", Uniform),
            ],
        ),
        (
            "doubles of every size",
            vec![
                double("linear", "1e-300", "1e300", "", Uniform),
                double("bell", "1e-300", "1e300", "", LogNormal),
            ],
        ),
        (
            "little ranges far away",
            vec![
                double("far", "1e15", "1000000000000001", "", Uniform),
                double("log", "1e300", "1.0000000000000002e300", "", LogUniform),
                double("tiny", "1e-300", "1.000000001e-300", "", Normal),
            ],
        ),
        ("all whole numbers", vec![whole("a", 1), whole("b", 3)]),
        (
            "more points than u128 counts",
            (0..20).map(|i| whole(&format!("p{i}"), 1)).collect(),
        ),
        (
            "a trillion points",
            (0..12)
                .map(|i| int(&format!("p{i}"), 0, 9, 1, Uniform))
                .collect(),
        ),
    ]
}

/// A double parameter.
#[must_use]
pub fn double(
    name: &str,
    min: &str,
    max: &str,
    step: &str,
    distribution: Distribution,
) -> ParameterSpec {
    range(ParameterType::Double, name, (min, max), step, distribution)
}

/// An int parameter.
#[must_use]
pub fn int(name: &str, min: i64, max: i64, step: i64, distribution: Distribution) -> ParameterSpec {
    let ends = (&*min.to_string(), &*max.to_string());
    range(
        ParameterType::Int,
        name,
        ends,
        &step.to_string(),
        distribution,
    )
}

/// A parameter that has an effect only while another one has one of these values.
#[must_use]
pub fn when(parameter: ParameterSpec, parent: &str, values: &[&str]) -> ParameterSpec {
    let condition = ParameterCondition {
        parent: parent.to_owned(),
        values: values.iter().map(|&value| value.to_owned()).collect(),
    };
    ParameterSpec {
        condition: Some(condition),
        ..parameter
    }
}

/// A categorical parameter.
#[must_use]
pub fn words(name: &str, list: &[&str]) -> ParameterSpec {
    listed(ParameterType::Categorical, name, list)
}

/// A discrete parameter.
#[must_use]
pub fn numbers(name: &str, list: &[&str]) -> ParameterSpec {
    listed(ParameterType::Discrete, name, list)
}

fn range(
    kind: ParameterType,
    name: &str,
    ends: (&str, &str),
    step: &str,
    distribution: Distribution,
) -> ParameterSpec {
    let feasible_space = FeasibleSpace {
        min: ends.0.to_owned(),
        max: ends.1.to_owned(),
        step: step.to_owned(),
        distribution: Some(distribution),
        ..FeasibleSpace::default()
    };
    ParameterSpec {
        name: name.to_owned(),
        parameter_type: kind,
        feasible_space,
        condition: None,
    }
}

fn listed(kind: ParameterType, name: &str, list: &[&str]) -> ParameterSpec {
    let list = list.iter().map(|&text| text.to_owned()).collect();
    let feasible_space = FeasibleSpace {
        list,
        ..FeasibleSpace::default()
    };
    ParameterSpec {
        name: name.to_owned(),
        parameter_type: kind,
        feasible_space,
        condition: None,
    }
}
