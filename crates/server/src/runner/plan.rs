//! How a trial of this machine is made of its experiment's template.

use std::path::{Path, PathBuf};
use std::time::Duration;

use diwan_collect::Collector;
use diwan_core::problem::Problems;
use diwan_core::record::{ExperimentRecord, TrialRecord};
use diwan_core::resources::{CollectorKind, Experiment, ParameterAssignment};
use diwan_core::template::{Template, TrialIdentity};
use diwan_core::view::{SOURCE_ANNOTATION, TEMPLATE_ANNOTATION, WORK_ANNOTATION};
use diwan_drivers::{Conditions, LaunchId, TrialPlan, experiment_directory, trial_directory};
use serde_json::{Map, Value};

/// Where an experiment's trials and its lock live: below the work directory that it was created with, else below `default`.
#[must_use]
pub fn directory(record: &ExperimentRecord, default: &Path) -> PathBuf {
    let kept = record.metadata.annotations.get(WORK_ANNOTATION);
    let root = kept.map_or(default, Path::new);
    experiment_directory(root, &record.key(), &record.metadata.uid)
}

/// Makes plans of one experiment's trials.
#[derive(Debug)]
pub struct Plans {
    template: Template,
    directory: PathBuf,
    source_directory: Option<PathBuf>,
    primary_container: String,
    conditions: Conditions,
    collector: Option<Collector>,
    metrics_file: Option<String>,
}

impl Plans {
    /// Compiles the template of an experiment whose trials live in `directory`.
    ///
    /// # Errors
    /// When it cannot be used, with every reason.
    pub fn new(record: &ExperimentRecord, directory: &Path) -> Result<Self, String> {
        let experiment = Experiment {
            metadata: record.metadata.clone(),
            spec: record.spec.clone(),
            ..Experiment::default()
        };
        let annotations = &record.metadata.annotations;
        let text = annotations.get(TEMPLATE_ANNOTATION).map(String::as_str);
        let template = Template::compile(&experiment, text)
            .map_err(|problems| Problems(problems).to_string())?;
        let of_jobs = record.spec.trial_template.clone().unwrap_or_default();
        Ok(Self {
            template,
            directory: directory.to_owned(),
            source_directory: annotations.get(SOURCE_ANNOTATION).map(PathBuf::from),
            primary_container: of_jobs.primary_container_name,
            conditions: Conditions {
                success: of_jobs.success_condition,
                failure: of_jobs.failure_condition,
            },
            collector: collector(record),
            metrics_file: metrics_file(record),
        })
    }

    /// The same for trials that write where this program cannot read.
    #[must_use]
    pub(super) fn without_output(self) -> Self {
        Self {
            collector: None,
            metrics_file: None,
            ..self
        }
    }

    /// What reads a trial's output; none if nobody here does.
    pub(super) fn collector(&self) -> Option<&Collector> {
        self.collector.as_ref()
    }

    /// The rendered job of a trial.
    ///
    /// # Errors
    /// When a value is missing.
    pub fn manifest(
        &self,
        record: &ExperimentRecord,
        trial: &TrialRecord,
    ) -> Result<Map<String, Value>, String> {
        self.rendered(record, &trial.name, &trial.assignments)
    }

    fn rendered(
        &self,
        record: &ExperimentRecord,
        name: &str,
        assignments: &[ParameterAssignment],
    ) -> Result<Map<String, Value>, String> {
        let identity = TrialIdentity {
            name,
            namespace: &record.metadata.namespace,
        };
        self.template
            .render(&identity, assignments)
            .map_err(|error| error.to_string())
    }

    /// How long the template lets a trial take to stop, if it says.
    #[must_use]
    pub fn grace(&self, record: &ExperimentRecord, trial: &TrialRecord) -> Option<Duration> {
        self.plan(record, trial).ok()?.grace_period()
    }

    /// The directory of a trial.
    pub(super) fn directory(&self, trial: &TrialRecord) -> PathBuf {
        trial_directory(&self.directory, &trial.name)
    }

    /// A trial's current launch.
    pub(super) fn launch_id(&self, record: &ExperimentRecord, trial: &TrialRecord) -> LaunchId {
        LaunchId {
            experiment: record.key(),
            trial: trial.name.clone(),
            attempt: trial.attempt,
            directory: self.directory(trial),
        }
    }

    /// The plan of a trial's current launch.
    pub(super) fn plan(
        &self,
        record: &ExperimentRecord,
        trial: &TrialRecord,
    ) -> Result<TrialPlan, String> {
        let manifest = self.manifest(record, trial)?;
        Ok(self.plan_of(record, &trial.name, trial.attempt, manifest))
    }

    /// The plan of a trial that never runs, at a point of the given values. What has none, because an architecture search
    /// makes it, is empty.
    pub(super) fn sample(
        &self,
        record: &ExperimentRecord,
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<TrialPlan, String> {
        let name = "sample";
        let assignments: Vec<_> = self
            .template
            .searched()
            .map(|parameter| ParameterAssignment {
                name: parameter.to_owned(),
                value: value(parameter).unwrap_or_default(),
            })
            .collect();
        let manifest = self.rendered(record, name, &assignments)?;
        Ok(self.plan_of(record, name, 1, manifest))
    }

    fn plan_of(
        &self,
        record: &ExperimentRecord,
        trial: &str,
        attempt: u32,
        mut manifest: Map<String, Value>,
    ) -> TrialPlan {
        let directory = trial_directory(&self.directory, trial);
        if let Some(path) = &self.metrics_file {
            let own = self.metrics_path(&directory, attempt).unwrap_or_default();
            replace(&mut manifest, path, &own.to_string_lossy());
        }
        TrialPlan {
            experiment: record.key(),
            trial: trial.to_owned(),
            attempt,
            directory,
            source_directory: self.source_directory.clone(),
            manifest,
            primary_container: self.primary_container.clone(),
            conditions: self.conditions.clone(),
        }
    }

    /// The file that the collector reads, if it reads one: the template's path moved into the trial's own directory, because
    /// trials of this machine share one file system and would write each other's metrics. Each attempt has a file of its own,
    /// or it would report what the one before it wrote.
    pub(super) fn metrics_path(&self, directory: &Path, attempt: u32) -> Option<PathBuf> {
        let path = self.metrics_file.as_ref()?;
        let files = directory.join(format!("attempt-{attempt}.files"));
        Some(files.join(Path::new(path).file_name()?))
    }
}

/// Validation has compiled the same filters. Ones that fail here collect nothing, and trials end without metrics, which says so.
fn collector(record: &ExperimentRecord) -> Option<Collector> {
    let spec = record.spec.metrics_collector_spec.clone();
    let objective = record.spec.objective.clone();
    Collector::new(&spec.unwrap_or_default(), &objective.unwrap_or_default()).ok()
}

fn metrics_file(record: &ExperimentRecord) -> Option<String> {
    let collector = record.spec.metrics_collector_spec.as_ref()?;
    if collector.kind() != CollectorKind::File {
        return None;
    }
    Some(
        collector
            .source
            .as_ref()?
            .file_system_path
            .as_ref()?
            .path
            .clone(),
    )
}

/// Replaces a path wherever the job mentions it: in commands, arguments and variables.
fn replace(manifest: &mut Map<String, Value>, path: &str, own: &str) {
    for value in manifest.values_mut() {
        replace_in(value, path, own);
    }
}

fn replace_in(value: &mut Value, path: &str, own: &str) {
    match value {
        Value::String(text) if text.contains(path) => *text = with_path(text, path, own),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace_in(item, path, own)),
        Value::Object(fields) => replace(fields, path, own),
        _ => {}
    }
}

/// `text` with `own` for every `path` that is not just a part of a longer name.
fn with_path(text: &str, path: &str, own: &str) -> String {
    let continues =
        |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || "._-/".contains(next));
    let mut pieces = text.split(path);
    let mut replaced = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let before = replaced.chars().next_back();
        let inside = continues(piece)
            || before.is_some_and(|last| last.is_alphanumeric() || "._-/".contains(last));
        replaced.push_str(if inside { path } else { own });
        replaced.push_str(piece);
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_itself_is_moved() {
        let text = "cp /tmp/m /tmp/mydata; tail -f \"/tmp/m\" >/tmp/m; cat /x/tmp/m /tmp/m/n";
        let moved = with_path(text, "/tmp/m", "/own");
        assert_eq!(
            moved,
            "cp /own /tmp/mydata; tail -f \"/own\" >/own; cat /x/tmp/m /tmp/m/n"
        );
    }
}
