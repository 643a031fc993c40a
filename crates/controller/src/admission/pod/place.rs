//! The directories that a trial's container shares with its collector.

use diwan_core::resources::{CollectorKind, FileSystemKind, MetricsCollectorSpec};
use serde_json::{Value, json};

use super::{Obstacle, list};

/// Where Diwan's program and its notes are. A volume of its own: a trial may well empty the directory of its metrics.
pub(super) const DIRECTORY: &str = "/diwan";
/// What the primary container prints, for the collector.
pub(super) const LOG: &str = "/diwan/metrics.log";
/// The volume at [`DIRECTORY`].
const VOLUME: &str = "diwan-volume";
/// The volume of the metrics' files, as Katib calls it.
const METRICS_VOLUME: &str = "metrics-volume";

/// The directory that the metrics are written into; `None` if they are not in files.
pub(super) fn directory(spec: &MetricsCollectorSpec) -> Result<Option<String>, Obstacle> {
    if !matches!(
        spec.kind(),
        CollectorKind::File | CollectorKind::TensorFlowEvent | CollectorKind::Custom
    ) {
        return Ok(None);
    }
    let source = spec.source.as_ref();
    let Some(place) = source.and_then(|source| source.file_system_path.as_ref()) else {
        return Ok(None);
    };
    let is_directory = place.kind == Some(FileSystemKind::Directory);
    directory_of(&place.path, is_directory).map(Some)
}

/// The directory that a path is, or is in.
pub(super) fn directory_of(path: &str, is_directory: bool) -> Result<String, Obstacle> {
    let trimmed = path.trim_end_matches('/');
    let directory = if is_directory {
        trimmed
    } else {
        trimmed
            .rsplit_once('/')
            .map_or("", |(directory, _)| directory)
    };
    match directory.trim_end_matches('/') {
        "" => Err(Obstacle::Root(path.to_owned())),
        directory => Ok(directory.to_owned()),
    }
}

/// Gives the primary container Diwan's directory, and the collector the same mount.
pub(super) fn share_program(pod: &mut Value, index: usize) -> Result<Value, Obstacle> {
    let mount = json!({"name": VOLUME, "mountPath": DIRECTORY});
    let mounts = list(&mut pod["spec"]["containers"][index], "volumeMounts");
    if mounts.iter().any(|one| path(one) == DIRECTORY) {
        return Err(Obstacle::Taken);
    }
    mounts.push(mount.clone());
    add_volume(pod, VOLUME);
    Ok(mount)
}

/// The mount with which the collector sees `directory` of the primary container: the one that is there, be it of a parent
/// directory, or else a new one, which the primary container then gets, too.
pub(super) fn share(pod: &mut Value, index: usize, directory: &str) -> Result<Value, Obstacle> {
    let mounts = list(&mut pod["spec"]["containers"][index], "volumeMounts");
    let covering = mounts.iter().filter(|mount| covers(path(mount), directory));
    if let Some(mount) = covering.max_by_key(|mount| path(mount).len()).cloned() {
        if mount.get("subPathExpr").is_some_and(|path| *path != "") {
            return Err(Obstacle::Variable(path(&mount).to_owned()));
        }
        return Ok(shared(mount));
    }
    let mount = json!({"name": METRICS_VOLUME, "mountPath": directory});
    mounts.push(mount.clone());
    add_volume(pod, METRICS_VOLUME);
    Ok(mount)
}

fn path(mount: &Value) -> &str {
    let path = mount["mountPath"].as_str().unwrap_or_default();
    path.trim_end_matches('/')
}

fn covers(mount: &str, directory: &str) -> bool {
    let below = directory.strip_prefix(mount);
    !mount.is_empty() && below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
}

/// A mount without what concerns its first container alone.
fn shared(mut mount: Value) -> Value {
    if let Some(fields) = mount.as_object_mut() {
        fields.retain(|field, _| ["name", "mountPath", "subPath"].contains(&field.as_str()));
    }
    mount
}

fn add_volume(pod: &mut Value, name: &str) {
    let volumes = list(&mut pod["spec"], "volumes");
    if !volumes.iter().any(|volume| volume["name"] == name) {
        volumes.push(json!({"name": name, "emptyDir": {}}));
    }
}
