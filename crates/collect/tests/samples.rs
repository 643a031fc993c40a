//! Logs as well-known programs write them.

use diwan_collect::Collector;
use diwan_core::observation::{MetricPoint, Source};
use diwan_core::resources::{
    FileFormat, FileSystemPath, FilterSpec, MetricsCollectorSpec, ObjectiveSpec, SourceSpec,
};

fn points(
    bytes: &[u8],
    format: FileFormat,
    filters: &[&str],
    metrics: &[&str],
) -> Vec<MetricPoint> {
    let metrics_format = filters.iter().map(ToString::to_string).collect();
    let source = SourceSpec {
        file_system_path: Some(FileSystemPath {
            format: Some(format),
            ..FileSystemPath::default()
        }),
        filter: Some(FilterSpec { metrics_format }),
        ..SourceSpec::default()
    };
    let objective = ObjectiveSpec {
        objective_metric_name: metrics[0].to_owned(),
        additional_metric_names: metrics[1..].iter().map(ToString::to_string).collect(),
        ..ObjectiveSpec::default()
    };
    let collector = Collector::new(
        &MetricsCollectorSpec {
            collector: None,
            source: Some(source),
        },
        &objective,
    )
    .expect("a valid collector");
    let mut stream = collector.stream(Source::StdOut, 0);
    let mut out = Vec::new();
    stream.push(bytes, &mut out);
    stream.finish(&mut out);
    out
}

/// `metric value @step` of each point.
fn short(points: &[MetricPoint]) -> Vec<String> {
    let step = |point: &MetricPoint| {
        point
            .step
            .map(|step| format!(" @{step}"))
            .unwrap_or_default()
    };
    points
        .iter()
        .map(|point| format!("{} {}{}", point.metric, point.value, step(point)))
        .collect()
}

fn text(bytes: &[u8], metrics: &[&str]) -> Vec<String> {
    short(&points(bytes, FileFormat::Text, &[], metrics))
}

#[test]
fn a_progress_bar() {
    let found = text(
        include_bytes!("data/keras.log"),
        &["accuracy", "val_accuracy"],
    );
    assert_eq!(
        found,
        [
            "accuracy 0.1200",
            "accuracy 0.9100",
            "val_accuracy 0.9380",
            "accuracy 0.9600",
            "val_accuracy 0.9550",
        ]
    );
}

#[test]
fn dictionaries() {
    let found = text(
        include_bytes!("data/transformers.log"),
        &["eval_accuracy", "loss"],
    );
    assert_eq!(
        found,
        [
            "loss 0.6931 @1",
            "eval_accuracy 0.81 @1",
            "eval_accuracy 0.84 @2"
        ]
    );
}

#[test]
fn rounds_of_boosting() {
    let found = text(include_bytes!("data/boosting.log"), &["eval-rmse"]);
    assert_eq!(
        found,
        [
            "eval-rmse 1.3122 @0",
            "eval-rmse 1.0988 @1",
            "eval-rmse 0.8004 @10"
        ]
    );
}

#[test]
fn katib_style_with_and_without_a_filter() {
    let log = include_bytes!("data/katib.log");
    let metrics = ["Validation-accuracy", "Train-accuracy"];
    let found = points(log, FileFormat::Text, &[], &metrics);
    assert_eq!(
        short(&found),
        [
            "Validation-accuracy 0.91 @1",
            "Validation-accuracy 0.93 @2",
            "Train-accuracy nan @2",
        ]
    );
    assert_eq!(found[1].time_ns, Some(1_795_255_201_000_000_000));
    let filter = r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}";
    assert_eq!(
        short(&points(log, FileFormat::Text, &[filter], &metrics)),
        ["Validation-accuracy 0.95"]
    );
}

#[test]
fn json_lines() {
    let found = points(
        include_bytes!("data/metrics.jsonl"),
        FileFormat::Json,
        &[],
        &["eval/acc", "loss"],
    );
    assert_eq!(
        short(&found),
        [
            "eval/acc 0.8 @1",
            "loss 0.7 @1",
            "eval/acc 0.85 @2",
            "loss NaN @2",
            "loss Infinity @3",
        ]
    );
    let times: Vec<_> = found.iter().map(|point| point.time_ns).collect();
    assert_eq!(times[0], Some(1_763_719_200_287_210_000));
    assert_eq!(times[2], Some(1_763_719_201_500_000_000));
    assert_eq!(times[4], None);
}
