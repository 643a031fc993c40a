//! Where metrics come from.

use serde_json::Value;

use crate::filter::{Filter, FilterError};
use crate::problem::Problem;
use crate::resources::{
    CollectorKind, ExperimentSpec, FileFormat, FileSystemKind, FileSystemPath, MetricsCollectorSpec,
};

const PATH: &str = "spec.metricsCollectorSpec";
const SOURCE: &str = "spec.metricsCollectorSpec.source";

pub(super) fn check(spec: &ExperimentSpec, problems: &mut Vec<Problem>) {
    let Some(collector) = &spec.metrics_collector_spec else {
        return;
    };
    match collector.kind() {
        CollectorKind::File => file(collector, problems),
        CollectorKind::TensorFlowEvent => events(collector, problems),
        CollectorKind::PrometheusMetric => endpoint(collector, problems),
        CollectorKind::Custom => custom(collector, problems),
        CollectorKind::StdOut | CollectorKind::Push => {}
    }
    filters(collector, problems);
}

fn place(collector: &MetricsCollectorSpec) -> Option<&FileSystemPath> {
    collector.source.as_ref()?.file_system_path.as_ref()
}

fn stands(place: Option<&FileSystemPath>, kind: FileSystemKind) -> bool {
    place.is_some_and(|place| place.kind == Some(kind) && place.path.starts_with('/'))
}

fn file(collector: &MetricsCollectorSpec, problems: &mut Vec<Problem>) {
    let place = place(collector);
    if !stands(place, FileSystemKind::File) {
        let path = format!("{SOURCE}.fileSystemPath.path");
        problems.push(
            Problem::required(path, "file path where metrics file exists is required")
                .with_hint("an absolute path, with kind: File"),
        );
    }
    let format = place.and_then(|place| place.format);
    if format.is_none() {
        let path = format!("{SOURCE}.fileSystemPath.format");
        problems.push(Problem::required(
            path,
            "format of metrics file is required for metrics collector",
        ));
    }
    let filter = collector
        .source
        .as_ref()
        .and_then(|source| source.filter.as_ref());
    if format == Some(FileFormat::Json) && filter.is_some() {
        let message = "filter must be nil when format of metrics file is json";
        problems.push(Problem::invalid(format!("{SOURCE}.filter"), "", message));
    }
}

fn events(collector: &MetricsCollectorSpec, problems: &mut Vec<Problem>) {
    let place = place(collector);
    if !stands(place, FileSystemKind::Directory) {
        let message = "directory path where tensorflow event files exist is required by \
                       .spec.metricsCollectorSpec.source.fileSystemPath.path";
        problems.push(
            Problem::required(SOURCE, message).with_hint("an absolute path, with kind: Directory"),
        );
    }
    if let Some(format) = place.and_then(|place| place.format) {
        let value = serde_json::to_value(format).unwrap_or_default();
        problems.push(Problem::invalid(
            format!("{SOURCE}.fileSystemPath.format"),
            value,
            "must be empty",
        ));
    }
}

fn endpoint(collector: &MetricsCollectorSpec, problems: &mut Vec<Problem>) {
    let get = collector
        .source
        .as_ref()
        .and_then(|source| source.http_get.as_ref());
    let field = |name: &str| {
        get.and_then(|get| get.get(name))
            .cloned()
            .unwrap_or_default()
    };
    let (port, path) = (field("port"), field("path"));
    let number = match &port {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    if !number.is_some_and(|port: i64| (1..=65_535).contains(&port)) {
        let message =
            "must be a positive integer value for metrics collector kind: PrometheusMetric";
        problems.push(Problem::invalid(
            format!("{SOURCE}.httpGet.port"),
            port,
            message,
        ));
    }
    if !path.as_str().is_some_and(|path| path.starts_with('/')) {
        let message = "path is invalid for metrics collector kind: PrometheusMetric";
        problems.push(Problem::invalid(
            format!("{SOURCE}.httpGet.path"),
            path,
            message,
        ));
    }
}

fn custom(collector: &MetricsCollectorSpec, problems: &mut Vec<Problem>) {
    if collector
        .collector
        .as_ref()
        .and_then(|collector| collector.custom_collector.as_ref())
        .is_none()
    {
        let path = format!("{PATH}.collector.customCollector");
        problems.push(Problem::required(
            path,
            "metrics collector kind: Custom is required",
        ));
    }
    if let Some(place) = place(collector)
        && (!place.path.starts_with('/') || place.kind.is_none())
    {
        let path = format!("{SOURCE}.fileSystemPath");
        problems.push(
            Problem::invalid(path, "", ".spec.metricsCollectorSpec.source is invalid")
                .with_hint("an absolute path, with kind: File or kind: Directory"),
        );
    }
}

fn filters(collector: &MetricsCollectorSpec, problems: &mut Vec<Problem>) {
    for (index, pattern) in collector.filters().iter().enumerate() {
        let message = match Filter::new(pattern) {
            Ok(_) => continue,
            Err(FilterError::Syntax(why)) => format!("invalid filter: {why}"),
            Err(FilterError::Groups) => "two top subexpressions are required".to_owned(),
        };
        let path = format!("{SOURCE}.filter.metricsFormat[{index}]");
        let hint =
            "one group for the name of the metric and one for its value: ([\\w|-]+)=([\\d.]+)";
        problems.push(Problem::invalid(path, pattern.as_str(), message).with_hint(hint));
    }
}
