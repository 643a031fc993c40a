//! What each kind of collector asks of the primary pod.

use diwan_core::resources::{CollectorKind, MetricsCollectorSpec, Trial};
use serde_json::{Value, json};

use super::{
    COLLECT_ANNOTATION, Injection, Obstacle, annotate, command, container, foreign, list, place,
};

/// Makes the primary pod's metrics be collected, `index` being its primary container. The pod is left as it is when that
/// cannot be.
pub(super) fn collect(
    pod: &mut Value,
    index: usize,
    trial: &Trial,
    config: &Injection,
) -> Result<(), Obstacle> {
    let spec = trial.spec.metrics_collector.clone().unwrap_or_default();
    let kind = spec.kind();
    if kind == CollectorKind::Push {
        return Ok(());
    }
    if pod["spec"]["os"]["name"] == "windows" {
        return Err(Obstacle::Windows);
    }
    if kind == CollectorKind::Custom {
        return custom(pod, index, &spec);
    }
    if let Some(theirs) = config.foreign.iter().find(|one| one.kind == kind) {
        return foreign::collect(pod, index, trial, &spec, config, theirs);
    }
    if !command::has_command(&pod["spec"]["containers"][index]) {
        match kind {
            CollectorKind::StdOut => {
                annotate(pod, COLLECT_ANNOTATION, "logs");
                return Ok(());
            }
            _ if !config.native_sidecars => return Err(Obstacle::NoCommand),
            _ => {}
        }
    }
    let mut new = pod.clone();
    let mut mounts = vec![place::share_program(&mut new, index)?];
    if let Some(directory) = place::directory(&spec)? {
        let mut mount = place::share(&mut new, index, &directory)?;
        if mount["mountPath"] != place::DIRECTORY {
            mount["readOnly"] = json!(true);
            mounts.push(mount);
        }
    }
    let log = (kind == CollectorKind::StdOut).then_some(place::LOG);
    command::wrap(&mut new["spec"]["containers"][index], log);
    container::add(&mut new, index, trial, &spec, config, &mounts);
    *pod = new;
    Ok(())
}

/// The user's own container, as it is, with the directory of the metrics. It sees the pod's processes, as it does with Katib,
/// whose collector finds the trial among them.
fn custom(pod: &mut Value, index: usize, spec: &MetricsCollectorSpec) -> Result<(), Obstacle> {
    let collector = spec.collector.as_ref();
    let container = collector.and_then(|collector| collector.custom_collector.clone());
    let Some(mut container) = container.filter(Value::is_object) else {
        return Err(Obstacle::NoContainer);
    };
    if let Some(directory) = place::directory(spec)? {
        let mount = place::share(pod, index, &directory)?;
        let mounts = list(&mut container, "volumeMounts");
        if !mounts
            .iter()
            .any(|one| one["mountPath"] == mount["mountPath"])
        {
            mounts.push(mount);
        }
    }
    list(&mut pod["spec"], "containers").push(container);
    if pod["spec"]["shareProcessNamespace"].is_null() {
        pod["spec"]["shareProcessNamespace"] = json!(true);
    }
    Ok(())
}
