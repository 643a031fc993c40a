//! Katib's finalizers. Objects that it made wait for it before they go; when Diwan has taken its place, nobody else serves them.

use diwan_core::view::EXPERIMENT_LABEL;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use crate::kinds;

/// Of Experiments: to count them. Of Trials: to remove from the database what they reported.
const KATIB: [&str; 2] = ["update-prometheus-metrics", "clean-metrics-in-db"];
/// Trials that are listed at once.
const PAGE: u32 = 500;

/// Whether an object is to go, and waits for Katib.
pub(crate) fn is_held(object: &DynamicObject) -> bool {
    object.metadata.deletion_timestamp.is_some() && has_any(object)
}

fn has_any(object: &DynamicObject) -> bool {
    let mut finalizers = object.finalizers().iter();
    finalizers.any(|finalizer| KATIB.contains(&finalizer.as_str()))
}

/// Lets an Experiment go, and its Trials, which follow it. Finalizers of others stay.
///
/// # Errors
/// When that is not possible now. The call may be repeated.
pub(crate) async fn release(
    client: &Client,
    experiment: &DynamicObject,
) -> Result<(), kube::Error> {
    let namespace = experiment.namespace().unwrap_or_default();
    let of = |resource| Api::namespaced_with(client.clone(), &namespace, &resource);
    let trials: Api<DynamicObject> = of(kinds::trials());
    let of_experiment = format!("{EXPERIMENT_LABEL}={}", experiment.name_any());
    let mut page = ListParams::default().labels(&of_experiment).limit(PAGE);
    loop {
        let found = trials.list(&page).await?;
        for trial in found.items.iter().filter(|trial| has_any(trial)) {
            remove(&trials, &trial.name_any()).await?;
        }
        match found.metadata.continue_.filter(|next| !next.is_empty()) {
            Some(next) => page.continue_token = Some(next),
            None => break,
        }
    }
    remove(&of(kinds::experiments()), &experiment.name_any()).await
}

/// Removes Katib's finalizers from an object.
async fn remove(api: &Api<DynamicObject>, name: &str) -> Result<(), kube::Error> {
    while let Some(object) = api.get_opt(name).await?.filter(has_any) {
        let others = object.finalizers().iter();
        let others = others.filter(|one| !KATIB.contains(&one.as_str()));
        let next = json!({"metadata": {
            "resourceVersion": object.resource_version(),
            "finalizers": others.collect::<Vec<_>>(),
        }});
        let next = Patch::Merge(&next);
        match api.patch(name, &PatchParams::default(), &next).await {
            Ok(_) => break,
            // It is gone, or has changed.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
