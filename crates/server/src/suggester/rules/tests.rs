use diwan_core::engine::{End, Event, Point};
use diwan_core::observation::{MetricPoint, Place};
use diwan_core::record::{OptimizerState, Progress};
use diwan_core::resources::{Metric, ObjectMeta, Observation};
use diwan_core::time::Timestamp;
use diwan_store::TrialRef;
use serde_json::{Value, json};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(0);

fn metric(name: &str, value: String, place: i64) -> MetricPoint {
    MetricPoint {
        metric: name.to_owned(),
        value,
        time_ns: None,
        step: None,
        place: Place::pushed(place),
    }
}

/// A store with an experiment of these `fields` and of trials at `x` that have succeeded with these curves.
async fn experiment(fields: Value, x: &str, curves: &[Vec<f64>]) -> (Arc<dyn Store>, Snapshot) {
    let mut spec = json!({
        "objective": {"type": "minimize", "objectiveMetricName": "loss"},
        "earlyStopping": {"algorithmName": "medianstop"},
    });
    for (name, value) in fields.as_object().unwrap() {
        spec[name] = value.clone();
    }
    let record = ExperimentRecord {
        metadata: ObjectMeta {
            name: "tune".into(),
            uid: "u1".into(),
            ..ObjectMeta::default()
        },
        spec: serde_json::from_value(spec).unwrap(),
        progress: Progress::default(),
    };
    let assignments = serde_json::from_value(json!([{"name": "x", "value": x}])).unwrap();
    let point = Point {
        assignments,
        ..Point::default()
    };
    let mut snapshot = Snapshot::create(record, NOW);
    let mut apply = |event| snapshot.apply(event, NOW).unwrap();
    apply(Event::Suggested {
        points: vec![point; curves.len()],
        settings: Vec::new(),
        next: OptimizerState::Ready,
    });
    for trial in 0..curves.len() as u64 {
        let observation = Observation {
            metrics: vec![Metric {
                name: "loss".into(),
                latest: "1".into(),
                ..Metric::default()
            }],
        };
        apply(Event::Started { trial });
        apply(Event::Ended {
            trial,
            attempt: 1,
            end: End::Succeeded,
            observation,
        });
    }
    let store = diwan_store::open("sqlite::memory:").await.unwrap();
    store.create(&mut snapshot).await.unwrap();
    for (number, curve) in (0..).zip(curves) {
        let trial = TrialRef {
            experiment: snapshot.record.key(),
            uid: "u1".into(),
            number,
            attempt: 1,
        };
        let values = (0..).zip(curve);
        let points: Vec<MetricPoint> = values
            .map(|(place, value)| metric("loss", value.to_string(), place))
            .collect();
        store.append(&trial, &points, &[]).await.unwrap();
    }
    (store, snapshot)
}

async fn threshold(fields: Value, x: &str, curves: &[Vec<f64>]) -> String {
    let (store, snapshot) = experiment(fields, x, curves).await;
    let rules = Rules::new(store).now(&snapshot).await.unwrap();
    assert_eq!(rules.len(), 1);
    rules[0].value.clone()
}

fn short() -> [Vec<f64>; 3] {
    [vec![1.0; 4], vec![2.0; 4], vec![3.0; 4]]
}

#[tokio::test]
async fn trials_beside_the_steps_count() {
    let space = json!({"min": "0", "max": "1", "step": "0.25"});
    let fields =
        json!({"parameters": [{"name": "x", "parameterType": "double", "feasibleSpace": space}]});
    assert_eq!(threshold(fields, "0.3", &short()).await, "2.0");
}

#[tokio::test]
async fn an_architecture_search_has_rules_too() {
    let fields = json!({"nasConfig": {"graphConfig": {"numLayers": 2}}});
    assert_eq!(threshold(fields, "[[1]]", &short()).await, "2.0");
}

#[tokio::test]
async fn as_many_values_count_as_the_rule_says() {
    let curve = |scale: f64| {
        let mut curve = vec![scale; 1500];
        curve.extend([scale * 3.0; 500]);
        curve
    };
    let setting = json!([{"name": "start_step", "value": "2000"}]);
    let fields =
        json!({"earlyStopping": {"algorithmName": "medianstop", "algorithmSettings": setting}});
    let value = threshold(fields, "1", &[curve(2.0), curve(4.0), curve(8.0)]).await;
    let value: f64 = value.parse().unwrap();
    assert!((value - 6.0).abs() < 1e-9, "{value}");
}
