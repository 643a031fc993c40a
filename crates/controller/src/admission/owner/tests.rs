use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::*;

/// Objects by uid, each with its owners' uids.
#[derive(Default)]
struct Scripted {
    owners: HashMap<&'static str, Vec<Owner>>,
    broken: Option<&'static str>,
    looks: Arc<AtomicUsize>,
}

#[async_trait]
impl Objects for Scripted {
    async fn owners(&self, namespace: &str, object: &Owner) -> Result<Vec<Owner>, Unreadable> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        if self.broken == Some(object.uid.as_str()) {
            return Err(Unreadable {
                kind: object.kind.clone(),
                name: object.name.clone(),
                namespace: namespace.to_owned(),
                cause: "forbidden".to_owned(),
            });
        }
        Ok(self
            .owners
            .get(object.uid.as_str())
            .cloned()
            .unwrap_or_default())
    }

    async fn trial(&self, namespace: &str, trial: &Owner) -> Result<Option<Trial>, Unreadable> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        let metadata = json!({"name": trial.name, "namespace": namespace});
        Ok(serde_json::from_value(json!({"metadata": metadata})).ok())
    }
}

fn owner(api_version: &str, kind: &str, uid: &str) -> Owner {
    Owner {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        name: uid.to_owned(),
        uid: uid.to_owned(),
    }
}

fn pod(owners: &[Owner]) -> Value {
    let references: Vec<Value> = owners
        .iter()
        .map(|one| json!({"apiVersion": one.api_version, "kind": one.kind, "name": one.name, "uid": one.uid, "controller": true}))
        .collect();
    json!({"metadata": {"ownerReferences": references}})
}

async fn found(finder: &Finder, pod: &Value) -> Option<String> {
    let trial = finder.trial_of("team", pod).await.unwrap();
    trial.map(|trial| trial.metadata.name)
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_owners_leads_to_the_trial_and_is_remembered() {
    let scripted = Scripted {
        owners: HashMap::from([
            (
                "job",
                vec![owner("jobset.x-k8s.io/v1alpha2", "JobSet", "set")],
            ),
            (
                "set",
                vec![owner("trainer.kubeflow.org/v1alpha1", "TrainJob", "train")],
            ),
            (
                "train",
                vec![owner("kubeflow.org/v1beta1", "Trial", "tune-a")],
            ),
        ]),
        ..Scripted::default()
    };
    let looks = Arc::clone(&scripted.looks);
    let finder = Finder::new(Box::new(scripted));
    let pod = pod(&[owner("batch/v1", "Job", "job")]);
    assert_eq!(found(&finder, &pod).await.as_deref(), Some("tune-a"));
    assert_eq!(looks.swap(0, Ordering::Relaxed), 4);
    assert_eq!(found(&finder, &pod).await.as_deref(), Some("tune-a"));
    assert_eq!(
        looks.swap(0, Ordering::Relaxed),
        1,
        "the trial alone is read anew"
    );
    tokio::time::advance(MEMORY).await;
    assert_eq!(found(&finder, &pod).await.as_deref(), Some("tune-a"));
    assert_eq!(looks.swap(0, Ordering::Relaxed), 4);
}

#[tokio::test(start_paused = true)]
async fn pods_of_others_cost_nothing() {
    let scripted = Scripted::default();
    let looks = Arc::clone(&scripted.looks);
    let finder = Finder::new(Box::new(scripted));
    assert_eq!(found(&finder, &json!({"metadata": {}})).await, None);
    assert_eq!(
        found(&finder, &pod(&[owner("apps/v1", "ReplicaSet", "r")])).await,
        None
    );
    assert_eq!(looks.load(Ordering::Relaxed), 0);
    assert_eq!(
        found(&finder, &pod(&[owner("batch/v1", "Job", "j")])).await,
        None
    );
    assert_eq!(looks.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn loops_and_crowds_end() {
    let crowd = (0..100).map(|number| owner("v1", "Pod", &number.to_string()));
    let scripted = Scripted {
        owners: HashMap::from([("a", vec![owner("v1", "Pod", "a")]), ("b", crowd.collect())]),
        ..Scripted::default()
    };
    let looks = Arc::clone(&scripted.looks);
    let finder = Finder::new(Box::new(scripted));
    assert_eq!(found(&finder, &pod(&[owner("v1", "Pod", "a")])).await, None);
    assert_eq!(found(&finder, &pod(&[owner("v1", "Pod", "b")])).await, None);
    assert!(looks.load(Ordering::Relaxed) <= LOOKS + DEPTH);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_cannot_be_read_hides_no_other() {
    let job = owner("batch/v1", "Job", "job");
    let secret = owner("example.com/v1", "Thing", "secret");
    let scripted = Scripted {
        owners: HashMap::from([(
            "job",
            vec![owner("kubeflow.org/v1beta1", "Trial", "tune-a")],
        )]),
        broken: Some("secret"),
        ..Scripted::default()
    };
    let finder = Finder::new(Box::new(scripted));
    let both = pod(&[secret.clone(), job]);
    assert_eq!(found(&finder, &both).await.as_deref(), Some("tune-a"));
    let refusal = finder.trial_of("team", &pod(&[secret])).await.unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "Thing secret in namespace team cannot be read: forbidden"
    );
}
