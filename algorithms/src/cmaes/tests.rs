use super::*;
use crate::conformance::{double, int, numbers, spaces, when, words};
use crate::registry::suggest;
use crate::settings::Settings;
use crate::study::{Report, StudySpec};
use diwan_core::record::TrialState;
use diwan_core::resources::{Distribution, ParameterAssignment, ParameterSpec};
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

fn line(name: &str) -> ParameterSpec {
    double(name, "-5", "5", "", Distribution::Uniform)
}

fn study(parameters: &[ParameterSpec], settings: &[(&str, &str)]) -> Study {
    let mut spec = StudySpec::new(parameters, "cmaes").unwrap();
    spec.settings = Settings::from_iter(settings.iter().copied());
    Study::new(spec, 0)
}

/// Asks for a point and enters its trial.
fn ask(study: &mut Study) -> Report {
    let point = suggest(study, 1).unwrap().points.remove(0);
    let mut report = Report::new(point.assignments, TrialState::Running);
    report.name = format!("t{}", study.next);
    report.number = Some(study.next);
    report.labels = point.labels;
    study.next += 1;
    study.record(report.clone()).unwrap();
    report
}

/// The best loss after so many trials, one at a time.
fn minimize(study: &mut Study, trials: usize, loss: impl Fn(&[&str]) -> f64) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..trials {
        let mut report = ask(study);
        let texts: Vec<&str> = report
            .assignments
            .iter()
            .map(|a| a.value.as_str())
            .collect();
        let value = loss(&texts);
        best = best.min(value);
        report.value = Some(value);
        report.state = TrialState::Succeeded;
        study.record(report).unwrap();
    }
    best
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn a_bowl_is_found_to_many_digits() {
    let mut study = study(&[line("a"), line("b")], &[]);
    let bowl = |x: &[&str]| (number(x[0]) - 1.2).powi(2) + 3.0 * (number(x[1]) + 2.7).powi(2);
    let best = minimize(&mut study, 300, bowl);
    assert!(best < 1e-8, "{best}");
}

/// Where a logarithmic scale takes it back and forth, a number may come back with other last digits.
#[test]
fn it_begins_beside_a_trial_of_before_and_not_there_again() {
    let rate = double("rate", "1e-5", "1", "", Distribution::LogUniform);
    for tried in ["0.01", "0.001", "0.0003", "0.7"] {
        let mut study = study(&[rate.clone(), line("x")], &[]);
        for (rate, value) in [(tried, 0.1), ("0.1", 0.2)] {
            let assignments = ["rate", "x"].into_iter().zip([rate, "1.5"]);
            let assignments = assignments.map(|(name, value)| ParameterAssignment {
                name: name.to_owned(),
                value: value.to_owned(),
            });
            let mut report = Report::new(assignments.collect(), TrialState::Succeeded);
            report.value = Some(value);
            study.record(report).unwrap();
        }
        let first = ask(&mut study).assignments.remove(0).value;
        assert!(
            (number(&first) / number(tried) - 1.0).abs() > 1e-6,
            "{first}"
        );
    }
}

#[test]
fn trials_that_hang_do_not_keep_it_from_learning() {
    for hung in [12, 100] {
        let mut study = study(&[line("a"), line("b"), line("c")], &[]);
        (0..hung).for_each(|_| drop(ask(&mut study)));
        let bowl = |x: &[&str]| x.iter().map(|x| (number(x) - 1.3).powi(2)).sum();
        let best = minimize(&mut study, 300, bowl);
        assert!(best < 1e-6, "{hung}: {best}");
    }
}

#[test]
fn many_workers_do_not_keep_it_from_learning() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut study = study(&[line("a"), line("b")], &[]);
    let (mut running, mut best) = (Vec::new(), f64::INFINITY);
    for _ in 0..2_000 {
        while running.len() < 60 {
            running.push(ask(&mut study));
        }
        let mut report = running.swap_remove(rng.random_range(0..running.len()));
        let near = report
            .assignments
            .iter()
            .map(|a| (number(&a.value) - 1.3).powi(2));
        let loss = near.sum();
        best = f64::min(best, loss);
        report.value = Some(loss);
        report.state = TrialState::Succeeded;
        study.record(report).unwrap();
    }
    assert!(best < 1e-6, "{best}");
}

#[test]
fn what_a_stopped_trial_had_reached_is_not_its_end() {
    let mut study = study(&[line("a"), line("b")], &[]);
    let bowl = |x: &[&str]| x.iter().map(|x| (number(x) - 1.3).powi(2)).sum();
    for _ in 0..300 {
        let mut report = ask(&mut study);
        report.value = Some(-100.0);
        report.state = TrialState::EarlyStopped;
        study.record(report).unwrap();
        minimize(&mut study, 1, bowl);
    }
    let best = minimize(&mut study, 10, bowl);
    assert!(best < 1e-4, "{best}");
}

#[test]
fn a_stopped_trial_that_goes_on_is_noticed() {
    let mut study = study(&[line("a"), line("b")], &[("population", "4")]);
    let mut reports: Vec<Report> = (0..4).map(|_| ask(&mut study)).collect();
    for (value, report) in reports.iter_mut().enumerate() {
        report.value = Some(value as f64);
        report.state = TrialState::EarlyStopped;
        study.record(report.clone()).unwrap();
    }
    let before = suggest(&study, 2);
    for ended in [3, 1] {
        reports[ended].state = TrialState::Succeeded;
        study.record(reports[ended].clone()).unwrap();
        let restarted = Study::of(study.spec.clone(), Some(study.next), reports.clone());
        assert_eq!(suggest(&study, 2), suggest(&restarted, 2));
        assert_ne!(suggest(&study, 2), before);
    }
}

#[test]
fn a_label_of_trials_to_come_changes_no_answer() {
    let mut study = study(&[line("a"), line("b")], &[("population", "4")]);
    let mut reports: Vec<Report> = (0..6).map(|_| ask(&mut study)).collect();
    let mut foreign = reports[5].clone();
    (foreign.name, foreign.number) = ("foreign".to_owned(), None);
    foreign.assignments[0].value = "4.5".to_owned();
    foreign.labels = Label {
        generation: 1,
        index: 6,
        origin: label::Origin::Generation(harvest::Harvest::read("1000").unwrap()),
    }
    .write();
    reports.push(foreign.clone());
    study.record(foreign).unwrap();
    for round in 0..30 {
        for report in &mut reports {
            if report.state == TrialState::Running {
                report.state = TrialState::Succeeded;
                report.value = Some(number(&report.assignments[0].value).abs());
                study.record(report.clone()).unwrap();
            }
        }
        reports.push(ask(&mut study));
        let restarted = Study::of(study.spec.clone(), Some(study.next), reports.clone());
        assert_eq!(suggest(&study, 2), suggest(&restarted, 2), "{round}");
    }
}

#[test]
fn of_two_trials_of_one_suggestion_the_same_is_meant_in_any_order() {
    let parameters = [line("a"), line("b")];
    let mut study = study(&parameters, &[("population", "4")]);
    let mut reports: Vec<Report> = (0..4).map(|_| ask(&mut study)).collect();
    for (value, report) in reports.iter_mut().enumerate() {
        report.state = TrialState::Succeeded;
        report.value = Some(value as f64);
    }
    let mut twin = reports[0].clone();
    (twin.name, twin.number, twin.state) = ("twin".to_owned(), None, TrialState::Killed);
    reports.push(twin);
    let answers = [false, true].map(|backwards| {
        let mut reports = reports.clone();
        if backwards {
            reports.reverse();
        }
        let restarted = Study::of(study.spec.clone(), Some(study.next), reports);
        suggest(&restarted, 2).unwrap()
    });
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].points[0].labels["cmaes"].starts_with("1."));
}

#[test]
fn the_right_words_and_whole_numbers_are_found() {
    let parameters = [
        words("kind", &["a", "b", "c", "d", "e", "f"]),
        int("size", 1, 60, 1, Distribution::Uniform),
        numbers("batch", &["16", "32", "64", "128"]),
        when(line("x"), "kind", &["d", "e"]),
    ];
    let loss = |x: &[&str]| {
        let kind = if x[0] == "d" { 0.0 } else { 1.0 };
        let far = x.get(3).map_or(2.0, |x| (number(x) - 2.0).abs());
        kind + (number(x[1]) - 41.0).abs() / 20.0 + (number(x[2]) - 64.0).abs() / 64.0 + far / 5.0
    };
    let best = minimize(&mut study(&parameters, &[]), 300, loss);
    assert!(best < 0.1, "{best}");
}

#[test]
fn the_best_trial_of_others_is_where_it_begins() {
    let mut study = study(&[line("a"), line("b")], &[]);
    let texts = [("-4", "4"), ("3.5", "-4.5"), ("1", "1")];
    for ((a, b), value) in texts.into_iter().zip([2.0, 1.0, 3.0]) {
        let mut report = ask(&mut self::study(&[line("a"), line("b")], &[]));
        report.labels.clear();
        report.name = a.to_owned();
        report.assignments[0].value = a.to_owned();
        report.assignments[1].value = b.to_owned();
        report.state = TrialState::Succeeded;
        report.value = Some(value);
        study.record(report).unwrap();
    }
    let reports: Vec<Report> = (0..20).map(|_| ask(&mut study)).collect();
    let mean = |index: usize| {
        let values = reports
            .iter()
            .map(|report| number(&report.assignments[index].value));
        values.sum::<f64>() / 20.0
    };
    assert!((mean(0) - 3.5).abs() < 1.0 && (mean(1) + 4.5).abs() < 1.0);
}

#[test]
fn any_values_leave_it_going() {
    let values: [fn(usize) -> f64; 3] = [
        |_| 1.0,
        |trial| if trial % 2 == 0 { 1e300 } else { -1e300 },
        |trial| (trial as f64) * f64::MAX / 400.0,
    ];
    for (name, parameters) in spaces() {
        for value in values {
            let mut study = study(&parameters, &[("restart_strategy", "none")]);
            for trial in 0..100 {
                if study.space().cardinality() == Some(study.distinct() as u128) {
                    break;
                }
                let mut report = ask(&mut study);
                report.state = TrialState::Succeeded;
                report.value = Some(value(trial));
                assert_eq!(study.record(report), Ok(()), "{name}");
            }
        }
    }
}

/// Plays an experiment of several workers whose trials end in any order and any way. After every trial the answer is the same
/// from what was kept, from a copy without it, and from a new process that hears of the trials in another order.
fn answers_do_not_depend_on_what_was_kept(parameters: &[ParameterSpec], seed: u64, workers: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut study = study(parameters, &[("population", "4")]);
    let (mut all, mut running): (Vec<Report>, Vec<usize>) = (Vec::new(), Vec::new());
    for _ in 0..120 {
        if running.len() < workers {
            running.push(all.len());
            all.push(ask(&mut study));
        }
        if rng.random_bool(0.7) {
            let index = running.swap_remove(rng.random_range(0..running.len()));
            let report = &mut all[index];
            (report.state, report.value) = match rng.random_range(0..10) {
                0 => (TrialState::Failed, None),
                1 => (TrialState::Killed, None),
                2 => (TrialState::Succeeded, Some(f64::NAN)),
                3 => (TrialState::EarlyStopped, Some(rng.random())),
                _ => (TrialState::Succeeded, Some(rng.random())),
            };
            study.record(report.clone()).unwrap();
        }
        if rng.random_bool(0.1) {
            study = study.clone();
        }
        let mut reports = all.clone();
        reports.shuffle(&mut rng);
        let restarted = Study::of(study.spec.clone(), Some(study.next), reports);
        assert_eq!(suggest(&study, 2), suggest(&restarted, 2));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_kept_state_changes_no_answer(seed: u64, workers in prop_oneof![1_usize..12, 30_usize..60]) {
        answers_do_not_depend_on_what_was_kept(&[line("a"), line("b")], seed, workers);
        let mixed = [
            words("kind", &["a", "b", "c"]),
            int("size", 1, 60, 1, Distribution::LogUniform),
            when(line("x"), "kind", &["a"]),
        ];
        answers_do_not_depend_on_what_was_kept(&mixed, seed, workers);
    }
}
