use diwan_core::record::TrialState;
use diwan_core::resources::{
    AlgorithmSpec, ExperimentSpec, InitialTrial, Metric, ObjectiveSpec, ObjectiveType, Observation,
    ParameterSpec,
};
use diwan_core::validate::validate_initial_trials;
use proptest::prelude::*;

use crate::algorithm::{More, SuggestedPoint};
use crate::conformance::{double, int, spaces, when, words};
use crate::registry::{ALGORITHMS, suggest, suggest_unseen, validate};
use crate::space::{Point, Space};
use crate::study::{Report, Study, StudySpec};

/// A minimisation that begins with these trials, which must be right.
fn spec(algorithm: &str, parameters: &[ParameterSpec], initial: Vec<InitialTrial>) -> StudySpec {
    let experiment = ExperimentSpec {
        parameters: parameters.to_vec(),
        objective: Some(ObjectiveSpec {
            kind: ObjectiveType::Minimize,
            objective_metric_name: "loss".into(),
            ..ObjectiveSpec::default()
        }),
        algorithm: Some(AlgorithmSpec {
            algorithm_name: algorithm.into(),
            ..AlgorithmSpec::default()
        }),
        initial_trials: initial,
        ..ExperimentSpec::default()
    };
    assert_eq!(validate_initial_trials(&experiment), [], "{parameters:?}");
    StudySpec::of(&experiment, 5).unwrap()
}

fn to_run(space: &Space, point: &Point) -> InitialTrial {
    InitialTrial {
        parameter_assignments: space.assignments(point),
        ..InitialTrial::default()
    }
}

fn over(space: &Space, point: &Point, loss: Option<&str>) -> InitialTrial {
    let observation = |loss: &str| Observation {
        metrics: vec![Metric {
            name: "loss".into(),
            latest: loss.into(),
            ..Metric::default()
        }],
    };
    InitialTrial {
        observation: loss.map(observation),
        failed: loss.is_none(),
        ..to_run(space, point)
    }
}

/// Different points of a space, at most `count`.
fn points(parameters: &[ParameterSpec], count: usize) -> (Space, Vec<Point>) {
    let spec = StudySpec::new(parameters, "random").unwrap();
    let mut points: Vec<Point> = Vec::new();
    for index in 0..200 {
        let point = spec.space.random(&mut spec.rng(index));
        if points.len() < count && !points.contains(&point) {
            points.push(point);
        }
    }
    (spec.space, points)
}

/// An experiment as a runner plays it, of which every answer is asked again of a study that was just read.
struct Played {
    study: Study,
    reports: Vec<Report>,
}

impl Played {
    fn ask(&mut self, count: usize) -> (Vec<SuggestedPoint>, More) {
        let suggested = suggest(&self.study, count).unwrap();
        let made = Some(self.study.made());
        let again = Study::of(
            self.study.spec.clone(),
            made,
            self.reports.iter().rev().cloned(),
        );
        assert_eq!(
            suggest(&again, count).unwrap(),
            suggested,
            "not restart-safe"
        );
        for point in &suggested.points {
            let mut report = Report::new(point.assignments.clone(), TrialState::Running);
            report.number = Some(self.reports.len() as u64);
            report.name = format!("t{}", self.reports.len());
            report.labels = point.labels.clone();
            self.record(report);
        }
        self.study.set_made(self.reports.len() as u64);
        (suggested.points, suggested.more)
    }

    fn record(&mut self, report: Report) {
        self.study.record(report.clone()).unwrap();
        self.reports.retain(|other| other.name != report.name);
        self.reports.push(report);
        self.reports.sort_by_key(|report| report.number);
    }

    fn finish_all(&mut self) {
        for index in 0..self.reports.len() {
            let mut report = self.reports[index].clone();
            if report.state.is_active() {
                report.state = TrialState::Succeeded;
                report.value = Some((index % 5) as f64);
                self.record(report);
            }
        }
    }
}

#[test]
fn given_points_come_first_and_nothing_comes_twice_whatever_the_algorithm() {
    for algorithm in ALGORITHMS {
        for (name, parameters) in spaces() {
            let context = format!("{} on {name}", algorithm.name());
            let (space, points) = points(&parameters, 6);
            let (run, known) = points.split_at(points.len() / 2);
            let initial = known.iter().zip([Some("0.5"), None, Some("-1e300")]);
            let initial = initial.map(|(point, loss)| over(&space, point, loss));
            let mut initial: Vec<_> = initial.collect();
            initial.extend(run.iter().map(|point| to_run(&space, point)));
            let spec = spec(algorithm.name(), &parameters, initial);
            if validate(&spec).is_err() {
                continue;
            }
            let mut played = Played {
                study: Study::new(spec, 0),
                reports: Vec::new(),
            };
            assert_eq!(played.study.trials().len(), known.len(), "{context}");
            let mut seen = Vec::new();
            for count in [2, 3, 1, 4, 7, 1, 2] {
                let (points, more) = played.ask(count);
                let points = points
                    .iter()
                    .map(|one| space.point(&one.assignments).unwrap());
                seen.extend(points);
                if more == More::Exhausted {
                    break;
                }
                if count != 3 {
                    played.finish_all();
                }
            }
            assert_eq!(seen[..run.len()], *run, "{context}");
            if space.may_repeat() {
                for (index, point) in seen.iter().enumerate() {
                    let is_new = !seen[..index].contains(point) && !known.contains(point);
                    assert!(is_new, "{context}: {point:?} came again");
                }
            }
            if let Some(all) = space.cardinality().filter(|all| *all <= 12) {
                assert_eq!((seen.len() + known.len()) as u128, all, "{context}");
            }
        }
    }
}

/// Where most algorithms begin.
#[test]
fn the_middle_of_a_line_does_not_come_again() {
    let parameters = [double(
        "x",
        "0",
        "1",
        "",
        diwan_core::resources::Distribution::Uniform,
    )];
    let middle = part(&[("x", "0.5")]);
    let known = InitialTrial {
        failed: true,
        ..middle.clone()
    };
    for algorithm in ALGORITHMS {
        for (initial, made) in [(middle.clone(), 1), (known.clone(), 0)] {
            let spec = spec(algorithm.name(), &parameters, vec![initial]);
            if validate(&spec).is_err() {
                continue;
            }
            let study = Study::new(spec, made);
            let suggested = suggest(&study, 3).unwrap().points;
            let value = |point: &SuggestedPoint| point.assignments[0].value.clone();
            let values: Vec<_> = suggested.iter().map(value).collect();
            assert_eq!(values.len(), 3);
            assert!(!values.contains(&"0.5".to_owned()), "{}", algorithm.name());
        }
    }
}

fn pair() -> Vec<ParameterSpec> {
    let uniform = diwan_core::resources::Distribution::Uniform;
    vec![
        words("kind", &["a", "b"]),
        when(int("n", 0, 9, 1, uniform), "kind", &["b"]),
        double("x", "0", "1", "", uniform),
    ]
}

fn part(pairs: &[(&str, &str)]) -> InitialTrial {
    let pairs = pairs.iter().map(|(name, value)| {
        serde_json::from_value(serde_json::json!({"name": name, "value": value})).unwrap()
    });
    InitialTrial {
        parameter_assignments: pairs.collect(),
        ..InitialTrial::default()
    }
}

#[test]
fn values_that_are_left_out_are_drawn_and_stay_the_same() {
    let initial = vec![
        part(&[("kind", "b")]),
        part(&[("x", "0.25"), ("kind", "a")]),
        part(&[("x", "0.5")]),
    ];
    let spec = spec("random", &pair(), initial);
    let given = Study::new(spec.clone(), 0).given(9);
    let texts = |point: &SuggestedPoint| -> Vec<String> {
        let pairs = point.assignments.iter();
        pairs
            .map(|one| format!("{}={}", one.name, one.value))
            .collect()
    };
    let given: Vec<_> = given.iter().map(texts).collect();
    assert_eq!(given[0][0], "kind=b");
    assert_eq!(given[0].len(), 3, "{given:?}");
    assert_eq!(given[1], ["kind=a", "x=0.25"]);
    assert_eq!(given[2].last().unwrap(), "x=0.5");
    let later: Vec<_> = Study::new(spec.clone(), 1)
        .given(9)
        .iter()
        .map(texts)
        .collect();
    assert_eq!(later, given[1..]);
    assert_eq!(Study::new(spec, 3).given(9), []);
}

#[test]
fn where_no_numbers_are_told_a_point_is_done_that_a_trial_has() {
    let initial = vec![
        part(&[("kind", "b")]),
        part(&[("x", "0.25"), ("kind", "a")]),
    ];
    let spec = spec("random", &pair(), initial);
    let given = Study::new(spec.clone(), 0).given(2);
    let trial =
        |point: &SuggestedPoint| Report::new(point.assignments.clone(), TrialState::Running);
    let mut foreign = trial(&given[1]);
    foreign.assignments[1].value = "0.75".into();
    let study = |reports: Vec<Report>| Study::of(spec.clone(), None, reports);
    let told = study(vec![foreign.clone(), trial(&given[1])]);
    assert_eq!(told.given(9), given[..1]);
    assert_eq!((told.next, told.made()), (1, 2));
    // Who tells more than it shows is believed.
    let mut told = study(vec![foreign]);
    told.made_at_least(3);
    assert_eq!((told.given(9), told.next, told.made()), (Vec::new(), 1, 3));
}

#[test]
fn a_grid_counts_only_what_is_left() {
    let parameters = [words("a", &["u", "v", "w"])];
    let (space, points) = points(&parameters, 2);
    let initial = vec![
        over(&space, &points[0], Some("1")),
        over(&space, &points[0], Some("2")),
    ];
    let mut spec = spec("grid", &parameters, initial);
    spec.max_trials = Some(2);
    assert_eq!(spec.too_few_points(), None);
    spec.max_trials = Some(3);
    let said =
        "Max Trial Count: 3 > all possible search combinations but 1 in spec.initialTrials: 2";
    assert_eq!(spec.too_few_points().as_deref(), Some(said));
}

proptest! {
    /// Whoever asks with the whole history, in any order and of any number of points, gets each given point once.
    #[test]
    fn each_given_point_comes_once(
        values in prop::collection::btree_set(0..1000_u32, 1..6),
        counts in prop::collection::vec(1..4_usize, 1..8),
        numbered: bool,
    ) {
        let initial = values.iter().map(|value| part(&[("x", &format!("0.{value:03}"))]));
        let spec = spec("tpe", &pair(), initial.collect());
        let given = Study::new(spec.clone(), 0).given(9);
        let mut reports: Vec<Report> = Vec::new();
        let mut seen = Vec::new();
        for count in counts {
            let made = reports.len() as u64;
            let told = reports.iter().rev().cloned();
            let points = if numbered {
                suggest(&Study::of(spec.clone(), Some(made), told), count).unwrap().points
            } else {
                let told = told.map(|report| Report { number: None, ..report });
                suggest_unseen(&mut Study::of(spec.clone(), None, told), count).unwrap().points
            };
            prop_assert_eq!(points.len(), count);
            for point in points {
                let mut report = Report::new(point.assignments.clone(), TrialState::Running);
                report.number = Some(reports.len() as u64);
                report.name = format!("t{}", reports.len());
                reports.push(report);
                seen.push(point);
            }
        }
        let first = seen.len().min(given.len());
        prop_assert_eq!(&seen[..first], &given[..first]);
        prop_assert!(seen[first..].iter().all(|point| !given.contains(point)));
    }
}
