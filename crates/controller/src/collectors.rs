//! What collectors leave: the observations that they could not deliver before their pods had to end. They are in the termination
//! messages of their containers, and are kept before the end of their trial is told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use diwan_core::observation::ReportedPoint;
use diwan_core::sidecar::Undelivered;
use diwan_drivers::DriverError;
use diwan_server::grpc::{StopError, TrialStopper};
use diwan_server::stopper::StoreStopper;
use diwan_store::{Store, StoreError, TrialRef};
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::admission::pod::{COLLECTOR, LOG_COLLECTOR};

/// How long the news of a pod may come after that of its job.
const LATE: Duration = Duration::from_secs(2);
/// How long a collector may deliver after its trial has ended: the grace of pods, and as long again.
const DELIVERY: Duration = Duration::from_secs(60);
/// Time before something is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Namespace and name of a trial.
pub(crate) type Place = (String, String);

/// What is known of collectors.
pub(crate) struct Collectors {
    store: Arc<dyn Store>,
    stopper: StoreStopper,
    known: watch::Sender<Known>,
}

#[derive(Default)]
struct Known {
    /// Whether all pods have been seen that there were.
    is_listed: bool,
    /// Of each trial those pods whose collectors are not done.
    pods: HashMap<Place, BTreeMap<String, Stage>>,
}

/// How far the collector of a pod is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// The trial runs.
    Watching,
    /// The trial has ended.
    Delivering,
    /// It has ended, and what it left is being kept.
    Keeping,
    /// It has ended, and could not leave everything.
    Left(Undelivered),
    /// It is of a launch before the current one.
    Old,
}

/// Why something that was left is not kept yet.
#[derive(Debug, Error)]
enum KeepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Stop(#[from] StopError),
}

// === impl Collectors ===

impl Collectors {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            stopper: StoreStopper::new(store.clone()),
            store,
            known: watch::Sender::default(),
        }
    }

    /// All pods are about to be seen again.
    pub(crate) fn relist(&self) {
        self.known.send_modify(|known| {
            known.is_listed = false;
            for of_trial in known.pods.values_mut() {
                of_trial.retain(|_, stage| matches!(stage, Stage::Keeping | Stage::Left(_)));
            }
            known.pods.retain(|_, of_trial| !of_trial.is_empty());
        });
    }

    /// All pods were seen.
    pub(crate) fn listed(&self) {
        self.known.send_modify(|known| known.is_listed = true);
    }

    /// A pod of a trial is as it is.
    pub(crate) fn see(self: &Arc<Self>, place: &Place, name: &str, pod: &Pod) {
        let sight = sight(pod);
        let is_new = self.change(place, |of_trial| match (of_trial.get(name), &sight) {
            (Some(Stage::Keeping | Stage::Left(_) | Stage::Old), _) => false,
            (_, Sight::Watching) => of_trial.insert(name.to_owned(), Stage::Watching).is_none(),
            (_, Sight::Delivering) => {
                of_trial.insert(name.to_owned(), Stage::Delivering) != Some(Stage::Delivering)
            }
            (_, Sight::Left(_)) => {
                of_trial.insert(name.to_owned(), Stage::Keeping);
                true
            }
            (_, Sight::Nothing) => of_trial.remove(name).is_some(),
        });
        if let (true, Sight::Left(left)) = (is_new, sight) {
            let (this, place, name) = (self.clone(), place.clone(), name.to_owned());
            tokio::spawn(async move { this.keep(&place, name, left).await });
        }
    }

    /// A pod of a trial is gone. What it left stays.
    pub(crate) fn gone(&self, place: &Place, name: &str) {
        self.change(place, |of_trial| match of_trial.get(name) {
            Some(Stage::Watching | Stage::Delivering | Stage::Old) => {
                of_trial.remove(name);
                true
            }
            _ => false,
        });
    }

    /// A new launch of a trial begins: pods that there are now are none of its.
    pub(crate) fn begin(&self, place: &Place) {
        self.change(place, |of_trial| {
            for stage in of_trial.values_mut() {
                *stage = Stage::Old;
            }
            !of_trial.is_empty()
        });
    }

    /// What the collectors of a trial that has ended have left and is not kept, when that is known.
    ///
    /// # Errors
    /// When it is not known yet. The call may be repeated.
    pub(crate) async fn left(&self, place: &Place) -> Result<Vec<Undelivered>, DriverError> {
        let mut known = self.known.subscribe();
        let stages = |known: &Known| -> Vec<Stage> {
            let of_trial = known.pods.get(place);
            of_trial
                .into_iter()
                .flat_map(BTreeMap::values)
                .cloned()
                .collect()
        };
        let without =
            |what: Stage| move |known: &Known| known.is_listed && !stages(known).contains(&what);
        // A job may end before its pods do, and then nobody waits for those.
        let _ = timeout(LATE, known.wait_for(without(Stage::Watching))).await;
        let _ = timeout(DELIVERY, known.wait_for(without(Stage::Delivering))).await;
        let kept = timeout(DELIVERY, known.wait_for(without(Stage::Keeping))).await;
        kept.map_err(|_| {
            DriverError::Unavailable(
                "what its collector could not deliver is not recorded yet".to_owned(),
            )
        })?
        .map_err(|error| DriverError::Unavailable(error.to_string()))?;
        let stages = stages(&self.known.borrow());
        Ok(stages
            .into_iter()
            .filter_map(|stage| match stage {
                Stage::Left(left) => Some(left),
                _ => None,
            })
            .collect())
    }

    /// What a trial's collectors have left is kept, as far as it can be.
    pub(crate) fn forget(&self, place: &Place) {
        self.change(place, |of_trial| {
            of_trial.retain(|_, stage| !matches!(stage, Stage::Left(_)));
            false
        });
    }

    /// Changes what is known of a trial; those who wait hear of it if `change` says that it is new.
    fn change(
        &self,
        place: &Place,
        change: impl FnOnce(&mut BTreeMap<String, Stage>) -> bool,
    ) -> bool {
        self.known.send_if_modified(|known| {
            let of_trial = known.pods.entry(place.clone()).or_default();
            let is_new = change(of_trial);
            if of_trial.is_empty() {
                known.pods.remove(place);
            }
            is_new
        })
    }

    async fn keep(&self, place: &Place, pod: String, left: Undelivered) {
        while let Err(error) = self.try_to_keep(place, &left).await {
            warn!(trial = place.1, %error, "cannot record what its collector could not deliver; trying again");
            sleep(RETRY).await;
        }
        self.change(place, |of_trial| {
            match left.is_whole {
                true => of_trial.remove(&pod),
                false => of_trial.insert(pod, Stage::Left(left)),
            };
            true
        });
    }

    async fn try_to_keep(
        &self,
        (namespace, trial): &Place,
        left: &Undelivered,
    ) -> Result<(), KeepError> {
        let found = self.store.find_trials(trial).await?.into_iter();
        let mut found = found.filter(|found| found.experiment.namespace == *namespace);
        let Some(found) = found.next() else {
            return Ok(());
        };
        if left.is_whole {
            keep_reports(&*self.store, &found.reference(), left).await?;
        }
        if !left.stopped || !found.trial.state.is_active() {
            return Ok(());
        }
        match self.stopper.early_stopped(&found).await {
            Ok(()) | Err(StopError::Ended) => Ok(()),
            Err(error) => Err(error.into()),
        }
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

/// What a pod shows of its collector.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    /// It has none, or has left nothing.
    Nothing,
    /// It reads what the trial writes.
    Watching,
    /// The trial has ended.
    Delivering,
    /// It has ended and left something.
    Left(Undelivered),
}

fn sight(pod: &Pod) -> Sight {
    let Some(status) = &pod.status else {
        return Sight::Nothing;
    };
    let all = |statuses: &'_ Option<Vec<ContainerStatus>>| statuses.clone().unwrap_or_default();
    let (mut collectors, others): (Vec<_>, Vec<_>) = all(&status.container_statuses)
        .into_iter()
        .partition(is_collector);
    let native = all(&status.init_container_statuses)
        .into_iter()
        .find(is_collector);
    let Some(collector) = native.or_else(|| collectors.pop()) else {
        return Sight::Nothing;
    };
    match collector.state.and_then(|state| state.terminated) {
        Some(ended) => left_by(&ended).map_or(Sight::Nothing, Sight::Left),
        None if !others.is_empty() && others.iter().all(has_ended) => Sight::Delivering,
        None => Sight::Watching,
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
    told.or_else(|| {
        (ended.exit_code != 0).then(|| Undelivered {
            undelivered: usize::MAX,
            ..Undelivered::default()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use diwan_store::SqliteStore;
    use serde_json::{Value, json};

    fn pod(collector: &Value, main: &Value) -> Pod {
        let status = |name: &str, state: &Value| json!([{"name": name, "state": state, "image": "", "imageID": "", "ready": true, "restartCount": 0}]);
        serde_json::from_value(json!({"status": {
            "initContainerStatuses": status(LOG_COLLECTOR, collector),
            "containerStatuses": status("main", main),
        }}))
        .unwrap()
    }

    fn running() -> Value {
        json!({"running": {}})
    }

    fn ended(code: i32, message: &str) -> Value {
        json!({"terminated": {"exitCode": code, "message": message}})
    }

    fn left(values: &[&str]) -> Undelivered {
        let report = values
            .iter()
            .map(|value| ("acc".to_owned(), (*value).to_owned(), None));
        Undelivered {
            undelivered: values.len(),
            is_whole: true,
            reports: vec![report.collect()],
            stopped: false,
        }
    }

    #[test]
    fn a_pod_shows_how_far_its_collector_is() {
        let seen = |collector: &Value, main: &Value| sight(&pod(collector, main));
        assert_eq!(sight(&Pod::default()), Sight::Nothing);
        assert_eq!(seen(&running(), &running()), Sight::Watching);
        assert_eq!(seen(&running(), &ended(1, "")), Sight::Delivering);
        assert_eq!(seen(&ended(0, ""), &ended(0, "")), Sight::Nothing);
        let words = serde_json::to_string(&left(&["1"])).unwrap();
        assert_eq!(
            seen(&ended(0, &words), &ended(0, "")),
            Sight::Left(left(&["1"]))
        );
        let Sight::Left(unknown) = seen(&ended(137, ""), &ended(0, "")) else {
            panic!("it was killed")
        };
        assert_eq!((unknown.undelivered, unknown.is_whole), (usize::MAX, false));
    }

    #[tokio::test]
    async fn the_end_of_a_trial_waits_for_what_its_collector_left() {
        let store = SqliteStore::in_memory().await.unwrap();
        let collectors = Arc::new(Collectors::new(Arc::new(store)));
        let place = ("ns".to_owned(), "trial".to_owned());
        collectors.see(&place, "a", &pod(&running(), &ended(0, "")));
        collectors.listed();
        let waits = tokio::spawn({
            let (collectors, place) = (collectors.clone(), place.clone());
            async move { collectors.left(&place).await.unwrap() }
        });
        let part = Undelivered {
            is_whole: false,
            ..left(&["1"])
        };
        let words = serde_json::to_string(&part).unwrap();
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        collectors.see(&place, "a", &pod(&ended(0, &words), &ended(0, "")));
        assert_eq!(waits.await.unwrap(), [part]);
        collectors.forget(&place);
        assert_eq!(collectors.left(&place).await.unwrap(), []);
        assert!(collectors.known.borrow().pods.is_empty());
    }

    #[tokio::test]
    async fn pods_of_an_earlier_launch_leave_nothing() {
        let store = SqliteStore::in_memory().await.unwrap();
        let collectors = Arc::new(Collectors::new(Arc::new(store)));
        let place = ("ns".to_owned(), "trial".to_owned());
        collectors.listed();
        collectors.see(&place, "a", &pod(&running(), &running()));
        collectors.begin(&place);
        let words = serde_json::to_string(&Undelivered {
            is_whole: false,
            ..left(&["1"])
        })
        .unwrap();
        collectors.see(&place, "a", &pod(&ended(0, &words), &ended(0, "")));
        assert_eq!(collectors.left(&place).await.unwrap(), []);
        collectors.gone(&place, "a");
        assert!(collectors.known.borrow().pods.is_empty());
    }
}
