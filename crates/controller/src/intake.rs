//! Takes Experiments into the store: new ones, and edits of those that are there.

use std::sync::Arc;

use diwan_algorithms::registry::ALGORITHMS;
use diwan_algorithms::stopping::STOPPING_RULES;
use diwan_core::defaults::set_defaults;
use diwan_core::engine::{Event, Outcome, Snapshot};
use diwan_core::problem::{Problem, Problems};
use diwan_core::record::{ExperimentRecord, Progress};
use diwan_core::resources::{Experiment, ObjectMeta};
use diwan_core::validate::{Context, difference, validate, validate_edit};
use diwan_core::view::{self, NamesByState, TEMPLATE_ANNOTATION};
use diwan_server::clock::now;
use diwan_server::edit::change;
use diwan_server::suggester::{SuggestError, Suggester};
use diwan_store::{Store, StoreError};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DynamicObject};
use kube::{Client, ResourceExt};
use thiserror::Error;

/// Takes Experiments into the store.
pub(crate) struct Intake {
    pub(crate) client: Client,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) suggester: Arc<dyn Suggester>,
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
}

// === impl Intake ===

impl Intake {
    /// Takes an Experiment in as it is now.
    pub(crate) async fn take(&self, object: &DynamicObject) -> Result<Taken, IntakeError> {
        let record = match self.read(object).await? {
            Ok(record) => record,
            Err((metadata, problems)) => return self.refuse(metadata, &problems).await,
        };
        loop {
            let stored = self.store.load(&record.key()).await?;
            match stored {
                Some(stored) if stored.record.metadata.uid == record.metadata.uid => {
                    return self.edit(stored, &record).await;
                }
                // Its namesake was deleted while nobody watched.
                Some(stored) => self.store.delete(&stored.record.key()).await?,
                None => {}
            }
            if let Some(taken) = self.create(record.clone()).await? {
                return Ok(taken);
            }
        }
    }

    /// The record of a new Experiment with its defaults, or all that is wrong with it.
    async fn read(
        &self,
        object: &DynamicObject,
    ) -> Result<Result<ExperimentRecord, (ObjectMeta, Problems)>, kube::Error> {
        let metadata = metadata(object);
        let value = serde_json::json!({
            "apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment", "spec": object.data["spec"],
        });
        let mut experiment: Experiment = match serde_json::from_value(value) {
            Ok(experiment) => experiment,
            Err(error) => {
                let problem = Problem::refused("spec", error.to_string());
                return Ok(Err((metadata, Problems(vec![problem]))));
            }
        };
        experiment.metadata = metadata;
        set_defaults(&mut experiment);
        let template = self.template(&experiment).await?;
        let read = |_: &str, _: &str, _: &str| template.clone().unwrap_or(Ok(String::new()));
        let algorithms: Vec<&str> = ALGORITHMS.iter().map(|one| one.name()).collect();
        let rules: Vec<&str> = STOPPING_RULES.iter().map(|one| one.name()).collect();
        let context = Context {
            algorithms: &algorithms,
            early_stopping: &rules,
            config_map: Some(&read),
        };
        let problems = validate(&experiment, &context);
        let mut metadata = experiment.metadata;
        if !problems.is_empty() {
            return Ok(Err((metadata, Problems(problems))));
        }
        if let Some(Ok(text)) = template {
            metadata
                .annotations
                .insert(TEMPLATE_ANNOTATION.to_owned(), text);
        }
        Ok(Ok(ExperimentRecord {
            metadata,
            spec: experiment.spec,
            progress: Progress::default(),
        }))
    }

    /// The text of a template in a ConfigMap, if the template is in one, or why it cannot be had.
    async fn template(
        &self,
        experiment: &Experiment,
    ) -> Result<Option<Result<String, String>>, kube::Error> {
        let source = experiment.spec.trial_template.as_ref();
        let Some(source) = source.and_then(|template| template.config_map.as_ref()) else {
            return Ok(None);
        };
        let (namespace, name) = (&source.config_map_namespace, &source.config_map_name);
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
        let Some(map) = api.get_opt(name).await? else {
            return Ok(Some(Err(format!(
                "there is no ConfigMap {name} in namespace {namespace}"
            ))));
        };
        let text = map.data.unwrap_or_default().remove(&source.template_path);
        Ok(Some(text.ok_or_else(|| {
            format!(
                "ConfigMap {namespace}/{name} has no {}",
                source.template_path
            )
        })))
    }

    /// Puts a new experiment into the store. `None`: somebody else has just done it.
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
        match self.store.create(&mut snapshot).await {
            Ok(()) => Ok(Some(standing(&snapshot))),
            Err(StoreError::AlreadyExists { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes the edits of an experiment that is there. Those that the webhook would refuse are passed over.
    async fn edit(
        &self,
        stored: Snapshot,
        wanted: &ExperimentRecord,
    ) -> Result<Taken, IntakeError> {
        let before = stored.record.spec_of_file();
        if difference(&before, &wanted.spec).is_empty() {
            return Ok(standing(&stored));
        }
        let mut old = view::experiment(&stored.record, stored.version, NamesByState::new());
        old.spec = before;
        let new = Experiment {
            spec: wanted.spec.clone(),
            ..old.clone()
        };
        if !validate_edit(&old, &new).is_empty() {
            return Ok(standing(&stored));
        }
        let edited = |snapshot: &mut Snapshot| {
            let spec = snapshot.record.edit(&wanted.spec);
            vec![Event::Edited(Box::new(spec))]
        };
        let changed = change(&*self.store, &wanted.key(), edited).await?;
        Ok(standing(&changed.snapshot))
    }

    /// An Experiment that cannot run, and came although the webhook would have refused it, fails at once and says why.
    async fn refuse(
        &self,
        metadata: ObjectMeta,
        problems: &Problems,
    ) -> Result<Taken, IntakeError> {
        let record = ExperimentRecord {
            metadata,
            spec: Default::default(),
            progress: Progress::default(),
        };
        if self.store.load(&record.key()).await?.is_some() {
            return Ok(Taken::Over);
        }
        let mut snapshot = Snapshot::create(record, now());
        let why = problems.to_string().replace('\n', "; ");
        let _ = snapshot.apply(Event::Finished(Outcome::SuggestionFailed(why)), now());
        match self.store.create(&mut snapshot).await {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(Taken::Over),
            Err(error) => Err(error.into()),
        }
    }
}

fn standing(snapshot: &Snapshot) -> Taken {
    match snapshot.is_completed() && snapshot.active.is_empty() {
        true => Taken::Over,
        false => Taken::Open,
    }
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
