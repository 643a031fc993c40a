use super::*;
use crate::algorithm::SuggestedPoint;
use crate::registry::{ALGORITHMS, suggest, suggest_unseen};
use crate::settings::{Kind, Settings};
use diwan_core::resources::{Distribution, FeasibleSpace, ParameterSpec, ParameterType};
use proptest::prelude::*;

#[test]
fn every_algorithm_conforms() {
    for algorithm in ALGORITHMS {
        conforms(*algorithm);
    }
}

/// Values of a setting, those at the ends of its range among them; names of parameters where any text will do.
fn values(kind: Kind, parameters: &[ParameterSpec]) -> Vec<String> {
    match kind {
        Kind::Int { min, max } => [min, min + 1, max.min(50), max]
            .into_iter()
            // Limits that are numbers, not `i64::MAX`, are there because beyond them it takes too long.
            .filter(|value| *value <= 50 || *value == i64::MAX)
            .map(|value| value.to_string())
            .collect(),
        Kind::Between { above, below } => [above.next_up(), below.next_down()]
            .map(|value| format!("{value:e}"))
            .to_vec(),
        Kind::AtLeast(min) => vec![min.to_string(), f64::MAX.to_string()],
        Kind::Text => parameters.iter().map(|one| one.name.clone()).collect(),
        Kind::OneOf(words) => words.iter().map(|&word| word.to_owned()).collect(),
    }
}

#[test]
fn every_value_of_every_setting_holds_through_turmoil() {
    let spaces = spaces();
    for algorithm in ALGORITHMS {
        for wanted in ["a training job", "twelve points"] {
            let (_, parameters) = spaces.iter().find(|(name, _)| *name == wanted).unwrap();
            for setting in algorithm.settings() {
                for value in values(setting.kind, parameters) {
                    let mut spec = StudySpec::new(parameters, algorithm.name()).unwrap();
                    spec.settings = Settings::from_iter([(setting.name, value.as_str())]);
                    if algorithm.validate(&spec).is_ok() {
                        let context = format!("{} with {}={value}", algorithm.name(), setting.name);
                        turmoil(*algorithm, &spec, &format!("{context} on {wanted}"));
                    }
                }
            }
        }
    }
}

#[test]
fn algorithms_that_start_trials_again_with_more_conform() {
    let mut tested = 0;
    for algorithm in ALGORITHMS {
        for (name, parameters) in spaces() {
            for resource in &parameters {
                let most = match &resource.feasible_space {
                    space if space.max.is_empty() => space.list.last().unwrap(),
                    space => &space.max,
                };
                let mut spec = StudySpec::new(&parameters, algorithm.name()).unwrap();
                let settings = [("resource_name", resource.name.as_str()), ("r_l", most)];
                spec.settings = Settings::from_iter(settings);
                // Brackets repeat in such an experiment, and do not end after a round.
                spec.max_trials = Some(1_000);
                if algorithm.validate(&spec).is_ok() {
                    tested += 1;
                    conforms_on(*algorithm, &format!("{name} by {}", resource.name), &spec);
                }
            }
        }
    }
    assert!(tested > 0, "no algorithm takes resource_name any more");
}

/// The next `count` trials of a study, each with the sum of its place as its value, so that the best is in a corner.
fn descend(study: &mut Study, count: usize) {
    for _ in 0..count {
        let suggested = suggest(study, 1).unwrap();
        let Some(point) = suggested.points.into_iter().next() else {
            return;
        };
        let at = study.space().point(&point.assignments).unwrap();
        let mut report = Report::new(point.assignments, TrialState::Succeeded);
        report.number = Some(study.next);
        report.name = format!("trial-{}", study.next);
        report.labels = point.labels;
        report.value = Some(study.space().unit(&at).sum());
        assert!(
            !study.has_tried(&at),
            "{}: {at:?} came twice",
            study.spec.algorithm
        );
        study.record(report).unwrap();
        study.next += 1;
    }
}

#[test]
fn no_point_comes_twice_where_the_best_is_in_a_corner() {
    for algorithm in ALGORITHMS {
        for wanted in ["a line", "a training job", "twelve points"] {
            let spaces = spaces();
            let (_, parameters) = spaces.iter().find(|(name, _)| *name == wanted).unwrap();
            let spec = StudySpec::new(parameters, algorithm.name()).unwrap();
            if algorithm.validate(&spec).is_ok() {
                descend(&mut Study::new(spec, 0), 120);
            }
        }
    }
}

#[test]
fn trials_without_numbers_teach_the_same() {
    for name in ["bayesianoptimization", "tpe", "cmaes"] {
        let spaces = spaces();
        let (_, parameters) = spaces
            .iter()
            .find(|(name, _)| *name == "a training job")
            .unwrap();
        let mut study = Study::new(StudySpec::new(parameters, name).unwrap(), 0);
        for _ in 0..12 {
            descend(&mut study, 3);
            let reports = study.trials().iter().map(|trial| Report {
                number: None,
                assignments: study.space().assignments(&trial.point),
                name: trial.name.clone(),
                state: trial.state,
                value: trial.value,
                curve: trial.curve.clone(),
                labels: trial.labels.clone(),
            });
            let mut unnumbered = Study::of(study.spec.clone(), None, reports);
            let answer = suggest_unseen(&mut unnumbered, 1).unwrap();
            assert_eq!(answer, suggest(&study, 1).unwrap(), "{name}");
        }
    }
}

#[test]
fn points_of_a_history_with_gaps_do_not_come_again() {
    for algorithm in ALGORITHMS {
        for (name, parameters) in spaces() {
            let spec = StudySpec::new(&parameters, algorithm.name()).unwrap();
            if algorithm.validate(&spec).is_err() {
                continue;
            }
            let first = suggest(&Study::new(spec.clone(), 0), 8).unwrap().points;
            let kept = [0, 3, 4, 7]
                .into_iter()
                .filter_map(|index| first.get(index));
            let report = |point: &SuggestedPoint| {
                Report::new(point.assignments.clone(), TrialState::Succeeded)
            };
            let mut study = Study::of(spec, None, kept.map(report));
            let suggested = suggest_unseen(&mut study, 3).unwrap();
            assert!(
                suggested.points.len() == 3 || suggested.more == More::Exhausted,
                "{} on {name}",
                algorithm.name()
            );
            for point in suggested.points {
                let again = study.record(report(&point));
                assert_eq!(again, Ok(()));
            }
            assert_eq!(
                study.distinct(),
                study.trials().len(),
                "{} on {name}: a point came twice",
                algorithm.name()
            );
        }
    }
}

const DISTRIBUTIONS: [Distribution; 5] = [
    Distribution::Uniform,
    Distribution::LogUniform,
    Distribution::Normal,
    Distribution::LogNormal,
    Distribution::Unknown,
];

const TYPES: [ParameterType; 5] = [
    ParameterType::Double,
    ParameterType::Int,
    ParameterType::Discrete,
    ParameterType::Categorical,
    ParameterType::Unknown,
];

const TEXTS: [&str; 16] = [
    "0",
    "-0",
    "1",
    "0.1",
    "1e-300",
    "1e300",
    "-1e300",
    "5e-324",
    "1.7976931348623157e308",
    "nan",
    "inf",
    "",
    "x",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
];

/// Anything a file may say, mostly wrong.
fn any_parameter() -> impl Strategy<Value = ParameterSpec> {
    let text = prop_oneof![
        prop::sample::select(&TEXTS[..]).prop_map(str::to_owned),
        any::<f64>().prop_map(|x| format!("{x:e}")),
        any::<i64>().prop_map(|x| x.to_string()),
        "\\PC{0,5}",
    ];
    let list = prop::collection::vec(text.clone(), 0..5);
    let kind = prop::sample::select(&TYPES[..]);
    let distribution = prop::option::of(prop::sample::select(&DISTRIBUTIONS[..]));
    (
        "[abc]?",
        kind,
        text.clone(),
        text.clone(),
        text,
        list,
        distribution,
    )
        .prop_map(
            |(name, parameter_type, max, min, step, list, distribution)| {
                let feasible_space = FeasibleSpace {
                    max,
                    min,
                    list,
                    step,
                    distribution,
                };
                ParameterSpec {
                    name,
                    parameter_type,
                    feasible_space,
                    condition: None,
                }
            },
        )
}

/// Parameters that are right, of every size that numbers have.
fn right_parameter() -> impl Strategy<Value = ParameterSpec> {
    prop_oneof![right_double(), right_int(), right_list()]
}

fn right_double() -> impl Strategy<Value = ParameterSpec> {
    let float = prop_oneof![
        -10.0..10.0,
        any::<f64>().prop_filter("finite", |x| x.is_finite()),
        prop::sample::select(&[f64::MIN, 0.0, 5e-324, 1e-300, 1e300, f64::MAX][..]),
    ];
    let step = prop_oneof![
        Just(None),
        (1.0..30.0).prop_map(Some),
        (1.0..1e20).prop_map(Some)
    ];
    let distribution = prop::sample::select(&DISTRIBUTIONS[..]);
    let range = |(a, b, parts, distribution): (f64, f64, Option<f64>, _)| {
        let (low, high) = (a.min(b), a.max(b));
        let step = parts
            .map(|parts| high / parts - low / parts)
            .filter(|step| *step > 0.0 && step.is_finite());
        let step = step.map(|step| format!("{step:e}")).unwrap_or_default();
        let ends = (format!("{low:e}"), format!("{high:e}"));
        let distribution = linear_unless(low > 0.0, distribution);
        double("", &ends.0, &ends.1, &step, distribution)
    };
    (float.clone(), float, step, distribution).prop_map(range)
}

fn right_int() -> impl Strategy<Value = ParameterSpec> {
    let whole = prop_oneof![
        -20_i64..20,
        any::<i64>(),
        prop::sample::select(&[i64::MIN, i64::MAX][..])
    ];
    let distribution = prop::sample::select(&DISTRIBUTIONS[..]);
    let range = |(a, b, step, distribution): (i64, i64, i64, _)| {
        let (low, high) = (a.min(b), a.max(b));
        let widest = i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX).max(1);
        let step = if step % 2 == 0 { 1 + step % 5 } else { step };
        let distribution = linear_unless(low > 0, distribution);
        int("", low, high, step.min(widest), distribution)
    };
    (whole.clone(), whole, 1_i64.., distribution).prop_map(range)
}

fn right_list() -> impl Strategy<Value = ParameterSpec> {
    prop::collection::btree_set("[1-9][0-9]?", 1..5).prop_map(|list| {
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        if list.len() > 2 {
            words("", &list)
        } else {
            numbers("", &list)
        }
    })
}

fn linear_unless(positive: bool, distribution: Distribution) -> Distribution {
    match distribution {
        Distribution::LogUniform if !positive => Distribution::Uniform,
        Distribution::LogNormal if !positive => Distribution::Normal,
        other => other,
    }
}

fn named(mut parameters: Vec<ParameterSpec>) -> Vec<ParameterSpec> {
    for (index, parameter) in parameters.iter_mut().enumerate() {
        parameter.name = format!("p{index}");
    }
    parameters
}

/// Whether a continuous range has so few numbers that chance repeats them.
fn is_narrow(parameter: &ParameterSpec) -> bool {
    let place = |text: &str| {
        let bits = text.parse::<f64>().unwrap_or(0.0).to_bits().cast_signed();
        if bits < 0 { i64::MIN - bits } else { bits }
    };
    let FeasibleSpace { min, max, .. } = &parameter.feasible_space;
    parameter.parameter_type == ParameterType::Double && place(max).abs_diff(place(min)) < 1 << 40
}

/// Some parameters need the first value of another one, before or behind them.
fn conditioned(
    mut parameters: Vec<ParameterSpec>,
    parents: &[Option<usize>],
    backwards: bool,
) -> Vec<ParameterSpec> {
    if parameters.iter().any(is_narrow) {
        return parameters;
    }
    for index in 1..parameters.len() {
        let Some(parent) = parents[index].map(|parent| &parameters[parent % index]) else {
            continue;
        };
        let space = &parent.feasible_space;
        let first = match parent.parameter_type {
            ParameterType::Int => space.min.clone(),
            ParameterType::Discrete | ParameterType::Categorical => space.list[0].clone(),
            ParameterType::Double | ParameterType::Unknown => continue,
        };
        parameters[index] = when(parameters[index].clone(), &parent.name.clone(), &[&first]);
    }
    if backwards {
        parameters.reverse();
    }
    parameters
}

proptest! {
    #[test]
    fn no_text_breaks_the_compiler(parameters in prop::collection::vec(any_parameter(), 0..4), units in prop::collection::vec(any::<f64>(), 4)) {
        if let Ok(spec) = StudySpec::new(&parameters, "random") {
            let point = spec.space.at(units);
            prop_assert_eq!(spec.space.point(&spec.space.assignments(&point)), Ok(point));
        }
    }
}

proptest! {
    // Each case is some hundred suggestions of every algorithm.
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_space_breaks_an_algorithm(parameters in prop::collection::vec(right_parameter(), 1..4), parents in prop::collection::vec(prop::option::of(0_usize..3), 4), backwards in any::<bool>(), seed in any::<u64>(), next in prop::sample::select(&[0, 1, 65_535, u64::MAX - 1, u64::MAX][..])) {
        let parameters = conditioned(named(parameters), &parents, backwards);
        for algorithm in ALGORITHMS {
            let mut spec = StudySpec::new(&parameters, algorithm.name()).unwrap();
            spec.seed = seed;
            if algorithm.validate(&spec).is_err() {
                continue;
            }
            conforms_on(*algorithm, &format!("{parameters:?}"), &spec);
            let space = spec.space.clone();
            for point in suggest(&Study::new(spec, next), 5).unwrap().points {
                prop_assert!(space.point(&point.assignments).is_ok());
            }
        }
    }
}
