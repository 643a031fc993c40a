//! The webhooks' HTTPS server.

mod answer;
mod listen;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use diwan_core::problem::Problem;
use diwan_core::resources::Experiment;
use diwan_core::time::Timestamp;
use diwan_core::validate::{ConfigMapReader, Context};
use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::Api;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::certificates::{CertificateError, Material, Serving, ensure};
use super::owner::{Finder, Objects};
use super::pod::Injection;
use super::registration::{Reach, register};
use crate::optimizers::Optimizer;
use answer::Hooks;

/// How long until what failed is tried again.
const AGAIN: Duration = Duration::from_secs(10);

/// What an optimizer of this program says about an experiment and its settings, if its algorithm is none of those named, which are
/// elsewhere; and what its stopping rule says. Called only when nothing else is wrong with it.
pub type Opinion = dyn Fn(&Experiment, &[String]) -> Vec<Problem> + Send + Sync;

/// Where the webhooks are, and what they are made of.
pub struct Options {
    /// Where they listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How the API server gets there.
    pub reach: Reach,
    /// The namespace of the Secret.
    pub namespace: String,
    /// The Secret of the certificate.
    pub secret: String,
    /// Where the owners of pods are looked up; [`super::owner::Cluster`], or a copy of it.
    pub objects: Box<dyn Objects>,
    /// What the optimizer says.
    pub opinion: Box<Opinion>,
    /// The time.
    pub clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// How often the certificate is looked at; minutes will do. Replicas that did not renew it take it up so.
    pub look: Duration,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("reach", &self.reach)
            .field("namespace", &self.namespace)
            .field("secret", &self.secret)
            .finish_non_exhaustive()
    }
}

/// What may change while they run: it comes from `katib-config`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Whether the configuration was read, if there is one.
    pub is_read: bool,
    /// Names of the algorithms there are, without a configuration.
    pub algorithms: Vec<String>,
    /// Those that run in pods of their own.
    pub optimizers: Vec<Optimizer>,
    /// Names of the stopping rules there are.
    pub early_stopping: Vec<String>,
    /// What is added to pods.
    pub injection: Injection,
}

impl Settings {
    /// What runs an algorithm in a pod of its own.
    #[must_use]
    pub fn optimizer(&self, algorithm: &str) -> Option<&Optimizer> {
        self.optimizers
            .iter()
            .find(|one| one.algorithm == algorithm)
    }

    /// Whether there is an algorithm of this name without a configuration.
    pub(crate) fn has_own(&self, algorithm: &str) -> bool {
        self.algorithms.iter().any(|one| one == algorithm)
    }

    /// What `judge` says with these names in mind, and templates of ConfigMaps as `read` gives them.
    pub(crate) fn judged<T>(
        &self,
        read: &ConfigMapReader<'_>,
        judge: impl FnOnce(&Context<'_>) -> T,
    ) -> T {
        let in_pods = self.optimizers.iter().map(|one| &one.algorithm);
        let algorithms = self.algorithms.iter().chain(in_pods);
        let algorithms: Vec<&str> = algorithms.map(String::as_str).collect();
        let early_stopping: Vec<&str> = self.early_stopping.iter().map(String::as_str).collect();
        judge(&Context {
            algorithms: &algorithms,
            early_stopping: &early_stopping,
            config_map: Some(read),
        })
    }
}

/// Why there are no webhooks.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken.
    #[error("the webhooks cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The API server does not take the configurations.
    #[error("the webhook configurations cannot be written: {0}")]
    Register(Box<kube::Error>),
}

/// Serves the webhooks, and tells the API server of them, until `shutdown`. Requests that have begun are answered first.
///
/// They are served before the API server learns of them, and a new certificate is trusted before it is served. A renewal that
/// fails is tried again: the old certificate still has a third of its life.
///
/// # Errors
/// When they cannot begin.
pub async fn serve(
    client: Client,
    options: Options,
    settings: watch::Receiver<Settings>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let address = options.listen;
    let listening = TcpListener::bind(address).await;
    let bound = listening.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
    let (port, listener) = bound.map_err(|cause| ServeError::Listen { address, cause })?;
    let certificate = Certificate {
        client: client.clone(),
        secrets: Api::namespaced(client.clone(), &options.namespace),
        secret: options.secret,
        reach: options.reach,
        port,
        clock: options.clock,
        look: options.look,
    };
    let material = certificate.ensure().await?;
    let serving = Serving::new(&material)?;
    let hooks = Hooks::new(
        client,
        Finder::new(options.objects),
        options.opinion,
        settings,
    );
    let stop = watch::Sender::new(false);
    let listened = listen::listen(
        listener,
        serving.tls()?,
        Arc::new(hooks).router(),
        stop.subscribe(),
    );
    let kept = async {
        certificate.register(&material).await?;
        tracing::info!(port, "webhooks are served");
        tokio::select! {
            () = shutdown => {}
            () = certificate.keep(&serving, material) => {}
        }
        Ok(())
    };
    let ended = async {
        let ended = kept.await;
        stop.send_replace(true);
        ended
    };
    let ((), ended) = tokio::join!(listened, ended);
    ended
}

/// What keeps the certificate fresh.
struct Certificate {
    client: Client,
    secrets: Api<Secret>,
    secret: String,
    reach: Reach,
    port: u16,
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    look: Duration,
}

impl Certificate {
    async fn ensure(&self) -> Result<Material, CertificateError> {
        ensure(
            &self.secrets,
            &self.secret,
            &self.reach.hosts(),
            (self.clock)(),
        )
        .await
    }

    async fn register(&self, material: &Material) -> Result<(), ServeError> {
        let written = register(&self.client, &self.reach, self.port, &material.authorities).await;
        written.map_err(|error| ServeError::Register(Box::new(error)))
    }

    /// Takes up new certificates, whoever made them, and writes the configurations again in case somebody changed them.
    async fn keep(&self, serving: &Serving, mut current: Material) {
        let mut wait = self.look;
        loop {
            tokio::time::sleep(wait).await;
            match self.renewed(serving).await {
                Ok(material) => {
                    if material != current {
                        tracing::info!(until = %material.until, "the webhooks' certificate is renewed");
                        current = material;
                    }
                    wait = self.look;
                }
                Err(error) => {
                    tracing::warn!(%error, "the webhooks' certificate is not renewed");
                    wait = AGAIN;
                }
            }
        }
    }

    async fn renewed(&self, serving: &Serving) -> Result<Material, ServeError> {
        let material = self.ensure().await?;
        self.register(&material).await?;
        serving.renew(&material)?;
        Ok(material)
    }
}

#[cfg(test)]
mod tests;
