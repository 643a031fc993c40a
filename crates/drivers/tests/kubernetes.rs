//! The driver of a cluster's objects, on a cluster: `tests/cluster/test` starts one, and runs this.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use diwan_core::record::ExperimentKey;
use diwan_drivers::kubernetes::{Claim, Ledger};
use diwan_drivers::{
    Conditions, Driver, DriverError, KubernetesDriver, LaunchId, TrialPlan, trial_directory,
};
use diwan_testkit::driver::{Behaviour, Subject, conforms};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, LogParams, PostParams};
use kube::{Client, Resource, ResourceExt};
use serde_json::{Value, json};

const NAMESPACE: &str = "default";

/// Remembers launches as a ledger must, across drivers.
struct Notes {
    owner: Value,
    /// The newest attempt of each trial that was claimed.
    claimed: Mutex<HashMap<String, u32>>,
    /// How many jobs were made for a trial's attempts together.
    made: Mutex<HashMap<String, u32>>,
}

#[async_trait]
impl Ledger for Notes {
    async fn claim(&self, plan: &TrialPlan) -> Result<Claim, DriverError> {
        let mut claimed = self.claimed.lock().unwrap();
        let newest = claimed.entry(plan.trial.clone()).or_default();
        let is_new = plan.attempt > *newest;
        *newest = plan.attempt.max(*newest);
        Ok(Claim {
            is_new,
            owner: self.owner.clone(),
        })
    }

    fn made(&self, job: &DynamicObject, _: &Value) {
        *self.made.lock().unwrap().entry(job.name_any()).or_default() += 1;
    }

    async fn settle(&self, _: &LaunchId, _: bool) -> Result<(), DriverError> {
        Ok(())
    }

    fn last_words(&self, _: &LaunchId) -> Option<String> {
        None
    }

    fn hindered(&self, _: &LaunchId, _: Option<String>) {}

    async fn is_going(&self, _: &LaunchId) -> bool {
        false
    }
}

/// Trials that belong to an object, with which they go.
struct Cluster {
    client: Client,
    owner: ConfigMap,
    notes: Arc<Notes>,
    trials: AtomicUsize,
}

impl Cluster {
    async fn new() -> Self {
        let client = Client::try_default().await.unwrap();
        let mut owner = ConfigMap::default();
        owner.metadata.generate_name = Some("conformance-".to_owned());
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), NAMESPACE);
        let owner = api.create(&PostParams::default(), &owner).await.unwrap();
        let notes = Notes {
            owner: json!(owner.controller_owner_ref(&()).unwrap()),
            claimed: Mutex::default(),
            made: Mutex::default(),
        };
        Self {
            client,
            owner,
            notes: Arc::new(notes),
            trials: AtomicUsize::new(0),
        }
    }

    async fn remove(&self) {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        let how = DeleteParams::background();
        api.delete(&self.owner.name_any(), &how).await.unwrap();
    }
}

impl Subject for Cluster {
    fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(KubernetesDriver::new(
            self.client.clone(),
            self.notes.clone(),
        ))
    }

    fn plan(&self, behaviour: Behaviour) -> TrialPlan {
        // Kubernetes takes no shorter grace than the pod's own, so one that runs on would do so for an hour if nobody forced it.
        let (script, grace) = match behaviour {
            Behaviour::Succeeds => ("exit 0", 1),
            Behaviour::Fails => ("exit 1", 1),
            Behaviour::Runs => ("trap 'exit 0' TERM; echo begun; sleep 1000 & wait", 10),
            Behaviour::RunsOn => ("trap '' TERM; echo begun; while :; do sleep 1; done", 3600),
        };
        let Value::Object(manifest) = json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "spec": {"backoffLimit": 0, "template": {"spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": grace,
                "containers": [{"name": "main", "image": "diwan.test/busybox:1", "command": ["sh", "-c", script]}],
            }}},
        }) else {
            panic!("an object is one");
        };
        let of = |kind: &str| format!(r#"status.conditions.#(type=="{kind}")#|#(status=="True")#"#);
        let number = self.trials.fetch_add(1, Ordering::Relaxed);
        let trial = format!("{}-{number}", self.owner.name_any());
        TrialPlan {
            directory: trial_directory("/none".as_ref(), &trial),
            experiment: ExperimentKey::new(NAMESPACE, self.owner.name_any()),
            trial,
            attempt: 1,
            source_directory: None,
            manifest,
            primary_container: "main".to_owned(),
            conditions: Conditions {
                success: of("Complete"),
                failure: of("Failed"),
            },
        }
    }

    fn launches(&self, id: &LaunchId) -> Option<usize> {
        let made = self.notes.made.lock().unwrap();
        // Every attempt before it was a launch, too.
        let of_trial = made.get(&id.trial).copied().unwrap_or_default();
        Some((of_trial + 1).saturating_sub(id.attempt) as usize)
    }

    async fn begun(&self, id: &LaunchId) {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), NAMESPACE);
        let of_job = format!("batch.kubernetes.io/job-name={}", id.trial);
        let of_job = ListParams::default().labels(&of_job);
        loop {
            for pod in api.list(&of_job).await.unwrap() {
                let log = api.logs(&pod.name_any(), &LogParams::default()).await;
                if log.is_ok_and(|log| log.contains("begun")) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a cluster; tests/cluster/test runs it on one"]
async fn objects_of_a_cluster_conform() {
    let cluster = Cluster::new().await;
    conforms(&cluster).await;
    cluster.remove().await;
}
