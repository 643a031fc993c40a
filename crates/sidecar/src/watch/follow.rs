//! What a trial's metrics are read from: one file per kind, one row per kind in [`KINDS`].

mod events;
mod lines;
mod prometheus;

use std::io;
use std::path::PathBuf;

use diwan_core::observation::MetricPoint;
use diwan_core::resources::CollectorKind;
use diwan_core::sidecar::SidecarConfig;
use serde_json::Value;

/// Reads on when it is asked to.
pub(super) trait Follow {
    /// Appends the points of what is new, and returns how much that was; 0 when there is nothing more now.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn poll(&mut self, out: &mut Vec<MetricPoint>) -> io::Result<u64>;

    /// Nothing more is coming: appends what waited for more.
    fn finish(&mut self, out: &mut Vec<MetricPoint>);

    /// Where to read on, for another process.
    fn mark(&self) -> Value;

    /// What it reads, for messages.
    fn name(&self) -> String;
}

/// What reads a trial's metrics, from the start or from what [`Follow::mark`] gave.
type Open = fn(&SidecarConfig, Option<&Value>) -> Result<Box<dyn Follow>, String>;

/// A kind of collector that is read here.
struct Kind {
    kind: CollectorKind,
    open: Open,
}

/// Every such kind.
const KINDS: &[Kind] = &[
    lines::STDOUT,
    lines::FILE,
    events::EVENTS,
    prometheus::PROMETHEUS,
];

/// What reads the metrics of a trial.
///
/// # Errors
/// When the kind is not read here, or its collector cannot be used.
pub(super) fn open(
    config: &SidecarConfig,
    mark: Option<&Value>,
) -> Result<Box<dyn Follow>, String> {
    let wanted = config.metrics_collector.kind();
    let known = KINDS.iter().find(|known| known.kind == wanted);
    let known = known.ok_or_else(|| {
        let names: Vec<String> = KINDS
            .iter()
            .map(|known| format!("{:?}", known.kind))
            .collect();
        format!(
            "metricsCollector.collector.kind is {wanted:?}; this program reads {}",
            names.join(", ")
        )
    })?;
    (known.open)(config, mark).map_err(|error| format!("metricsCollector: {error}"))
}

/// The path that the collector names, or the one that Katib has then.
fn path_of(config: &SidecarConfig, default: &str) -> PathBuf {
    let source = config.metrics_collector.source.as_ref();
    let path = source.and_then(|source| source.file_system_path.as_ref());
    let path = path.map(|path| path.path.as_str());
    PathBuf::from(path.filter(|path| !path.is_empty()).unwrap_or(default))
}
