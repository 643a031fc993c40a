//! Reads an experiment from a file.

mod admission;

pub(crate) use admission::refusals;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use diwan_core::load::{ConfigMaps, Loaded, read_experiments};
use diwan_core::manifest::{MAX_BYTES, documents};
use diwan_core::problem::{Problem, Problems};
use diwan_core::record::{ExperimentRecord, Progress};
use diwan_core::resources::Experiment;
use diwan_core::validate::Context as Rules;
use diwan_core::view::{SOURCE_ANNOTATION, TEMPLATE_ANNOTATION};
use diwan_server::runner::obstacles;

use crate::environment;
use crate::failure::Failure;

/// A file and the experiments in it.
pub(super) struct Source {
    /// The path as it was given, for messages.
    pub(super) path: String,
    directory: PathBuf,
    text: String,
}

impl Source {
    /// Reads a file; `-` is standard input.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let cannot = |error: io::Error| {
            let failure = Failure::usage(format!("cannot read {shown}"));
            match error.kind() {
                io::ErrorKind::InvalidData => failure.cause("it is not UTF-8 text"),
                _ => failure.cause(error),
            }
        };
        let (text, directory) = if shown == "-" {
            let directory = environment::absolute(Path::new("."));
            (read_some(io::stdin()), directory)
        } else {
            let directory = environment::absolute(path)
                .map(|path| path.parent().map(Path::to_owned).unwrap_or_default());
            (File::open(path).and_then(read_some), directory)
        };
        let text = text.map_err(cannot)?;
        Ok(Self {
            path: shown.clone(),
            directory: directory.map_err(cannot)?,
            text,
        })
    }

    /// Its experiments with defaults filled in, or everything that is wrong with them. Their algorithms are of this program, of
    /// one of the `services`, or known to be `elsewhere`.
    pub(super) fn experiments(
        &self,
        services: &[String],
        elsewhere: &[&str],
    ) -> Result<Vec<Experiment>, Failure> {
        let built_in = diwan_algorithms::registry::ALGORITHMS.iter();
        let mut algorithms: Vec<&str> = built_in.map(|algorithm| algorithm.name()).collect();
        algorithms.extend(services.iter().map(String::as_str));
        let here = algorithms.len();
        algorithms.extend(elsewhere);
        let here = &algorithms[..here];
        let rules: Vec<&str> = diwan_algorithms::stopping::STOPPING_RULES
            .iter()
            .map(|rule| rule.name())
            .collect();
        let maps = self.config_maps();
        let read = |namespace: &str, name: &str, path: &str| maps.read(namespace, name, path);
        let context = Rules {
            algorithms: &algorithms,
            early_stopping: &rules,
            config_map: Some(&read),
        };
        let mut experiments = diwan_core::load::check(&self.text, &context)
            .map_err(|problems| self.refused(problems, &context, here))?;
        self.admit(&experiments, services)?;
        for experiment in &mut experiments {
            self.annotate(experiment, &maps);
        }
        Ok(experiments)
    }

    /// Asks the optimizers of this program, which judge only what is right otherwise.
    fn admit(&self, experiments: &[Experiment], services: &[String]) -> Result<(), Failure> {
        let written = read_experiments(&self.text).unwrap_or_default();
        let mut problems = Vec::new();
        for (experiment, written) in experiments.iter().zip(&written) {
            let refusals = admission::refusals(&experiment.spec, services).into_iter();
            problems.extend(refusals.map(|problem| written.located(problem)));
        }
        problems.sort_by_key(|problem| problem.at);
        let problems = Problems(problems).or(());
        problems.map_err(|problems| Failure::of_file(&self.path, &problems))
    }

    /// What keeps each of its experiments from running on this machine, with trials below `work_directory`.
    pub(super) fn obstacles(
        &self,
        experiments: &[Experiment],
        work_directory: &Path,
    ) -> Vec<Vec<Problem>> {
        let written = read_experiments(&self.text).unwrap_or_default();
        let found = |(experiment, written): (&Experiment, &Loaded)| {
            let record = ExperimentRecord {
                metadata: experiment.metadata.clone(),
                spec: experiment.spec.clone(),
                progress: Progress::default(),
            };
            let obstacles = obstacles(&record, work_directory).into_iter();
            obstacles.map(|problem| written.located(problem)).collect()
        };
        experiments.iter().zip(&written).map(found).collect()
    }

    /// The algorithms `here` can be run without naming a service.
    fn refused(&self, mut problems: Problems, rules: &Rules<'_>, here: &[&str]) -> Failure {
        for problem in &mut problems.0 {
            let reworded = match problem.path.as_str() {
                "spec.algorithm.algorithmName" => {
                    unknown(problem, here, rules.algorithms).map(naming_services)
                }
                "spec.earlyStopping.algorithmName" => {
                    unknown(problem, rules.early_stopping, rules.early_stopping)
                }
                _ => None,
            };
            if let Some(reworded) = reworded {
                *problem = reworded;
            }
        }
        Failure::of_file(&self.path, &problems)
    }

    /// Its only experiment.
    pub(super) fn experiment(&self, services: &[String]) -> Result<Experiment, Failure> {
        let mut experiments = self.experiments(services, &[])?;
        match (experiments.pop(), experiments.len()) {
            (Some(experiment), 0) => Ok(experiment),
            (_, more) => Err(Failure::usage(format!(
                "{} holds {} experiments; one is run at a time",
                self.path,
                more + 1
            ))),
        }
    }

    /// Writes down what a later process needs to render trials without this file.
    fn annotate(&self, experiment: &mut Experiment, maps: &ConfigMaps) {
        let annotations = &mut experiment.metadata.annotations;
        annotations.insert(
            SOURCE_ANNOTATION.into(),
            self.directory.display().to_string(),
        );
        let template = experiment.spec.trial_template.as_ref();
        let Some(source) = template.and_then(|template| template.config_map.as_ref()) else {
            return;
        };
        let text = maps.read(
            &source.config_map_namespace,
            &source.config_map_name,
            &source.template_path,
        );
        if let Ok(text) = text {
            annotations.insert(TEMPLATE_ANNOTATION.into(), text);
        }
    }

    /// The ConfigMaps of this file and, if it mentions one, of the YAML files beside it. Those that cannot be read are
    /// somebody else's.
    fn config_maps(&self) -> ConfigMaps {
        if !self.text.contains("configMap") {
            return ConfigMaps::of(Vec::new());
        }
        let mut found = documents(&self.text).unwrap_or_default();
        for path in yaml_files(&self.directory) {
            let text = File::open(&path).and_then(read_some).unwrap_or_default();
            if text.contains("ConfigMap") {
                found.extend(documents(&text).unwrap_or_default());
            }
        }
        ConfigMaps::of(found)
    }
}

/// That a name is none of `listed`, in words of this program: Katib's are about its ConfigMap. None if it is no name that is
/// wrong.
fn unknown(problem: &Problem, listed: &[&str], known: &[&str]) -> Option<Problem> {
    let name: String = serde_json::from_str(problem.value.as_deref()?).ok()?;
    let reworded = Problem::unsupported(&problem.path, &name, listed);
    Some(Problem {
        at: problem.at,
        ..reworded.hinting_at(&name, known.iter().copied())
    })
}

fn naming_services(problem: Problem) -> Problem {
    let others =
        "a service with others is named by --suggestion-service ALGORITHM=http://HOST:PORT";
    let hint = match &problem.hint {
        Some(nearest) => format!("{nearest} ({others})"),
        None => others.to_owned(),
    };
    problem.with_hint(hint)
}

/// Text up to a little more than what is taken, so that too much of it is noticed.
fn read_some(source: impl Read) -> io::Result<String> {
    let mut text = String::new();
    source
        .take(MAX_BYTES as u64 + 1)
        .read_to_string(&mut text)?;
    Ok(text)
}

/// Regular files only: reading a pipe waits for its writer.
fn yaml_files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let is_yaml = |path: &PathBuf| {
        path.extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
    };
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_yaml(path) && path.is_file())
        .collect();
    paths.sort();
    paths
}
