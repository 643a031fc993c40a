//! What keeps trials from getting on, as their pods and those who should make them say: no room, no image, a quota, a webhook
//! that refuses. It is shown while it lasts, in the Trial's condition and as an event.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diwan_core::record::ExperimentKey;
use diwan_core::view::EXPERIMENT_LABEL;
use diwan_drivers::kubernetes::{TRIAL_LABEL, told_by, waits_for};
use diwan_store::Store;
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::{Event as Report, Pod};
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt};
use tracing::warn;

use crate::admission::pod::NOT_COLLECTED_ANNOTATION;
use crate::collectors::{Collectors, Place};
use crate::mirror::News;
use crate::recent::Recent;

/// What those who make pods call their failure.
const NOT_MADE: [&str; 2] = ["FailedCreate", "FailedCreatePod"];
/// In place of a pod's name: what is said of one that was not made.
const NO_POD: &str = "";
/// In place of a pod's name: what is said of the trial. No pod has such a name.
const VERDICT: &str = "*";
/// The same: what its job says. Comes after the verdict, and before what pods say.
const JOB: &str = "+";

/// The troubles of trials that run.
#[derive(Default)]
pub(crate) struct Troubles {
    /// Of each pod of each trial.
    known: Mutex<HashMap<Place, BTreeMap<String, String>>>,
    /// What a pod of a trial said last, though it may be gone: one that is evicted goes before its job has failed.
    last_words: Recent<Place, String>,
}

/// What keeps a trial from getting on.
pub(crate) struct Trouble {
    pub(crate) words: String,
    /// It is as its job is wanted, or as it tells in events of its own.
    pub(crate) is_of_job: bool,
}

/// What hears of troubles.
pub(crate) struct Watch {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) news: Arc<News>,
    pub(crate) troubles: Arc<Troubles>,
    pub(crate) collectors: Arc<Collectors>,
}

// === impl Troubles ===

impl Troubles {
    fn known(&self) -> MutexGuard<'_, HashMap<Place, BTreeMap<String, String>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What keeps a trial from getting on; if its job says so, with what a pod of it says, or said last.
    pub(crate) fn of(&self, namespace: &str, trial: &str) -> Option<Trouble> {
        let place = (namespace.to_owned(), trial.to_owned());
        let (first, words, next) = {
            let known = self.known();
            let mut of_trial = known.get(&place)?.iter();
            let (first, words) = of_trial.next()?;
            let next = of_trial.next().map(|(_, words)| words.clone());
            (first.clone(), words.clone(), next)
        };
        let is_of_job = first == JOB;
        let of_pod = match is_of_job {
            true => next.or_else(|| self.last_words(namespace, trial)),
            false => None,
        };
        Some(Trouble {
            words: match of_pod {
                Some(of_pod) => format!("{words}; {of_pod}"),
                None => words,
            },
            is_of_job,
        })
    }

    /// A trial is launched again: what pods of the launch before have said is over.
    pub(crate) fn begin_again(&self, namespace: &str, trial: &str) {
        let place = (namespace.to_owned(), trial.to_owned());
        self.last_words.remove(&place);
    }

    /// What a pod of a trial said last, if it had to complain.
    pub(crate) fn last_words(&self, namespace: &str, trial: &str) -> Option<String> {
        let place = (namespace.to_owned(), trial.to_owned());
        self.last_words.get(&place)
    }

    /// What a trial's job says of itself; whether that is new.
    pub(crate) fn hindered(&self, place: &Place, words: Option<String>) -> bool {
        self.hear(place, JOB, words)
    }

    /// Something is wrong with a trial, whatever becomes of its pods.
    pub(crate) fn judge(&self, place: &Place, words: String) {
        self.hear(place, VERDICT, Some(words));
    }

    /// A trial is over.
    pub(crate) fn forget(&self, namespace: &str, trial: &str) {
        let place = (namespace.to_owned(), trial.to_owned());
        self.known().remove(&place);
        self.last_words.remove(&place);
    }

    /// What a pod of a trial says now; whether that is new.
    fn hear(&self, place: &Place, pod: &str, words: Option<String>) -> bool {
        let mut known = self.known();
        if let Some(words) = words {
            let of_trial = known.entry(place.clone()).or_default();
            return of_trial.insert(pod.to_owned(), words.clone()) != Some(words);
        }
        let Some(of_trial) = known.get_mut(place) else {
            return false;
        };
        let is_new = of_trial.remove(pod).is_some();
        if of_trial.is_empty() {
            known.remove(place);
        }
        is_new
    }
}

// === impl Watch ===

impl Watch {
    /// Listens, for ever.
    pub(crate) async fn run(self) {
        tokio::join!(self.pods(), self.reports());
    }

    async fn pods(&self) {
        let pods: Api<Pod> = Api::all(self.client.clone());
        let config = watcher::Config::default().labels(TRIAL_LABEL);
        let mut events = watcher(pods, config).default_backoff().boxed();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Apply(pod) | Event::InitApply(pod)) => self.pod(&pod, true).await,
                Ok(Event::Delete(pod)) => self.pod(&pod, false).await,
                Ok(Event::Init) => self.collectors.relist(),
                Ok(Event::InitDone) => self.collectors.listed(),
                Err(error) => warn!(%error, "cannot watch the pods of trials; trying again"),
            }
        }
    }

    async fn pod(&self, pod: &Pod, is_there: bool) {
        let namespace = pod.namespace().unwrap_or_default();
        let label = |name: &str| pod.labels().get(name).cloned();
        let (Some(trial), Some(experiment)) = (label(TRIAL_LABEL), label(EXPERIMENT_LABEL)) else {
            return;
        };
        let (place, name) = ((namespace.clone(), trial), pod.name_any());
        self.collectors.see(&place, pod);
        if !is_there {
            self.collectors.gone(&place, pod);
        }
        if let Some(told) = told_by(pod) {
            self.troubles.last_words.replace(place.clone(), told);
        }
        let was_not_made = self.troubles.hear(&place, NO_POD, None);
        let words = words(pod).filter(|_| is_there);
        if self.troubles.hear(&place, &name, words) || was_not_made {
            let key = ExperimentKey::new(namespace, experiment);
            show(&*self.store, &self.news, &key, &place.1).await;
        }
    }

    /// What is said of pods that could not be made.
    async fn reports(&self) {
        let of = NOT_MADE.map(|reason| {
            let reports: Api<Report> = Api::all(self.client.clone());
            let config = watcher::Config::default().fields(&format!("reason={reason}"));
            watcher(reports, config).default_backoff().boxed()
        });
        let mut events = futures_util::stream::select_all(of);
        while let Some(event) = events.next().await {
            match event {
                // What was reported before may be over.
                Ok(Event::Apply(report)) => self.report(report).await,
                Ok(_) => {}
                Err(error) => {
                    warn!(%error, "cannot watch for pods that are not made; trying again")
                }
            }
        }
    }

    async fn report(&self, report: Report) {
        let about = report.involved_object;
        let place = (
            about.namespace.unwrap_or_default(),
            about.name.unwrap_or_default(),
        );
        let found = match self.store.find_trials(&place.1).await {
            Ok(found) => found,
            Err(error) => return warn!(%error, "cannot look up whose pod is not made"),
        };
        let mut found = found.into_iter();
        let Some(found) =
            found.find(|one| one.experiment.namespace == place.0 && one.trial.state.is_active())
        else {
            return;
        };
        let kind = about.kind.unwrap_or_default();
        let words = report.message.unwrap_or_default();
        let words = format!("{kind} {} gets no pod: {words}", place.1);
        if self.troubles.hear(&place, NO_POD, Some(words)) {
            show(&*self.store, &self.news, &found.experiment, &place.1).await;
        }
    }
}

/// Has a trial shown of which something new is known.
pub(crate) async fn show(store: &dyn Store, news: &News, key: &ExperimentKey, trial: &str) {
    match store.trial(key, trial).await {
        Ok(Some(trial)) => news.add_trial(key, trial),
        Ok(None) => {}
        Err(error) => warn!(trial, %error, "cannot show what keeps it from getting on"),
    }
}

/// What keeps a pod, or those who would read it, from getting on.
fn words(pod: &Pod) -> Option<String> {
    let not_collected = || {
        let why = pod.annotations().get(NOT_COLLECTED_ANNOTATION)?;
        Some(format!("its metrics are not collected: {why}"))
    };
    waits_for(pod).or_else(not_collected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_lasts_until_its_pod_gets_on() {
        let troubles = Troubles::default();
        let place = ("ns".to_owned(), "trial".to_owned());
        let hear =
            |pod: &str, words: Option<&str>| troubles.hear(&place, pod, words.map(str::to_owned));
        assert!(hear(NO_POD, Some("quota")));
        assert!(!hear(NO_POD, Some("quota")));
        let told = || troubles.of("ns", "trial").map(|trouble| trouble.words);
        assert_eq!(told().as_deref(), Some("quota"));
        assert!(hear(NO_POD, None) && hear("a", Some("no image")) && !hear("b", None));
        assert_eq!(told().as_deref(), Some("no image"));
        assert!(hear(JOB, Some("suspended")));
        assert_eq!(told().as_deref(), Some("suspended; no image"));
        assert!(hear("a", None));
        let words = "killed".to_owned();
        troubles.last_words.replace(place.clone(), words);
        assert_eq!(told().as_deref(), Some("suspended; killed"));
        assert!(hear(JOB, None));
        assert_eq!(told(), None);
        assert!(troubles.known().is_empty());
    }
}
