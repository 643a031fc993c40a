use std::collections::BTreeMap;

use diwan_core::record::TrialState;
use diwan_core::resources::{Distribution, ParameterSpec};

use super::*;
use crate::algorithm::{More, SuggestedPoint};
use crate::conformance::{double, int, numbers, when, words};
use crate::registry::{suggest, validate};
use crate::study::{Report, Study};

fn parameters() -> Vec<ParameterSpec> {
    vec![
        double("x", "0", "1", "", Distribution::Uniform),
        int("epochs", 1, 81, 1, Distribution::Uniform),
    ]
}

fn spec(algorithm: &str, parameters: &[ParameterSpec], settings: &[(&str, &str)]) -> StudySpec {
    let mut spec = StudySpec::new(parameters, algorithm).unwrap();
    spec.settings = Settings::from_iter(settings.iter().copied());
    spec
}

fn epochs(algorithm: &str) -> StudySpec {
    let settings = [("resource_name", "epochs"), ("r_l", "81"), ("eta", "3")];
    spec(algorithm, &parameters(), &settings)
}

/// Trials that run, and those that have ended.
struct Experiment {
    study: Study,
    running: Vec<Report>,
    ended: Vec<Report>,
}

impl Experiment {
    fn new(spec: StudySpec) -> Self {
        Self {
            study: Study::new(spec, 0),
            running: Vec::new(),
            ended: Vec::new(),
        }
    }

    fn ask(&mut self, count: usize) -> More {
        let suggested = suggest(&self.study, count).unwrap();
        for point in suggested.points {
            self.begin(point);
        }
        suggested.more
    }

    fn begin(&mut self, point: SuggestedPoint) {
        let mut report = Report::new(point.assignments, TrialState::Running);
        report.number = Some(self.study.next);
        report.name = format!("trial-{}", self.study.next);
        report.labels = point.labels;
        self.study.record(report.clone()).unwrap();
        self.study.next += 1;
        self.running.push(report);
    }

    /// Ends the trial that has run longest: its loss is x, or it fails.
    fn end(&mut self, fails: bool) {
        let mut report = self.running.remove(0);
        report.state = if fails {
            TrialState::Failed
        } else {
            TrialState::Succeeded
        };
        report.value = Some(value(&report, "x"));
        self.study.record(report.clone()).unwrap();
        self.ended.push(report);
    }

    /// Plays until nothing more comes, or so many trials have ended; the reasons to wait while fewer than `workers` ran.
    fn play(
        &mut self,
        workers: usize,
        trials: usize,
        fails: impl Fn(usize) -> bool,
    ) -> Vec<String> {
        let mut reasons = Vec::new();
        while self.ended.len() < trials {
            let free = workers - self.running.len();
            match self.ask(free) {
                More::NotYet { why } => {
                    assert!(!self.running.is_empty(), "stuck: {why}");
                    reasons.push(why);
                }
                More::Exhausted if self.running.is_empty() => break,
                More::Exhausted | More::Yes => {}
            }
            self.end(fails(self.ended.len()));
        }
        reasons
    }

    /// How many trials each rung of each bracket had, and with how much.
    fn counts(&self) -> BTreeMap<(u64, u64), (usize, f64)> {
        let mut counts = BTreeMap::new();
        for report in &self.ended {
            let label = |name: &str| report.labels[name].parse().unwrap();
            let place = (label("bracket"), label("rung"));
            let (count, amount) = counts.entry(place).or_insert((0, value(report, "epochs")));
            *count += 1;
            assert_eq!(*amount, value(report, "epochs"));
        }
        counts
    }
}

fn value(report: &Report, name: &str) -> f64 {
    let found = report.assignments.iter().find(|one| one.name == name);
    found.unwrap().value.parse().unwrap()
}

#[test]
fn the_brackets_are_those_of_the_paper() {
    let ladder = Ladder::new(1.0, 81.0, 3);
    let bracket = |bracket| -> Vec<(u64, f64)> {
        let rungs = ladder.bracket(bracket).into_iter();
        rungs.map(|rung| (rung.members, rung.amount)).collect()
    };
    assert_eq!(ladder.brackets(), 5);
    let deepest = [(81, 1.0), (27, 3.0), (9, 9.0), (3, 27.0), (1, 81.0)];
    assert_eq!(bracket(0), deepest);
    assert_eq!(bracket(1), [(34, 3.0), (11, 9.0), (3, 27.0), (1, 81.0)]);
    assert_eq!(bracket(2), [(15, 9.0), (5, 27.0), (1, 81.0)]);
    assert_eq!(bracket(3), [(8, 27.0), (2, 81.0)]);
    assert_eq!(bracket(4), [(5, 81.0)]);
}

#[test]
fn hyperband_and_bohb_run_all_brackets_and_end() {
    for algorithm in ["hyperband", "bohb"] {
        for workers in [1, 7, 100] {
            let mut experiment = Experiment::new(epochs(algorithm));
            let reasons = experiment.play(workers, 1_000, |_| false);
            let counts: Vec<_> = experiment.counts().into_values().collect();
            let expected = [
                (81, 1.0),
                (27, 3.0),
                (9, 9.0),
                (3, 27.0),
                (1, 81.0),
                (34, 3.0),
                (11, 9.0),
                (3, 27.0),
                (1, 81.0),
                (15, 9.0),
                (5, 27.0),
                (1, 81.0),
                (8, 27.0),
                (2, 81.0),
                (5, 81.0),
            ];
            assert_eq!(counts, expected, "{algorithm}, {workers} workers");
            assert_eq!(reasons.is_empty(), workers == 1);
        }
    }
}

#[test]
fn the_best_go_on_from_their_parents() {
    let mut experiment = Experiment::new(epochs("hyperband"));
    experiment.play(10, 81 + 27, |_| false);
    let (first, second) = experiment.ended.split_at(81);
    let mut best: Vec<f64> = first.iter().map(|report| value(report, "x")).collect();
    best.sort_by(f64::total_cmp);
    for report in second {
        assert!(best[..27].contains(&value(report, "x")));
        let parent = first.iter().find(|one| one.name == report.labels["parent"]);
        assert_eq!(value(parent.unwrap(), "x"), value(report, "x"));
        assert_eq!(parent.unwrap().labels["member"], report.labels["member"]);
    }
}

#[test]
fn failed_trials_are_not_promoted_and_block_nothing() {
    for algorithm in ["hyperband", "bohb"] {
        let mut experiment = Experiment::new(epochs(algorithm));
        experiment.play(8, 1_000, |index| index % 2 == 0);
        let counts = experiment.counts();
        assert_eq!((counts[&(0, 0)].0, counts[&(0, 1)].0), (81, 27));
        assert_eq!(counts[&(4, 0)].0, 5, "the last bracket is reached");
        let failed = experiment
            .ended
            .iter()
            .filter(|one| one.state == TrialState::Failed);
        for failed in failed {
            let is_child = |one: &Report| one.labels.get("parent") == Some(&failed.name);
            assert!(!experiment.ended.iter().any(is_child));
        }
        let mut hopeless = Experiment::new(epochs(algorithm));
        hopeless.play(8, 1_000, |_| true);
        assert_eq!(hopeless.ended.len(), 81 + 34 + 15 + 8 + 5);
    }
}

#[test]
fn rounds_repeat_while_the_experiment_wants_trials() {
    let mut spec = epochs("hyperband");
    spec.max_trials = Some(500);
    let mut experiment = Experiment::new(spec);
    experiment.play(8, 500, |index| index % 5 == 0);
    assert_eq!(experiment.ended.len(), 500);
    assert_eq!(experiment.counts()[&(5, 0)], (81, 1.0));
}

#[test]
fn asha_promotes_without_waiting() {
    let mut experiment = Experiment::new(epochs("asha"));
    let reasons = experiment.play(8, 500, |index| index % 5 == 0);
    assert_eq!(reasons, [""; 0]);
    let counts = experiment.counts();
    assert_eq!(counts.len(), 5);
    for rung in 0..4 {
        let (lower, upper) = (counts[&(0, rung)].0, counts[&(0, rung + 1)].0);
        // A third, and those that were among the best when they were promoted.
        assert!(upper * 2 <= lower + 8, "{upper} of {lower}");
        assert!(upper * 5 >= lower, "{upper} of {lower}");
    }
}

#[test]
fn a_small_space_ends_without_a_point_twice() {
    let parameters = [
        words("kind", &["a", "b", "c", "d"]),
        numbers("epochs", &["1", "5", "20", "81"]),
    ];
    let settings = [("resource_name", "epochs"), ("r_l", "81")];
    for algorithm in ["hyperband", "asha", "bohb"] {
        let mut endless = spec(algorithm, &parameters, &settings);
        endless.max_trials = Some(500);
        for workers in [1, 3] {
            let mut study = Study::new(endless.clone(), 0);
            let mut rounds = 0;
            loop {
                let suggested = suggest(&study, workers).unwrap();
                if suggested.more == More::Exhausted && suggested.points.is_empty() {
                    break;
                }
                for point in suggested.points {
                    let mut report = Report::new(point.assignments, TrialState::Succeeded);
                    report.value = Some(study.next as f64);
                    report.name = format!("trial-{}", study.next);
                    report.labels = point.labels;
                    study.record(report).unwrap();
                    study.next += 1;
                }
                rounds += 1;
                assert!(rounds <= 16, "{algorithm} does not end");
            }
            assert_eq!(study.distinct(), study.trials().len());
            assert!(study.distinct() >= 4);
        }
    }
}

#[test]
fn trials_from_elsewhere_are_no_members() {
    let mut experiment = Experiment::new(epochs("hyperband"));
    let foreign = parameters_of(&experiment.study);
    for state in [TrialState::Running, TrialState::Succeeded] {
        experiment
            .study
            .record(Report::new(foreign.clone(), state))
            .unwrap();
    }
    experiment.play(8, 1_000, |_| false);
    assert_eq!(experiment.counts()[&(0, 0)], (81, 1.0));
}

#[test]
fn labels_of_other_experiments_lead_nowhere_else() {
    let labels = [
        (7, 0, 0),
        (u64::MAX, 0, 0),
        (0, 4, 2),
        (0, u64::MAX, 0),
        (0, 0, u64::MAX),
    ];
    for algorithm in ["hyperband", "bohb", "asha"] {
        for most in ["1", "81"] {
            for (bracket, rung, member) in labels {
                let settings = [("resource_name", "epochs"), ("r_l", most)];
                let mut spec = spec(algorithm, &parameters(), &settings);
                spec.max_trials = Some(500);
                let mut experiment = Experiment::new(spec);
                let foreign = parameters_of(&experiment.study);
                let mut foreign = Report::new(foreign, TrialState::Succeeded);
                foreign.value = Some(9.0);
                foreign.labels = BTreeMap::from([
                    ("bracket".to_owned(), bracket.to_string()),
                    ("rung".to_owned(), rung.to_string()),
                    ("member".to_owned(), member.to_string()),
                ]);
                experiment.study.record(foreign).unwrap();
                experiment.play(8, 200, |_| false);
                let counts = experiment.counts();
                let first = match (algorithm, most) {
                    ("asha", "1") => 200,
                    (_, "1") => 1,
                    _ => 81,
                };
                assert!(
                    counts[&(0, 0)].0 >= first,
                    "{algorithm}, {most}: {counts:?}"
                );
            }
        }
    }
}

#[test]
fn a_resource_of_any_range_is_given_out() {
    let parameters = [
        double("x", "0", "1", "", Distribution::Uniform),
        double("r", "1e-60", "1e14", "", Distribution::LogUniform),
    ];
    let settings = [("resource_name", "r"), ("r_l", "1e14"), ("eta", "1000")];
    for algorithm in ["hyperband", "bohb", "asha"] {
        let mut experiment = Experiment::new(spec(algorithm, &parameters, &settings));
        assert_eq!(experiment.ask(5), More::Yes, "{algorithm}");
        assert_eq!(experiment.running.len(), 5);
        assert!(experiment.running.iter().all(|one| value(one, "r") < 1e-40));
    }
}

fn parameters_of(study: &Study) -> Vec<diwan_core::resources::ParameterAssignment> {
    study
        .space()
        .assignments(&study.space().random(&mut study.rng()))
}

#[test]
fn wrong_settings_are_refused() {
    let mut parameters = parameters();
    parameters.push(words("kind", &["a", "b"]));
    parameters.push(when(
        int("depth", 1, 9, 1, Distribution::Uniform),
        "kind",
        &["a"],
    ));
    let refused = |settings: &[(&str, &str)]| {
        let found = validate(&spec("hyperband", &parameters, settings));
        found
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    for (settings, expected) in [
        (
            &[("resource_name", "epoch"), ("r_l", "9")][..],
            "must be one of the parameters; did you mean epochs?",
        ),
        (
            &[("resource_name", "kind"), ("r_l", "9")],
            "must be a parameter without a condition",
        ),
        (
            &[("resource_name", "depth"), ("r_l", "9")],
            "must be a parameter without a condition",
        ),
        (
            &[("resource_name", "epochs")],
            "spec.algorithm.algorithmSettings[r_l]: Required value",
        ),
        (
            &[("resource_name", "epochs"), ("r_l", "82")],
            "must be a value of epochs, from 1 to 81",
        ),
        (&[("r_l", "0")], "must be a number above 0"),
        (&[("eta", "1")], "must be a whole number from 2 to 1000"),
        (&[("r_max", "9")], "Unsupported value"),
    ] {
        let message = refused(settings);
        assert!(message.contains(expected), "{settings:?}: {message}");
    }
    assert_eq!(refused(&[("resource_name", "epochs"), ("r_l", "81")]), "");
}

#[test]
fn without_a_resource_trials_are_stopped_while_they_run() {
    for (algorithm, brackets) in [("hyperband", 5), ("asha", 1), ("bohb", 1)] {
        let live = spec(algorithm, &parameters(), &[("r_l", "81")]);
        let found = validate(&live).unwrap().stopping(&live);
        assert!(found.is_some(), "{algorithm}");
        assert!(super::stopping(&live, brackets).is_some());
        let again = epochs(algorithm);
        assert!(validate(&again).unwrap().stopping(&again).is_none());
    }
}
