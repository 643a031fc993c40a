//! Katib's rules of metrics collectors (reference §4) and those it lacks.

use super::*;

const SOURCE: &str = "spec.metricsCollectorSpec.source";

fn collector(text: &str) -> Vec<String> {
    broken(
        "  maxTrialCount",
        &format!("  metricsCollectorSpec: {text}\n  maxTrialCount"),
    )
}

#[test]
fn collectors_have_defaults() {
    for kind in [
        "StdOut",
        "File",
        "TensorFlowEvent",
        "PrometheusMetric",
        "Push",
    ] {
        assert_eq!(
            collector(&format!("{{collector: {{kind: {kind}}}}}")),
            [""; 0],
            "{kind}"
        );
    }
    let said = "15:44: spec.metricsCollectorSpec.collector.kind: Invalid value: \"None\": invalid metrics collector kind: \
                None";
    assert_eq!(collector("{collector: {kind: None}}"), [said]);
}

#[test]
fn file_collectors() {
    let file = |source: &str| {
        collector(&format!(
            "{{collector: {{kind: File}}, source: {{{source}}}}}"
        ))
    };
    let rule = "file path where metrics file exists is required";
    let said = format!("15:83: {SOURCE}.fileSystemPath.path: Required value: {rule}");
    assert_eq!(file("fileSystemPath: {path: metrics.log}"), [said]);
    let rule = "filter must be nil when format of metrics file is json";
    let said = format!("15:92: {SOURCE}.filter: Invalid value: \"\": {rule}");
    assert_eq!(
        file("fileSystemPath: {format: JSON}, filter: {metricsFormat: ['(a)(b)']}"),
        [said]
    );
    let rule = "supported values: \"TEXT\", \"JSON\"";
    let said = format!("15:85: {SOURCE}.fileSystemPath.format: Unsupported value: \"CSV\": {rule}");
    assert_eq!(file("fileSystemPath: {format: CSV}"), [said]);
}

#[test]
fn event_collectors() {
    let said = [
        format!(
            "15:62: {SOURCE}: Required value: directory path where tensorflow event files exist is required by \
             .spec.metricsCollectorSpec.source.fileSystemPath.path"
        ),
        format!("15:108: {SOURCE}.fileSystemPath.format: Invalid value: \"TEXT\": must be empty"),
    ];
    let wrong = "{collector: {kind: TensorFlowEvent}, source: {fileSystemPath: {kind: File, format: TEXT}}}";
    assert_eq!(collector(wrong), said);
}

#[test]
fn prometheus_collectors() {
    let kind = "for metrics collector kind: PrometheusMetric";
    let said = [
        format!(
            "15:88: {SOURCE}.httpGet.port: Invalid value: \"web\": must be a positive integer value {kind}"
        ),
        format!("15:99: {SOURCE}.httpGet.path: Invalid value: \"metrics\": path is invalid {kind}"),
    ];
    let wrong =
        "{collector: {kind: PrometheusMetric}, source: {httpGet: {port: web, path: metrics}}}";
    assert_eq!(collector(wrong), said);
}

#[test]
fn custom_collectors() {
    let said = [
        "15:26: spec.metricsCollectorSpec.collector.customCollector: Required value: metrics collector kind: Custom is \
         required"
            .to_owned(),
        format!("15:62: {SOURCE}.fileSystemPath: Invalid value: \"\": .spec.metricsCollectorSpec.source is invalid"),
    ];
    let wrong = "{collector: {kind: Custom}, source: {fileSystemPath: {path: a, kind: File}}}";
    assert_eq!(collector(wrong), said);
    let right = "{collector: {kind: Custom, customCollector: {name: c, image: i}}}";
    assert_eq!(collector(right), [""; 0]);
}

#[test]
fn filters_are_judged_for_every_kind() {
    let path = format!("{SOURCE}.filter.metricsFormat");
    let filter = |kind: &str, filter: &str| {
        collector(&format!(
            "{{collector: {{kind: {kind}}}, source: {{filter: {{metricsFormat: ['{filter}']}}}}}}"
        ))
    };
    for good in [
        r"([\w|-]+)\s*=\s*([+-]?\d*(\.\d+)?([Ee][+-]?\d+)?)",
        r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}",
        "(?P<value>a).*(?P<name>b)",
    ] {
        assert_eq!(filter("StdOut", good), [""; 0]);
    }
    let said =
        format!("15:87: {path}[0]: Invalid value: \"([a-z]+=(1\": invalid filter: unclosed group");
    assert_eq!(filter("StdOut", "([a-z]+=(1"), [said]);
    for one in ["loss=([0-9]+)", "(?:a)(b)", r"\(a\)\(b\)"] {
        let value = serde_json::json!(one);
        let said = format!(
            "15:85: {path}[0]: Invalid value: {value}: two top subexpressions are required"
        );
        assert_eq!(filter("File", one), [said]);
    }
}
