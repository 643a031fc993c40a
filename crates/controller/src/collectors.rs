//! What collectors leave: the observations that they could not deliver before their pods had to end. They are in the termination
//! messages of their containers, and whoever runs the experiment keeps them before the end of the trial is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use diwan_core::observation::ReportedPoint;
use diwan_core::sidecar::Undelivered;
use diwan_drivers::kubernetes::ATTEMPT_ANNOTATION;
use diwan_drivers::{DriverError, LaunchId};
use diwan_store::{Store, StoreError, TrialRef};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use kube::ResourceExt;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::admission::pod::{COLLECTOR, LOG_COLLECTOR};

/// How long the news of a pod may come after that of its job.
const LATE: Duration = Duration::from_secs(2);
/// How long a collector may deliver after its trial has ended: the grace of pods, and as long again.
const DELIVERY: Duration = Duration::from_secs(60);
/// How long what a pod left is remembered that is gone. Another controller may run its experiment.
const MEMORY: Duration = Duration::from_secs(600);

/// Namespace and name of a trial.
pub(crate) type Place = (String, String);

/// What is known of collectors.
#[derive(Default)]
pub(crate) struct Collectors {
    known: watch::Sender<Known>,
}

#[derive(Default)]
struct Known {
    /// Whether all pods have been seen that there were.
    is_listed: bool,
    /// The pods of each trial.
    pods: HashMap<Place, BTreeMap<String, Seen>>,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// Of which launch it is, if it says so.
    attempt: Option<u32>,
    stage: Stage,
    is_gone: bool,
}

/// How far the collector of a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// There is none, or it has left nothing.
    Done,
    /// It reads what the trial writes.
    Watching,
    /// The trial has ended.
    Delivering,
    /// It has ended and left something.
    Left(Undelivered),
}

// === impl Collectors ===

impl Collectors {
    /// All pods are about to be seen again.
    pub(crate) fn relist(&self) {
        self.known.send_modify(|known| {
            known.is_listed = false;
            let all = known.pods.values_mut().flat_map(BTreeMap::values_mut);
            all.for_each(|seen| seen.is_gone = true);
        });
    }

    /// All pods were seen.
    pub(crate) fn listed(&self) {
        self.known.send_modify(|known| {
            known.is_listed = true;
            for of_trial in known.pods.values_mut() {
                of_trial.retain(|_, seen| !seen.is_over());
            }
            known.pods.retain(|_, of_trial| !of_trial.is_empty());
        });
    }

    /// A pod of a trial is as it is.
    pub(crate) fn see(&self, place: &Place, pod: &Pod) {
        let now = Seen {
            attempt: attempt(pod),
            stage: stage(pod),
            is_gone: false,
        };
        self.change(place, |of_trial| {
            let known = of_trial.insert(pod.name_any(), now.clone());
            known.as_ref() != Some(&now)
        });
    }

    /// A pod of a trial is gone. What it left stays for a while.
    pub(crate) fn gone(self: &Arc<Self>, place: &Place, pod: &Pod) {
        let name = pod.name_any();
        self.change(place, |of_trial| {
            if let Some(seen) = of_trial.get_mut(&name) {
                seen.is_gone = true;
            }
            of_trial.retain(|_, seen| !seen.is_over());
            true
        });
        let is_left = |known: &Known| {
            let of_trial = known.pods.get(place);
            of_trial.is_some_and(|of_trial| of_trial.contains_key(&name))
        };
        if is_left(&self.known.borrow()) {
            let (this, place) = (self.clone(), place.clone());
            tokio::spawn(async move {
                sleep(MEMORY).await;
                this.change(&place, |of_trial| {
                    of_trial.retain(|_, seen| !seen.is_gone);
                    false
                });
            });
        }
    }

    /// What the collectors of a launch that has ended have left, when that is known. Its pods may be gone with its job.
    ///
    /// # Errors
    /// When it is not known yet. The call may be repeated.
    pub(crate) async fn left(
        &self,
        id: &LaunchId,
        is_gone: bool,
    ) -> Result<Vec<Undelivered>, DriverError> {
        let mut known = self.known.subscribe();
        let stages = |known: &Known| known.stages(id);
        let is_seen = |known: &Known| {
            let stages = stages(known);
            let is_any = is_gone || !stages.is_empty();
            known.is_listed && is_any && !stages.contains(&Stage::Watching)
        };
        // A job may have no pods of ours, or end before they do, and then nobody waits for those.
        let _ = timeout(LATE, known.wait_for(is_seen)).await;
        let is_delivered =
            |known: &Known| known.is_listed && !stages(known).contains(&Stage::Delivering);
        let _ = timeout(DELIVERY, known.wait_for(is_delivered)).await;
        let known = self.known.borrow();
        if !known.is_listed {
            let why =
                "the pods of trials cannot be listed, so nobody knows what their collectors left";
            return Err(DriverError::Unavailable(why.to_owned()));
        }
        let left = stages(&known).into_iter().filter_map(|stage| match stage {
            Stage::Left(left) => Some(left),
            Stage::Done | Stage::Watching | Stage::Delivering => None,
        });
        Ok(left.collect())
    }

    /// Changes what is known of a trial; those who wait hear of it if `change` says that it is new.
    fn change(&self, place: &Place, change: impl FnOnce(&mut BTreeMap<String, Seen>) -> bool) {
        self.known.send_if_modified(|known| {
            let of_trial = known.pods.entry(place.clone()).or_default();
            let is_new = change(of_trial);
            if of_trial.is_empty() {
                known.pods.remove(place);
            }
            is_new
        });
    }
}

// === impl Known ===

impl Known {
    /// How far the collectors of a launch are.
    fn stages(&self, id: &LaunchId) -> Vec<Stage> {
        let place = (id.experiment.namespace.clone(), id.trial.clone());
        let pods = self.pods.get(&place).into_iter().flat_map(BTreeMap::values);
        let own = pods.filter(|seen| seen.attempt.is_none_or(|attempt| attempt == id.attempt));
        own.map(|seen| seen.stage.clone()).collect()
    }
}

// === impl Seen ===

impl Seen {
    /// Whether nothing more can be learned from it.
    fn is_over(&self) -> bool {
        self.is_gone && !matches!(self.stage, Stage::Left(_))
    }
}

/// Keeps the reports that a collector left. Those that the store has already are known to it.
///
/// # Errors
/// See [`Store::report`].
pub(crate) async fn keep_reports(
    store: &dyn Store,
    trial: &TrialRef,
    left: &Undelivered,
) -> Result<(), StoreError> {
    for report in &left.reports {
        let points = report.iter().map(|(metric, value, time_ns)| ReportedPoint {
            metric: metric.clone(),
            value: value.clone(),
            time_ns: *time_ns,
            step: None,
        });
        let points: Vec<ReportedPoint> = points.collect();
        store.report(trial, &points).await?;
    }
    Ok(())
}

/// Of which launch a pod is; the webhook writes it there.
fn attempt(pod: &Pod) -> Option<u32> {
    pod.annotations().get(ATTEMPT_ANNOTATION)?.parse().ok()
}

fn stage(pod: &Pod) -> Stage {
    let Some(status) = &pod.status else {
        return Stage::Done;
    };
    let (init, main) = (&status.init_container_statuses, &status.container_statuses);
    let native = init.iter().flatten().find(|one| is_collector(one));
    let main = || main.iter().flatten();
    let Some(collector) = native.or_else(|| main().find(|one| is_collector(one))) else {
        return Stage::Done;
    };
    let mut others = main().filter(|one| !is_collector(one)).peekable();
    let is_begun = others.peek().is_some();
    let is_over = others.all(has_ended);
    let state = collector.state.as_ref();
    match state.and_then(|state| state.terminated.as_ref()) {
        // The kubelet starts a native sidecar again that ends before the others.
        Some(_) if native.is_some() && !is_over => Stage::Watching,
        Some(ended) => left_by(ended).map_or(Stage::Done, Stage::Left),
        None if is_begun && is_over => Stage::Delivering,
        None => Stage::Watching,
    }
}

fn is_collector(container: &ContainerStatus) -> bool {
    [COLLECTOR, LOG_COLLECTOR].contains(&container.name.as_str())
}

fn has_ended(container: &ContainerStatus) -> bool {
    let state = container.state.as_ref();
    state.is_some_and(|state| state.terminated.is_some())
}

/// What a collector that has ended could not deliver. Nobody knows how much that is if it was killed.
fn left_by(ended: &ContainerStateTerminated) -> Option<Undelivered> {
    let told = ended.message.as_deref().and_then(Undelivered::read);
    told.or_else(|| (ended.exit_code != 0).then(Undelivered::unknown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_core::record::ExperimentKey;
    use serde_json::{Value, json};

    fn pod(attempt: u32, collector: &Value, main: &Value) -> Pod {
        let status = |name: &str, state: &Value| json!([{"name": name, "state": state, "image": "", "imageID": "", "ready": true, "restartCount": 0}]);
        serde_json::from_value(json!({
            "metadata": {"name": "a", "annotations": {ATTEMPT_ANNOTATION: attempt.to_string()}},
            "status": {
                "initContainerStatuses": status(LOG_COLLECTOR, collector),
                "containerStatuses": status("main", main),
            },
        }))
        .unwrap()
    }

    fn running() -> Value {
        json!({"running": {}})
    }

    fn ended(code: i32, message: &str) -> Value {
        json!({"terminated": {"exitCode": code, "message": message}})
    }

    fn left() -> Undelivered {
        Undelivered {
            undelivered: 1,
            is_whole: true,
            reports: vec![vec![("acc".to_owned(), "1".to_owned(), None)]],
            stopped: false,
        }
    }

    fn words() -> String {
        serde_json::to_string(&left()).unwrap()
    }

    fn launch(attempt: u32) -> (Place, LaunchId) {
        let id = LaunchId {
            experiment: ExperimentKey::new("ns", "tune"),
            trial: "trial".to_owned(),
            attempt,
            directory: "/".into(),
        };
        (("ns".to_owned(), "trial".to_owned()), id)
    }

    #[test]
    fn a_pod_shows_how_far_its_collector_is() {
        let seen = |collector: &Value, main: &Value| stage(&pod(1, collector, main));
        assert_eq!(stage(&Pod::default()), Stage::Done);
        assert_eq!(seen(&running(), &running()), Stage::Watching);
        assert_eq!(seen(&running(), &ended(1, "")), Stage::Delivering);
        assert_eq!(seen(&ended(0, ""), &ended(0, "")), Stage::Done);
        assert_eq!(
            seen(&ended(0, &words()), &ended(0, "")),
            Stage::Left(left())
        );
        let killed = seen(&ended(137, ""), &ended(0, ""));
        assert_eq!(killed, Stage::Left(Undelivered::unknown()));
        let again = seen(&ended(137, ""), &running());
        assert_eq!(again, Stage::Watching, "it is started again");
    }

    #[tokio::test]
    async fn the_end_of_a_trial_waits_for_what_its_collector_left() {
        let collectors = Arc::<Collectors>::default();
        let (place, id) = launch(1);
        collectors.see(&place, &pod(1, &running(), &ended(0, "")));
        collectors.listed();
        let waits = tokio::spawn({
            let (collectors, id) = (collectors.clone(), id.clone());
            async move { collectors.left(&id, false).await.unwrap() }
        });
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        let last = pod(1, &ended(0, &words()), &ended(0, ""));
        collectors.see(&place, &last);
        assert_eq!(waits.await.unwrap(), [left()]);
        collectors.gone(&place, &last);
        assert_eq!(
            collectors.left(&id, true).await.unwrap(),
            [left()],
            "asked again"
        );
        let (_, next) = launch(2);
        assert!(collectors.known.borrow().stages(&next).is_empty());
    }

    #[tokio::test]
    async fn pods_that_are_gone_and_left_nothing_are_forgotten() {
        let collectors = Arc::<Collectors>::default();
        let (place, _) = launch(1);
        let good = pod(1, &ended(0, ""), &ended(0, ""));
        collectors.see(&place, &good);
        collectors.gone(&place, &good);
        assert!(collectors.known.borrow().pods.is_empty());
        collectors.see(&place, &good);
        collectors.relist();
        collectors.listed();
        assert!(collectors.known.borrow().pods.is_empty());
    }
}
