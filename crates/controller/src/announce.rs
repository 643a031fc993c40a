//! Kubernetes' events of what becomes of experiments and trials, with Katib's reasons.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diwan_core::digest::{self, EMPTY, fnv1a};
use diwan_core::record::{ExperimentRecord, TrialRecord, TrialState};
use diwan_core::resources::Condition;
use diwan_server::clock::now;
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DynamicObject, ObjectMeta, PostParams};
use kube::{Client, Resource, ResourceExt};
use tokio::time::Instant;
use tracing::debug;

use crate::kinds;
use crate::recent::Recent;

/// Bytes that Kubernetes takes of a message.
const LONGEST: usize = 1000;

/// Events of trials that go well, at once and for each [`REFILL`] after that. Where thousands begin and end nobody reads them,
/// and each costs the API server as much as the launch of a trial does.
const BURST: u32 = 200;
const REFILL: Duration = Duration::from_millis(100);

/// How long Kubernetes keeps an event: what is older than that was told.
const KEPT: Duration = Duration::from_secs(3600);

/// Tells of changes, once each: of trials, as far as this process knows.
pub(crate) struct Announcer {
    client: Client,
    /// The name of this controller.
    me: String,
    /// How many more may tell that all is well.
    budget: Mutex<Budget>,
    /// What was said last of experiments and of trials in trouble, by uid.
    said: Recent<String, String>,
}

/// So much of something, and a little more as time passes.
struct Budget {
    left: u32,
    at: Instant,
}

/// What is told.
struct News<'a> {
    is_bad: bool,
    reason: &'a str,
    message: &'a str,
    /// When it happened.
    at: diwan_core::time::Timestamp,
}

// === impl News ===

impl<'a> News<'a> {
    fn of_now(is_bad: bool, reason: &'a str, message: &'a str) -> Self {
        Self {
            is_bad,
            reason,
            message,
            at: now(),
        }
    }
}

// === impl Budget ===

impl Budget {
    fn spend(&mut self, now: Instant) -> bool {
        let passed = now.duration_since(self.at).as_millis() / REFILL.as_millis();
        let more = u32::try_from(passed).unwrap_or(BURST).min(BURST);
        self.left = (self.left + more).min(BURST);
        self.at += REFILL * more;
        if self.left == BURST {
            self.at = now;
        }
        let is_enough = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_enough
    }
}

// === impl Announcer ===

impl Announcer {
    pub(crate) fn new(client: Client, me: &str) -> Self {
        Self {
            client,
            me: me.to_owned(),
            budget: Mutex::new(Budget {
                left: BURST,
                at: Instant::now(),
            }),
            said: Recent::default(),
        }
    }

    /// A trial is launched.
    pub(crate) async fn launch(&self, shown: &DynamicObject) {
        if !self.has_budget() {
            return;
        }
        let message = format!("Job {} has been created", shown.name_any());
        let news = News::of_now(false, "JobCreated", &message);
        self.publish(&news, &of(shown)).await;
    }

    /// An experiment stands as its last condition says.
    pub(crate) async fn experiment(&self, record: &ExperimentRecord) {
        let Some(condition) = record.progress.conditions.last() else {
            return;
        };
        let uid = &record.metadata.uid;
        let at = condition.last_transition_time.unwrap_or_else(now);
        let is_old = now().millis_since(at) > KEPT.as_millis() as i64;
        if is_old || !self.is_news(uid, &condition.kind) {
            return;
        }
        let key = record.key();
        let about = reference("Experiment", &key.namespace, &key.name, uid);
        let news = News {
            is_bad: condition.kind == "Failed",
            reason: &condition.reason,
            message: &condition.message,
            at,
        };
        self.publish(&news, &about).await;
    }

    /// An Experiment was seen that ended under Katib, or whose record is lost; it may have been edited since it was seen before.
    pub(crate) async fn left_alone(&self, experiment: &DynamicObject) {
        let message = "It has ended, and what its trials found is not recorded here: edits change nothing. Make another \
                       Experiment to go on; its initialTrials can have the trials of this one, with their observations";
        let news = News::of_now(true, "ExperimentLeftAlone", message);
        let about = experiment.object_ref(&kinds::experiments());
        let edits = experiment.metadata.generation.unwrap_or_default();
        let uid = about.uid.clone().unwrap_or_default();
        let before = self.said.replace(uid, edits.to_string());
        // What was edited before this process looked was told then, or went by unseen.
        if before.is_some_and(|before| before != edits.to_string()) {
            self.publish(&news, &about).await;
        }
    }

    /// A trial has ended.
    pub(crate) async fn end(&self, shown: &DynamicObject, trial: &TrialRecord) {
        self.said.remove(&shown.uid().unwrap_or_default());
        let (is_bad, reason) = match trial.state {
            TrialState::Succeeded => (false, "JobSucceeded"),
            TrialState::Failed => (true, "JobFailed"),
            TrialState::MetricsUnavailable => (true, "MetricsUnavailable"),
            TrialState::EarlyStopped => (false, "TrialEarlyStopped"),
            _ => (false, "JobDeleted"),
        };
        if !is_bad && !self.has_budget() {
            return;
        }
        let message = trial
            .conditions
            .last()
            .map(|last: &Condition| last.message.as_str());
        let news = News::of_now(is_bad, reason, message.unwrap_or_default());
        self.publish(&news, &of(shown)).await;
    }

    /// Something keeps a trial from getting on.
    pub(crate) async fn trouble(&self, shown: &DynamicObject, words: &str) {
        if self.is_news(&shown.uid().unwrap_or_default(), words) {
            let news = News::of_now(true, "TrialWaits", words);
            self.publish(&news, &of(shown)).await;
        }
    }

    fn is_news(&self, uid: &str, words: &str) -> bool {
        let before = self.said.replace(uid.to_owned(), words.to_owned());
        before.as_deref() != Some(words)
    }

    fn has_budget(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.spend(Instant::now())
    }

    /// An event is a courtesy: one that cannot be published is not tried again.
    async fn publish(&self, news: &News<'_>, about: &ObjectReference) {
        let mut note = news.message.to_owned();
        note.truncate(note.floor_char_boundary(LONGEST));
        let time = Timestamp::from_millisecond(news.at.as_millis()).unwrap_or_default();
        let name = about.name.as_deref().unwrap_or_default();
        // Told again by another controller, it has the same name, and is there already. Stored times have whole seconds.
        let seconds = (news.at.as_millis() / 1000).to_le_bytes();
        let mark = digest::text(
            fnv1a(EMPTY, &seconds),
            about.uid.as_deref().unwrap_or_default(),
        );
        let mark = digest::text(mark, news.reason);
        let mark = digest::text(mark, news.message);
        // Katib's clients read the older kind of event, and its first time.
        let event = Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{mark:x}")),
                ..ObjectMeta::default()
            },
            involved_object: about.clone(),
            type_: Some(if news.is_bad { "Warning" } else { "Normal" }.to_owned()),
            reason: Some(news.reason.to_owned()),
            message: Some(note),
            first_timestamp: Some(Time(time)),
            last_timestamp: Some(Time(time)),
            count: Some(1),
            source: Some(EventSource {
                component: Some("katib-controller".to_owned()),
                host: Some(self.me.clone()),
            }),
            ..Event::default()
        };
        let namespace = about.namespace.as_deref().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        if let Err(error) = api.create(&PostParams::default(), &event).await {
            debug!(%error, object = about.name, news.reason, "cannot publish an event");
        }
    }
}

fn of(shown: &DynamicObject) -> ObjectReference {
    shown.object_ref(&kinds::trials())
}

fn reference(kind: &str, namespace: &str, name: &str, uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(format!("{}/{}", kinds::GROUP, kinds::VERSION)),
        kind: Some(kind.to_owned()),
        namespace: Some(namespace.to_owned()),
        name: Some(name.to_owned()),
        uid: Some(uid.to_owned()),
        ..ObjectReference::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_and_comes_back_slowly() {
        let at = Instant::now();
        let mut budget = Budget { left: BURST, at };
        let spent = |budget: &mut Budget, now| (0..2 * BURST).filter(|_| budget.spend(now)).count();
        assert_eq!(spent(&mut budget, at), BURST as usize);
        assert_eq!(spent(&mut budget, at + REFILL / 2), 0);
        assert_eq!(spent(&mut budget, at + REFILL * 7), 7);
        assert_eq!(spent(&mut budget, at + REFILL * 100_000), BURST as usize);
    }
}
