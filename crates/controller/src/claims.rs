//! The volume claims that `resumePolicy: FromVolume` leaves, for those who look for them. Nothing has to mount one here: the
//! record is in the store.

use diwan_core::record::ExperimentRecord;
use diwan_core::resources::ResumePolicy;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::Client;
use kube::api::{Api, DynamicObject, PostParams};
use serde_json::json;

use crate::kinds;
use crate::optimizers::objects;

/// Makes the claim of an experiment that wants one. It belongs to the Suggestion, as Katib's does.
pub(crate) async fn keep(
    client: &Client,
    record: &ExperimentRecord,
    suggestion: &DynamicObject,
) -> Result<(), kube::Error> {
    if record.spec.resume_policy != Some(ResumePolicy::FromVolume) {
        return Ok(());
    }
    let key = record.key();
    let owner = kinds::owner(&kinds::suggestions(), suggestion);
    let claim = json!({
        "metadata": {"name": objects::name(record), "ownerReferences": [owner]},
        "spec": objects::default_claim(),
    });
    let claim = serde_json::from_value(claim).map_err(kube::Error::SerdeError)?;
    let api: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &key.namespace);
    match api.create(&PostParams::default(), &claim).await {
        // A quota, or a claim of that name: no experiment waits for it.
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404 | 409 | 422) => Ok(()),
        other => other.map(drop),
    }
}
