//! What keeps an experiment's trials from running on this machine, known before any of them is spent.

use std::path::Path;

use diwan_collect::{CollectError, Collector};
use diwan_core::problem::Problem;
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::{CollectorKind, FeasibleSpace, TrialTemplate};
use diwan_drivers::podspec::TemplateError;
use diwan_drivers::{DriverError, ProcessDriver, SimulatedDriver};

use super::{Plans, directory};

const TEMPLATE: &str = "spec.trialTemplate";
const COLLECTOR: &str = "spec.metricsCollectorSpec";

/// All that would make every trial of a valid experiment fail here, each with the path of its field. Judged by a trial with the
/// first value of each parameter, which is planned and not started; `work_directory` need not exist.
#[must_use]
pub fn obstacles(record: &ExperimentRecord, work_directory: &Path) -> Vec<Problem> {
    let of_template = template(record, work_directory).err();
    of_template.into_iter().chain(collector(record)).collect()
}

fn template(record: &ExperimentRecord, work_directory: &Path) -> Result<(), Problem> {
    let refused = |why: String| Problem::refused(TEMPLATE, why);
    let plans = Plans::new(record, &directory(record, work_directory)).map_err(refused)?;
    let plan = plans
        .sample(record, |name| first_value(record, name))
        .map_err(refused)?;
    let checked = match is_simulated(record) {
        true => SimulatedDriver::check(&plan).map(Some),
        false => ProcessDriver::check(&plan).map(|()| None),
    };
    match checked {
        Ok(reported) => reported.map_or(Ok(()), |metric| reports(record, metric)),
        Err(DriverError::Template(error)) => Err(of_job(record, &error)),
        Err(other) => Err(refused(other.to_string())),
    }
}

fn is_simulated(record: &ExperimentRecord) -> bool {
    let template = record.spec.trial_template.as_ref();
    template.is_some_and(TrialTemplate::is_simulated)
}

/// Whether the objective is what a simulation reports.
fn reports(record: &ExperimentRecord, metric: &str) -> Result<(), Problem> {
    let objective = record.spec.objective.as_ref();
    let wanted = objective.map_or("", |objective| &objective.objective_metric_name);
    if wanted == metric {
        return Ok(());
    }
    let path = "spec.objective.objectiveMetricName";
    let message = format!("the simulated problem reports {metric} and nothing else");
    Err(Problem::invalid(path, wanted, message))
}

/// Places in the rendered job are those of the file, unless the job comes from a ConfigMap.
fn of_job(record: &ExperimentRecord, error: &TemplateError) -> Problem {
    let text = error.to_string();
    let template = record.spec.trial_template.as_ref();
    let in_file = template.is_some_and(|template| template.config_map.is_none());
    match error.path() {
        None => Problem::refused(format!("{TEMPLATE}.primaryContainerName"), text),
        Some(path) if in_file => {
            let message = text.strip_prefix(&format!("{path}: ")).unwrap_or(&text);
            Problem::refused(format!("{TEMPLATE}.trialSpec.{path}"), message)
        }
        Some(_) => Problem::refused(format!("{TEMPLATE}.configMap"), text),
    }
}

fn first_value(record: &ExperimentRecord, name: &str) -> Option<String> {
    let mut parameters = record.spec.parameters.iter();
    let parameter = parameters.find(|parameter| parameter.name == name)?;
    let FeasibleSpace { min, list, .. } = &parameter.feasible_space;
    Some(list.first().unwrap_or(min).clone())
}

fn collector(record: &ExperimentRecord) -> Option<Problem> {
    let spec = record.spec.metrics_collector_spec.clone();
    let objective = record.spec.objective.clone();
    match Collector::new(&spec.unwrap_or_default(), &objective.unwrap_or_default()).err()? {
        CollectError::Kind(CollectorKind::Push) => None,
        CollectError::Kind(kind) => Some(Problem::invalid(
            format!("{COLLECTOR}.collector.kind"),
            format!("{kind:?}"),
            "is not read on this machine; StdOut, File and Push are",
        )),
        error => Some(Problem::refused(COLLECTOR, error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use diwan_core::load::check;
    use diwan_core::record::Progress;
    use diwan_core::validate::Context;

    use super::*;

    const FILE: &str = r#"
apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata: {name: tune, namespace: default}
spec:
  objective: {type: maximize, objectiveMetricName: score}
  algorithm: {algorithmName: random}
  parameters:
  - {name: x, parameterType: double, feasibleSpace: {min: "0.5", max: "1"}}
  - {name: y, parameterType: categorical, feasibleSpace: {list: [".", ".."]}}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
    - {name: x, reference: x}
    - {name: y, reference: y}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
            - name: main
              image: unused
              command: [train, "${trialParameters.x}", "${trialParameters.y}"]
"#;

    /// What is in the way when `from` is `to` in the file.
    fn found(from: &str, to: &str) -> Vec<String> {
        assert!(FILE.contains(from));
        let context = Context {
            algorithms: &["random"],
            early_stopping: &[],
            config_map: None,
        };
        let experiment = check(&FILE.replace(from, to), &context).unwrap().remove(0);
        let record = ExperimentRecord {
            metadata: experiment.metadata,
            spec: experiment.spec,
            progress: Progress::default(),
        };
        let found = obstacles(&record, Path::new("/trials"));
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_runs_here_has_none() {
        assert_eq!(found("unused", "whatever"), [] as [&str; 0]);
        assert_eq!(
            found(
                "              command",
                "              workingDir: /\n              command"
            ),
            [] as [&str; 0]
        );
    }

    #[test]
    fn what_needs_a_cluster_is_named() {
        let container = "spec.trialTemplate.trialSpec.spec.template.spec.containers[0]";
        let cases = [
            (
                "command: [train,",
                "args: [train,",
                format!(
                    "{container}: Invalid value: container \"main\" has no command; image entrypoints are not used on a laptop, \
                     give the container a command"
                ),
            ),
            (
                "image: unused",
                "envFrom: [{secretRef: {name: keys}}]",
                format!(
                    "{container}.envFrom: Invalid value: config maps and secrets need a cluster; on a laptop list the variables \
                     in env"
                ),
            ),
            (
                "image: unused",
                "workingDir: /no/such/place",
                "spec.trialTemplate: Invalid value: workingDir \"/no/such/place\": /no/such/place is not a directory of this \
                 machine; leave workingDir out to use the trial's own, or name one relative to the experiment's file"
                    .to_owned(),
            ),
            (
                "  algorithm:",
                "  metricsCollectorSpec: {collector: {kind: PrometheusMetric}, source: {httpGet: {port: 80, path: /m}}}\n  algorithm:",
                "spec.metricsCollectorSpec.collector.kind: Invalid value: \"PrometheusMetric\": is not read on this machine; \
                 StdOut, File and Push are"
                    .to_owned(),
            ),
        ];
        for (from, to, expected) in cases {
            assert_eq!(found(from, to), [expected]);
        }
    }
}
