//! Requests → answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use diwan_core::resources::Experiment;
use diwan_core::validate::Context;
use kube::Client;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Opinion, Settings};
use crate::admission::experiment::{self, Judge};
use crate::admission::owner::Finder;
use crate::admission::pod::inject;
use crate::admission::registration::{MUTATE_EXPERIMENT, MUTATE_POD, VALIDATE_EXPERIMENT};
use crate::admission::review::{Request, Review, Verdict};
use crate::templates::{self, Place};

/// Two objects of the largest size that etcd takes, and what is around them.
const MAX_BYTES: usize = 8 << 20;
/// How long the owners of a pod may be looked for. The API server waits a second longer.
const PATIENCE: Duration = Duration::from_secs(4);

/// What answers.
pub(super) struct Hooks {
    client: Client,
    judge: Judge,
    finder: Finder,
    opinion: Box<Opinion>,
    settings: watch::Receiver<Settings>,
}

impl Hooks {
    pub(super) fn new(
        client: Client,
        finder: Finder,
        opinion: Box<Opinion>,
        settings: watch::Receiver<Settings>,
    ) -> Self {
        Self {
            client,
            judge: Judge::default(),
            finder,
            opinion,
            settings,
        }
    }

    pub(super) fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(async || "ok"))
            .route(MUTATE_EXPERIMENT, post(mutate_experiment))
            .route(VALIDATE_EXPERIMENT, post(validate_experiment))
            .route(MUTATE_POD, post(mutate_pod))
            .layer(DefaultBodyLimit::max(MAX_BYTES))
            .with_state(self)
    }

    async fn experiment(
        &self,
        request: &Request,
        judge: impl FnOnce(&Judge, &Context<'_>, &experiment::Opinion<'_>) -> Verdict,
    ) -> Verdict {
        let templates = self.templates(request).await;
        let read = |namespace: &str, name: &str, path: &str| {
            let place = [namespace, name, path].map(str::to_owned);
            let unread = || Err(format!("ConfigMap {name} was not read"));
            templates.get(&place).cloned().unwrap_or_else(unread)
        };
        let settings = self.settings.borrow().clone();
        let in_pods = settings.optimizers.iter().map(|one| one.algorithm.clone());
        let in_pods: Vec<String> = in_pods.collect();
        let opinion = |experiment: &Experiment| (self.opinion)(experiment, &in_pods);
        settings.judged(&read, |context| judge(&self.judge, context, &opinion))
    }

    /// The texts of the templates that validation will ask for: it cannot wait for them.
    async fn templates(&self, request: &Request) -> HashMap<Place, Result<String, String>> {
        let mut texts = HashMap::new();
        if request.is_settled() {
            return texts;
        }
        for object in [&request.object, &request.old_object] {
            if let Some(place) = templates::place(object)
                && !texts.contains_key(&place)
            {
                let text = self.template(&place).await;
                texts.insert(place, text);
            }
        }
        texts
    }

    async fn template(&self, place: &Place) -> Result<String, String> {
        let [namespace, name, _] = place;
        let read = templates::read(&self.client, place).await;
        read.unwrap_or_else(|error| {
            Err(format!(
                "ConfigMap {name} in namespace {namespace} cannot be read: {error}"
            ))
        })
    }

    /// Never refuses: a pod that nobody knows about, or that cannot be collected, is created all the same.
    async fn pod(&self, request: &Request) -> Verdict {
        let (namespace, pod) = (&request.namespace, &request.object);
        let name = || {
            let metadata = &pod["metadata"];
            let given = metadata["name"]
                .as_str()
                .or(metadata["generateName"].as_str());
            format!("{namespace}/{}", given.unwrap_or_default())
        };
        if request.operation != "CREATE" {
            return Verdict::default();
        }
        let found = timeout(PATIENCE, self.finder.trial_of(namespace, pod)).await;
        let trial = match found {
            Ok(Ok(Some(trial))) => trial,
            Ok(Ok(None)) => return Verdict::default(),
            Ok(Err(error)) => {
                tracing::warn!(pod = name(), %error, "nobody knows whose pod it is; it gets no collector");
                return Verdict::default();
            }
            Err(_) => {
                tracing::warn!(
                    pod = name(),
                    "its owners are not found in time; it gets no collector"
                );
                return Verdict::default();
            }
        };
        let injection = self.settings.borrow().injection.clone();
        match inject(pod, &trial, &injection) {
            Ok(operations) => Verdict::patched(operations.unwrap_or_default()),
            Err(error) => {
                tracing::warn!(pod = name(), %error, "it gets no collector");
                Verdict::default()
            }
        }
    }
}

async fn mutate_experiment(State(hooks): State<Arc<Hooks>>, body: Bytes) -> Response {
    answer(&body, async |request| {
        let mutate = |judge: &Judge, context: &Context<'_>, opinion: &experiment::Opinion<'_>| {
            judge.mutate(request, context, opinion)
        };
        hooks.experiment(request, mutate).await
    })
    .await
}

async fn validate_experiment(State(hooks): State<Arc<Hooks>>, body: Bytes) -> Response {
    answer(&body, async |request| {
        let validate = |judge: &Judge, context: &Context<'_>, opinion: &experiment::Opinion<'_>| {
            judge.validate(request, context, opinion)
        };
        hooks.experiment(request, validate).await
    })
    .await
}

async fn mutate_pod(State(hooks): State<Arc<Hooks>>, body: Bytes) -> Response {
    answer(&body, async |request| hooks.pod(request).await).await
}

async fn answer(body: &[u8], verdict: impl AsyncFnOnce(&Request) -> Verdict) -> Response {
    match serde_json::from_slice::<Review>(body) {
        Ok(Review { request }) => {
            let verdict = verdict(&request).await;
            json(&verdict.review(&request.uid))
        }
        Err(error) => {
            let message =
                format!("the body must be an AdmissionReview of admission.k8s.io/v1: {error}\n");
            (StatusCode::BAD_REQUEST, message).into_response()
        }
    }
}

fn json(value: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, value.to_string()).into_response()
}
