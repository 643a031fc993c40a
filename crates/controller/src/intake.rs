//! Takes Experiments into the store: new ones, and edits of those that are there.

use std::sync::Arc;
use std::time::Duration;

use diwan_core::engine::{Event, Outcome, Snapshot};
use diwan_core::problem::{Problem, ProblemKind, Problems};
use diwan_core::record::{ExperimentKey, ExperimentRecord, Progress};
use diwan_core::resources::{API_VERSION, Experiment, ExperimentSpec, ObjectMeta};
use diwan_core::validate::{difference, validate_edit};
use diwan_core::view::{self, NamesByState, TEMPLATE_ANNOTATION};
use diwan_server::clock::now;
use diwan_server::edit::change;
use diwan_server::suggester::{SuggestError, Suggester};
use diwan_store::{Store, StoreError};
use kube::api::{Api, DynamicObject};
use kube::{Client, ResourceExt};
use serde_json::json;
use thiserror::Error;
use tokio::sync::watch;
use tracing::info;

use crate::admission::experiment::{Judge, judge};
use crate::admission::server::Settings;
use crate::announce::Announcer;
use crate::catch_up::is_over;
use crate::{kinds, templates};

/// The path of an algorithm's name.
const ALGORITHM: &str = "spec.algorithm.algorithmName";
/// How long an algorithm may be unknown that a webhook has known.
const NEW: Duration = Duration::from_secs(60);

/// Takes Experiments into the store.
pub(crate) struct Intake {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) suggester: Arc<dyn Suggester>,
    pub(crate) judge: Judge,
    pub(crate) settings: watch::Receiver<Settings>,
    pub(crate) announcer: Arc<Announcer>,
}

/// What is left to do about an Experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It runs, or will.
    Open,
    /// It has ended, and so have its trials.
    Over,
}

/// Why an Experiment cannot be taken in now. What is wrong with the Experiment itself ends it, and is no error.
#[derive(Debug, Error)]
pub(crate) enum IntakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Kubernetes(#[from] kube::Error),
    #[error("the optimizer cannot be asked: {0}")]
    Optimizer(String),
    #[error("its algorithm is not known, but may be in a moment")]
    NotKnownYet,
}

// === impl Intake ===

impl Intake {
    /// Takes an Experiment in as it is now.
    pub(crate) async fn take(&self, object: &DynamicObject) -> Result<Taken, IntakeError> {
        let metadata = metadata(object);
        let key = ExperimentKey::new(metadata.namespace, metadata.name);
        loop {
            let stored = match self.store.load(&key).await? {
                Some(stored) if stored.record.metadata.uid == metadata.uid => Some(stored),
                // It has gone meanwhile.
                Some(_) if self.now(&key, &metadata.uid).await?.is_none() => {
                    return Ok(Taken::Over);
                }
                Some(namesake) => {
                    // That was deleted while nobody watched.
                    forget(&*self.store, &key, &namesake.record.metadata.uid).await?;
                    None
                }
                None => None,
            };
            let taken = match (stored, self.read(object).await?) {
                (Some(stored), Ok(wanted)) if is_like(&stored, &wanted) => Some(standing(&stored)),
                (Some(_), Ok(_)) => Some(self.edit(&key, &metadata.uid).await?),
                // What is wrong now was right when it began: its template's ConfigMap is gone, or Diwan is another.
                (Some(stored), Err(_)) => Some(standing(&stored)),
                // It is about to go.
                (None, _) if object.metadata.deletion_timestamp.is_some() => Some(Taken::Over),
                (None, _) if is_over(object) => {
                    // It ran under Katib, or its database is lost. To run it again would cost as much as before.
                    info!(experiment = %key, "has ended, and is not recorded here: it is left as it is");
                    self.announcer.left_alone(object).await;
                    Some(Taken::Over)
                }
                (None, Ok(record)) => self.create(record).await?,
                (None, Err((metadata, problems))) => self.refuse(metadata, &problems).await?,
            };
            if let Some(taken) = taken {
                return Ok(taken);
            }
        }
    }

    /// The Experiment of a uid as it is now; `None`: it is gone.
    async fn now(&self, key: &ExperimentKey, uid: &str) -> kube::Result<Option<DynamicObject>> {
        let client = self.client.clone();
        let api: Api<DynamicObject> =
            Api::namespaced_with(client, &key.namespace, &kinds::experiments());
        let found = api.get_opt(&key.name).await?;
        Ok(found.filter(|found| found.uid().as_deref() == Some(uid)))
    }

    /// The record of a new Experiment with its defaults, or all that is wrong with it, as the webhook would say.
    async fn read(
        &self,
        object: &DynamicObject,
    ) -> Result<Result<ExperimentRecord, (ObjectMeta, Problems)>, IntakeError> {
        let mut metadata = metadata(object);
        let given = json!({
            "apiVersion": API_VERSION,
            "kind": "Experiment",
            "metadata": { "name": metadata.name, "namespace": metadata.namespace },
            "spec": object.data["spec"],
        });
        let template = match templates::place(&given) {
            Some(place) => Some(templates::read(&self.client, &place).await?),
            None => None,
        };
        let text = |_: &str, _: &str, _: &str| template.clone().unwrap_or(Ok(String::new()));
        let read = self.judge.read(&metadata.namespace, &given);
        let settings = self.settings.borrow().clone();
        // What the optimizer says is asked when the experiment is made.
        let problems = settings.judged(&text, |context| judge(&read, context, &|_| Vec::new()));
        // Another controller's webhook may have read katib-config before this one.
        let is_unknown =
            |one: &Problem| one.path == ALGORITHM && one.kind == ProblemKind::Unsupported;
        if problems.iter().any(is_unknown) && is_new(object) {
            return Err(IntakeError::NotKnownYet);
        }
        if !problems.is_empty() {
            return Ok(Err((metadata, Problems(problems))));
        }
        if let Some(Ok(text)) = template {
            let annotations = &mut metadata.annotations;
            annotations.insert(TEMPLATE_ANNOTATION.to_owned(), text);
        }
        Ok(Ok(ExperimentRecord {
            metadata,
            spec: read.experiment.spec,
            progress: Progress::default(),
        }))
    }

    /// Begins a new experiment. `None`: somebody else has just done it.
    async fn create(&self, record: ExperimentRecord) -> Result<Option<Taken>, IntakeError> {
        let verdict = self.suggester.validate(&record).await;
        let mut snapshot = Snapshot::create(record, now());
        match verdict {
            Ok(()) => {}
            Err(SuggestError::Refused(why)) => {
                let refused = Event::Finished(Outcome::SuggestionFailed(why));
                let _ = snapshot.apply(refused, now());
            }
            Err(SuggestError::Failed(why)) => return Err(IntakeError::Optimizer(why)),
        }
        self.put(snapshot).await
    }

    /// Puts a new experiment into the store. `None`: somebody else has just done it.
    async fn put(&self, mut snapshot: Snapshot) -> Result<Option<Taken>, IntakeError> {
        match self.store.create(&mut snapshot).await {
            Ok(()) => {}
            Err(StoreError::AlreadyExists { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let (key, uid) = (snapshot.record.key(), &snapshot.record.metadata.uid);
        let now = self.now(&key, uid).await?;
        if now.is_none_or(|now| now.metadata.deletion_timestamp.is_some()) {
            // That was heard before there was a record to forget.
            forget(&*self.store, &key, uid).await?;
            return Ok(Some(Taken::Over));
        }
        Ok(Some(standing(&snapshot)))
    }

    /// Takes the edits of an experiment that is there. Those that the webhook would refuse are passed over. News of an Experiment
    /// can overtake each other, so what counts is what it is now, and still is when that is stored.
    async fn edit(&self, key: &ExperimentKey, uid: &str) -> Result<Taken, IntakeError> {
        let mut object = self.now(key, uid).await?;
        loop {
            let stored = self.store.load(key).await?;
            let stored = stored.filter(|stored| stored.record.metadata.uid == uid);
            let (Some(stored), Some(edited)) = (stored, object) else {
                return Ok(Taken::Over);
            };
            let Ok(wanted) = self.read(&edited).await? else {
                return Ok(standing(&stored));
            };
            if is_like(&stored, &wanted) || is_refused(&stored, &wanted) {
                return Ok(standing(&stored));
            }
            let edit = |snapshot: &mut Snapshot| {
                let spec = snapshot.record.edit(&wanted.spec);
                vec![Event::Edited(Box::new(spec))]
            };
            let changed = change(&*self.store, key, edit).await?;
            let next = self.now(key, uid).await?;
            let is_still =
                |next: &DynamicObject| next.metadata.generation == edited.metadata.generation;
            if next.as_ref().is_some_and(is_still) {
                return Ok(standing(&changed.snapshot));
            }
            object = next;
        }
    }

    /// An Experiment that cannot run, and came although the webhook would have refused it, fails at once and says why. `None`:
    /// somebody else has just put one of its name into the store.
    async fn refuse(
        &self,
        metadata: ObjectMeta,
        problems: &Problems,
    ) -> Result<Option<Taken>, IntakeError> {
        let record = ExperimentRecord {
            metadata,
            spec: ExperimentSpec::default(),
            progress: Progress::default(),
        };
        let mut snapshot = Snapshot::create(record, now());
        let why = problems.to_string().replace('\n', "; ");
        let _ = snapshot.apply(Event::Finished(Outcome::SuggestionFailed(why)), now());
        self.put(snapshot).await
    }
}

/// Has the store forget the experiment of a uid. One that was made under the same name meanwhile stays.
pub(crate) async fn forget(
    store: &dyn Store,
    key: &ExperimentKey,
    uid: &str,
) -> Result<(), StoreError> {
    let stored = store.load(key).await?;
    if stored.is_none_or(|stored| stored.record.metadata.uid != uid) {
        return Ok(());
    }
    match store.delete(key).await {
        Err(StoreError::NotFound { .. }) => Ok(()),
        other => other,
    }
}

/// Whether an experiment is as it is wanted.
fn is_like(stored: &Snapshot, wanted: &ExperimentRecord) -> bool {
    difference(&stored.record.spec_of_file(), &wanted.spec).is_empty()
}

/// Whether the webhook would refuse what is wanted of an experiment.
fn is_refused(stored: &Snapshot, wanted: &ExperimentRecord) -> bool {
    let mut old = view::experiment(&stored.record, stored.version, NamesByState::new());
    old.spec = stored.record.spec_of_file();
    let new = Experiment {
        spec: wanted.spec.clone(),
        ..old.clone()
    };
    !validate_edit(&old, &new).is_empty()
}

fn standing(snapshot: &Snapshot) -> Taken {
    match snapshot.is_completed() && snapshot.active.is_empty() {
        true => Taken::Over,
        false => Taken::Open,
    }
}

/// Whether an Experiment was made within the last minute.
fn is_new(object: &DynamicObject) -> bool {
    let made = object.creation_timestamp();
    let age = made.map(|made| now().as_millis() - made.0.as_millisecond());
    age.is_some_and(|age| age < NEW.as_millis() as i64)
}

fn metadata(object: &DynamicObject) -> ObjectMeta {
    ObjectMeta {
        name: object.name_any(),
        namespace: object.namespace().unwrap_or_default(),
        uid: object.uid().unwrap_or_default(),
        labels: object.labels().clone(),
        generation: object.metadata.generation,
        ..ObjectMeta::default()
    }
}
