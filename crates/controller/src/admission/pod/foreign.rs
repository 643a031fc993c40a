//! Collectors of others, named in `katib-config`: called as Katib calls them.
//!
//! They expect Katib's way: a container beside the trial's that sees its processes, and a shell around the trial's command that
//! leaves a word in a file when it ends.

use diwan_core::defaults::METRICS_FILE;
use diwan_core::resources::{
    CollectorKind, Comparison, MetricsCollectorSpec, ObjectiveType, Trial,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Injection, Obstacle, collector_name, command, list, place};

/// A collector's image, from `katib-config`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Foreign {
    /// What it collects.
    pub kind: CollectorKind,
    /// The image.
    pub image: String,
    /// When to pull it.
    pub image_pull_policy: Option<String>,
    /// Requests and limits.
    pub resources: Option<Value>,
    /// `waitAllProcesses`.
    pub wait_all_processes: Option<bool>,
    /// Whether it gets the security context of the pod's first container.
    pub inject_security_context: bool,
}

/// Where the metrics are, for Katib's arguments.
struct Metrics {
    path: Option<String>,
    directory: Option<String>,
}

/// Adds the collector and wraps the primary container's command.
pub(super) fn collect(
    pod: &mut Value,
    index: usize,
    trial: &Trial,
    spec: &MetricsCollectorSpec,
    config: &Injection,
    foreign: &Foreign,
) -> Result<(), Obstacle> {
    let kind = spec.kind();
    let metrics = metrics(spec)?;
    let mut container = json!({
        "name": collector_name(kind),
        "image": foreign.image,
        "args": arguments(trial, spec, config, foreign, &metrics),
    });
    if let Some(policy) = &foreign.image_pull_policy {
        container["imagePullPolicy"] = json!(policy);
    }
    if let Some(resources) = &foreign.resources {
        container["resources"] = resources.clone();
    }
    let first = &pod["spec"]["containers"][0]["securityContext"];
    if foreign.inject_security_context && first.is_object() {
        container["securityContext"] = first.clone();
    }
    let mut new = pod.clone();
    if let Some(directory) = &metrics.directory {
        let mount = place::share(&mut new, index, directory)?;
        list(&mut container, "volumeMounts").push(mount);
        let primary = &mut new["spec"]["containers"][index];
        if !command::has_command(primary) {
            return Err(Obstacle::NoShell);
        }
        wrap(primary, kind, trial, directory);
    }
    list(&mut new["spec"], "containers").push(container);
    new["spec"]["shareProcessNamespace"] = json!(true);
    *pod = new;
    Ok(())
}

fn metrics(spec: &MetricsCollectorSpec) -> Result<Metrics, Obstacle> {
    if spec.kind() == CollectorKind::StdOut {
        return Ok(Metrics {
            directory: Some(place::directory_of(METRICS_FILE, false)?),
            path: Some(METRICS_FILE.to_owned()),
        });
    }
    let source = spec.source.as_ref();
    let place = source.and_then(|source| source.file_system_path.as_ref());
    Ok(Metrics {
        directory: place::directory(spec)?,
        path: place.map(|place| place.path.clone()),
    })
}

/// Katib's arguments, in Katib's order. `;` separates: names and patterns that have one cannot be told apart, by Katib neither.
fn arguments(
    trial: &Trial,
    spec: &MetricsCollectorSpec,
    config: &Injection,
    foreign: &Foreign,
    metrics: &Metrics,
) -> Vec<String> {
    let objective = trial.spec.objective.clone().unwrap_or_default();
    let names: Vec<&str> = objective.metric_names().collect();
    let direction = match objective.kind {
        ObjectiveType::Maximize => "maximize",
        ObjectiveType::Minimize | ObjectiveType::Unknown => "minimize",
    };
    let mut words: Vec<String> = Vec::new();
    let mut say = |flag: &str, value: &str| words.extend([flag.to_owned(), value.to_owned()]);
    say("-t", &trial.metadata.name);
    say("-m", &names.join(";"));
    say("-o-type", direction);
    say("-s-db", &config.db_manager);
    if let Some(path) = &metrics.path {
        say("-path", path);
    }
    if !spec.filters().is_empty() {
        say("-f", &spec.filters().join(";"));
    }
    let place = spec
        .source
        .as_ref()
        .and_then(|source| source.file_system_path.as_ref());
    if let Some(Value::String(format)) = place.map(|place| json!(place.format)) {
        say("-format", &format);
    }
    if let Some(wait) = foreign.wait_all_processes {
        say("-w", &wait.to_string());
    }
    for rule in &trial.spec.early_stopping_rules {
        let comparison = match rule.comparison {
            Comparison::Equal => "equal",
            Comparison::Less => "less",
            Comparison::Greater => "greater",
        };
        let step = rule.start_step.unwrap_or_default();
        say(
            "-stop-rule",
            &format!("{};{};{comparison};{step}", rule.name, rule.value),
        );
    }
    if let Some(address) = config
        .early_stopping
        .as_ref()
        .filter(|_| !trial.spec.early_stopping_rules.is_empty())
    {
        say("-s-earlystop", address);
    }
    // Kubernetes replaces `$(NAME)`, and makes one `$` of two.
    words
        .into_iter()
        .map(|word| word.replace('$', "$$"))
        .collect()
}

/// Katib's shell, joined with spaces as Katib does: its examples rely on the quotes being read again. Katib only knows a shell
/// that is called `sh` or `bash`; here it may have a path.
fn wrap(container: &mut Value, kind: CollectorKind, trial: &Trial, directory: &str) {
    let words = ["command", "args"]
        .into_iter()
        .flat_map(|field| container[field].as_array().cloned().unwrap_or_default());
    let words: Vec<String> = words
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect();
    let is_shell =
        |word: &str| ["sh", "bash"].contains(&word.rsplit('/').next().unwrap_or_default());
    let (shell, mut script) = match words.as_slice() {
        [shell, flag, script @ ..] if is_shell(shell) && flag == "-c" => {
            (vec![shell.clone(), flag.clone()], script.to_vec())
        }
        words => (vec!["sh".to_owned(), "-c".to_owned()], words.to_vec()),
    };
    if kind == CollectorKind::StdOut {
        script.push(format!("1>{METRICS_FILE} 2>&1"));
    }
    // Kubernetes makes `$$` of `$$$$`, which is the shell's process; inside of `$( )` it changes nothing.
    if !trial.spec.early_stopping_rules.is_empty() {
        script.push(format!(
            "|| if test -f {directory}/$$$$.pid && [ $(head -n 1 {directory}/$$.pid) = early-stopped ]; then \
             echo Training Container was Early Stopped; else echo Training Container was Failed; exit 1; fi"
        ));
    }
    script.push(format!("&& echo completed > {directory}/$$$$.pid"));
    container["command"] = json!(shell);
    container["args"] = json!([script.join(" ")]);
}
