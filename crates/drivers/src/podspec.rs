//! What a rendered job of any kind runs on a laptop: its primary container's command.
//!
//! Kubernetes' own rules hold where a process can keep them: `$(NAME)` in commands, arguments and values, the order of
//! `env`, field references. What needs a cluster is refused when the trial could not do without it (secrets, config maps)
//! and passed over when it may (image, resources, volumes).

mod env;
mod expand;
mod find;

use std::time::Duration;

use serde_json::{Map, Value};
use thiserror::Error;

use env::Variables;
use find::Candidate;

/// A container's command, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodCommand {
    /// Program and arguments; at least one.
    pub argv: Vec<String>,
    /// The container's variables and then the caller's, which win.
    pub env: Vec<(String, String)>,
    /// As the container gives it, not resolved.
    pub working_dir: Option<String>,
    /// The pod's `terminationGracePeriodSeconds`.
    pub grace_period: Option<Duration>,
    /// The smallest `activeDeadlineSeconds` of the pod and the job around it.
    pub deadline: Option<Duration>,
}

/// What a field reference can name, and the variables that the caller adds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// Stands for the pod's name.
    pub trial: &'a str,
    /// Of the experiment.
    pub namespace: &'a str,
    /// Known from the start in `$(NAME)`, and stronger than the container's variables of the same name.
    pub env: &'a [(String, String)],
}

/// Why a template cannot run on a laptop.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// No container has the primary container's name.
    #[error(
        "the trial template has no container {wanted:?}; {}{}",
        containers(found),
        near(nearest)
    )]
    NoContainer {
        /// The name in `primaryContainerName`.
        wanted: String,
        /// The names that there are.
        found: Vec<String>,
        /// The one that was probably meant.
        nearest: Option<String>,
    },
    /// The container relies on its image's entrypoint.
    #[error(
        "{path}: container {name:?} has no command; image entrypoints are not used on a laptop, give the container a command"
    )]
    NoCommand {
        /// Where the container stands.
        path: String,
        /// Its name.
        name: String,
    },
    /// A field is not what it must be.
    #[error("{path}: {problem}")]
    Field {
        /// Where.
        path: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
}

impl TemplateError {
    /// Where in the job, if it is one place.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::NoContainer { .. } => None,
            Self::NoCommand { path, .. } | Self::Field { path, .. } => Some(path),
        }
    }
}

fn containers(found: &[String]) -> String {
    match found {
        [] => "it has no containers at all".to_owned(),
        names => format!(
            "it has {}",
            names
                .iter()
                .map(|name| format!("{name:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

fn near(nearest: &Option<String>) -> String {
    nearest
        .as_ref()
        .map(|name| format!("; did you mean {name:?}?"))
        .unwrap_or_default()
}

impl PodCommand {
    /// Finds the container `primary` in a manifest of any kind and works out what it runs.
    ///
    /// Where several replicas have a container of that name, the one that Kubeflow treats as the master is taken.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn find(
        manifest: &Map<String, Value>,
        primary: &str,
        scope: &Scope<'_>,
    ) -> Result<Self, TemplateError> {
        let candidate = find::primary(manifest, primary)?;
        let env = Variables::resolve(&candidate, scope)?;
        let argv = argv(manifest, &candidate)?
            .into_iter()
            .map(|(path, text)| expanded(&path, &text, &env, manifest))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            argv,
            env: env.into_list(),
            working_dir: candidate.text("workingDir")?.filter(|dir| !dir.is_empty()),
            grace_period: candidate.grace_period(),
            deadline: candidate.deadline.map(Duration::from_secs),
        })
    }
}

/// How long the template lets a trial take to stop, if it says.
#[must_use]
pub(crate) fn grace_period(manifest: &Map<String, Value>, primary: &str) -> Option<Duration> {
    find::primary(manifest, primary).ok()?.grace_period()
}

/// Program and arguments, each with its path.
fn argv(
    manifest: &Map<String, Value>,
    candidate: &Candidate<'_>,
) -> Result<Vec<(String, String)>, TemplateError> {
    if let Some(entrypoint) = ray_entrypoint(manifest) {
        let shell = ["/bin/sh", "-c", entrypoint].map(str::to_owned);
        return Ok(shell
            .map(|word| ("spec.entrypoint".to_owned(), word))
            .into());
    }
    let mut argv = candidate.texts("command")?;
    if argv.is_empty() {
        return Err(TemplateError::NoCommand {
            path: candidate.path.clone(),
            name: candidate.name.clone(),
        });
    }
    argv.extend(candidate.texts("args")?);
    Ok(argv)
}

/// A RayJob's work is its entrypoint; the head container only serves the cluster.
fn ray_entrypoint(manifest: &Map<String, Value>) -> Option<&str> {
    let kind = manifest.get("kind")?.as_str()?;
    (kind == "RayJob")
        .then(|| manifest.get("spec")?.get("entrypoint")?.as_str())
        .flatten()
}

fn expanded(
    path: &str,
    text: &str,
    env: &Variables,
    manifest: &Map<String, Value>,
) -> Result<String, TemplateError> {
    let is_workflow = manifest.get("kind").is_some_and(|kind| kind == "Workflow");
    if is_workflow && text.contains("{{") {
        return Err(TemplateError::Field {
            path: path.to_owned(),
            problem: "workflow expressions ({{…}}) are not evaluated on a laptop; use ${trialParameters.…}".to_owned(),
        });
    }
    Ok(expand::expand(text, |name| env.get(name)))
}

#[cfg(test)]
mod tests;
