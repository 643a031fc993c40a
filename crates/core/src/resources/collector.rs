//! Where a trial's metrics come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where metrics come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricsCollectorSpec {
    /// The kind of collector; `StdOut` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collector: Option<CollectorSpec>,
    /// What it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceSpec>,
}

impl MetricsCollectorSpec {
    /// The kind of collector; `StdOut` when none is given.
    #[must_use]
    pub fn kind(&self) -> CollectorKind {
        self.collector
            .as_ref()
            .and_then(|collector| collector.kind)
            .unwrap_or(CollectorKind::StdOut)
    }

    /// User patterns of the filter, if any.
    #[must_use]
    pub fn filters(&self) -> &[String] {
        self.source
            .as_ref()
            .and_then(|source| source.filter.as_ref())
            .map_or(&[], |filter| &filter.metrics_format)
    }
}

/// The kind of collector.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollectorSpec {
    /// Which kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CollectorKind>,
    /// The container to inject, for `Custom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_collector: Option<Value>,
}

/// Kinds of collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-refusal" = "invalid metrics collector kind: {}"))]
pub enum CollectorKind {
    /// What the primary container prints.
    StdOut,
    /// A file that the trial writes.
    File,
    /// A directory of TensorBoard event files.
    TensorFlowEvent,
    /// A Prometheus endpoint of the trial.
    PrometheusMetric,
    /// A container of the user's.
    Custom,
    /// The trial reports by itself.
    Push,
}

/// What a collector reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceSpec {
    /// The endpoint, for `PrometheusMetric`: a Kubernetes `HTTPGetAction`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_get: Option<Value>,
    /// The file or directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system_path: Option<FileSystemPath>,
    /// How to read a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<FilterSpec>,
}

/// A file or directory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileSystemPath {
    /// Absolute path in the trial.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// What is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FileSystemKind>,
    /// What a file contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FileFormat>,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FileSystemKind {
    /// A directory.
    Directory,
    /// A file.
    File,
}

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum FileFormat {
    /// Lines with `name=value` somewhere in them.
    Text,
    /// One JSON object a line.
    Json,
}

/// How to read a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FilterSpec {
    /// Regular expressions with two groups: name and value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics_format: Vec<String>,
}
