//! Experiments, trials and points to store.

use diwan_core::engine::{End, Event, Point, Snapshot};
use diwan_core::observation::{MetricPoint, Place, ReportedPoint, Source};
use diwan_core::record::{ExperimentRecord, OptimizerState, Progress, TrialRecord};
use diwan_core::resources::{
    ExperimentSpec, Metric, ObjectMeta, ObjectiveSpec, ObjectiveType, Observation,
    ParameterAssignment,
};
use diwan_core::time::Timestamp;
use diwan_store::TrialRef;

/// A whole second: conditions keep no more.
pub const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A new experiment in namespace `default` that maximises `accuracy`. Its uid is `uid-<name>`.
#[must_use]
pub fn experiment(name: &str) -> Snapshot {
    experiment_in("default", name)
}

/// The same in another namespace.
#[must_use]
pub fn experiment_in(namespace: &str, name: &str) -> Snapshot {
    let objective = ObjectiveSpec {
        kind: ObjectiveType::Maximize,
        objective_metric_name: "accuracy".to_owned(),
        ..ObjectiveSpec::default()
    };
    let record = ExperimentRecord {
        metadata: ObjectMeta {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            ..ObjectMeta::default()
        },
        spec: ExperimentSpec {
            objective: Some(objective),
            ..ExperimentSpec::default()
        },
        progress: Progress::default(),
    };
    Snapshot::create(record, NOW)
}

/// Applies an event that fits.
pub fn apply(snapshot: &mut Snapshot, event: Event) {
    snapshot.apply(event, NOW).expect("the event fits");
}

/// Makes so many pending trials.
pub fn suggest(snapshot: &mut Snapshot, count: usize) {
    let point = Point {
        assignments: vec![ParameterAssignment {
            name: "lr".to_owned(),
            value: "0.1 'quoted' \"twice\" \\ \u{0} ü🦀".to_owned(),
        }],
        ..Point::default()
    };
    let event = Event::Suggested {
        points: vec![point; count],
        settings: Vec::new(),
        next: OptimizerState::Ready,
    };
    apply(snapshot, event);
}

/// Launches a trial.
pub fn start(snapshot: &mut Snapshot, trial: u64) {
    apply(snapshot, Event::Started { trial });
}

/// Ends a running trial well.
pub fn succeed(snapshot: &mut Snapshot, trial: u64, accuracy: f64) {
    let value = accuracy.to_string();
    let metric = Metric {
        name: "accuracy".to_owned(),
        min: value.clone(),
        max: value.clone(),
        latest: value,
    };
    let observation = Observation {
        metrics: vec![metric],
    };
    end(snapshot, trial, End::Succeeded, observation);
}

/// Ends a running trial badly.
pub fn fail(snapshot: &mut Snapshot, trial: u64) {
    let end_badly = End::Failed("exit code 1".to_owned());
    end(snapshot, trial, end_badly, Observation::default());
}

fn end(snapshot: &mut Snapshot, trial: u64, end: End, observation: Observation) {
    let event = Event::Ended {
        trial,
        attempt: snapshot.active[&trial].attempt,
        end,
        observation,
    };
    apply(snapshot, event);
}

/// The current launch of an active trial.
#[must_use]
pub fn launch(snapshot: &Snapshot, trial: u64) -> TrialRef {
    TrialRef::new(&snapshot.record, &snapshot.active[&trial])
}

/// A point of `accuracy` at an offset of standard output.
#[must_use]
pub fn point(offset: i64, value: &str) -> MetricPoint {
    MetricPoint {
        metric: "accuracy".to_owned(),
        value: value.to_owned(),
        time_ns: None,
        step: None,
        place: Place {
            source: Source::StdOut,
            offset,
            index: 0,
        },
    }
}

/// A report of `accuracy`, without times.
#[must_use]
pub fn report(values: &[&str]) -> Vec<ReportedPoint> {
    let point = |value: &&str| ReportedPoint {
        metric: "accuracy".to_owned(),
        value: (*value).to_owned(),
        time_ns: None,
        step: None,
    };
    values.iter().map(point).collect()
}

/// Reported points at their places, from the first place of all.
#[must_use]
pub fn placed(points: impl IntoIterator<Item = ReportedPoint>) -> Vec<MetricPoint> {
    let numbered = points.into_iter().zip(0..);
    numbered
        .map(|(point, number)| point.at(Place::pushed(number)))
        .collect()
}

/// The numbers of trials.
#[must_use]
pub fn numbers(trials: &[TrialRecord]) -> Vec<u64> {
    trials.iter().map(|trial| trial.number).collect()
}
