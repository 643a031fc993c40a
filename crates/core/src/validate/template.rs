//! The trial template.

use serde_json::{Map, Value};

use super::Context;
use crate::defaults::known_kind;
use crate::problem::Problem;
use crate::resources::{ConfigMapSource, Experiment, TrialTemplate};
use crate::template::{Template, all_containers, unreadable};

const PATH: &str = "spec.trialTemplate";
/// Longest success or failure condition, in bytes.
const LONGEST: usize = 1024;

pub(super) fn check(experiment: &Experiment, context: &Context<'_>, problems: &mut Vec<Problem>) {
    let Some(template) = &experiment.spec.trial_template else {
        problems.push(Problem::required(PATH, "must be specified"));
        return;
    };
    fields(template, problems);
    match (&template.trial_spec, &template.config_map) {
        (None, None) => {
            let message =
                "spec.trialTemplate.trialSpec or spec.trialTemplate.configMap must be specified";
            problems.push(Problem::required(format!("{PATH}.TrialSource"), message));
        }
        (Some(_), Some(_)) => {
            let message = "only one of spec.trialTemplate.trialSpec or spec.trialTemplate.configMap can be specified";
            problems.push(Problem::required(PATH, message));
        }
        (Some(job), None) => {
            job_of(experiment, None, problems);
            primary_container(template, job, problems);
        }
        (None, Some(source)) => config_map(experiment, source, context, problems),
    }
}

fn fields(template: &TrialTemplate, problems: &mut Vec<Problem>) {
    let mut required = |field: &str| {
        problems.push(Problem::required(
            format!("{PATH}.{field}"),
            "must be specified",
        ));
    };
    if template.primary_container_name.is_empty() && !template.is_simulated() {
        required("primaryContainerName");
    }
    if template.trial_parameters.is_empty() {
        required("trialParameters");
    }
    conditions(template, problems);
    let mut refuse = |field: &str, value: i64, message: &str| {
        problems.push(Problem::invalid(format!("{PATH}.{field}"), value, message));
    };
    let deadline = template.active_deadline_seconds;
    if let Some(seconds) = deadline.filter(|seconds| *seconds < 1) {
        refuse("activeDeadlineSeconds", seconds, "must be greater than 0");
    }
    if let Some(limit) = template.retry_limit.filter(|limit| *limit < 0) {
        refuse("retryLimit", limit.into(), "should not be less than 0");
    }
}

fn conditions(template: &TrialTemplate, problems: &mut Vec<Problem>) {
    let conditions = [
        ("successCondition", &template.success_condition),
        ("failureCondition", &template.failure_condition),
    ];
    if conditions.iter().any(|(_, condition)| condition.is_empty()) {
        let message = "successCondition and failureCondition must be specified";
        problems.push(Problem::required(PATH, message));
    }
    for (field, condition) in conditions {
        if condition.len() > LONGEST {
            let message = format!("may not be longer than {LONGEST} bytes");
            let path = format!("{PATH}.{field}");
            problems.push(Problem::invalid(path, condition.as_str(), message));
        }
    }
}

fn config_map(
    experiment: &Experiment,
    source: &ConfigMapSource,
    context: &Context<'_>,
    problems: &mut Vec<Problem>,
) {
    let ConfigMapSource {
        config_map_name,
        config_map_namespace,
        template_path,
    } = source;
    if config_map_name.is_empty() || config_map_namespace.is_empty() || template_path.is_empty() {
        let message = "configMapName, configMapNamespace and templatePath must be specified";
        problems.push(Problem::required(format!("{PATH}.configMap"), message));
        return;
    }
    let Some(read) = context.config_map else {
        return;
    };
    match read(config_map_namespace, config_map_name, template_path) {
        Ok(text) => job_of(experiment, Some(&text), problems),
        Err(why) => problems.push(unreadable(&why)),
    }
}

fn job_of(experiment: &Experiment, config_map: Option<&str>, problems: &mut Vec<Problem>) {
    if let Err(found) = Template::compile(experiment, config_map) {
        problems.extend(found);
    }
}

/// A primary container that is not in the job would leave every trial without metrics. Only kinds that are known are
/// judged: others may name their containers elsewhere.
fn primary_container(
    template: &TrialTemplate,
    job: &Map<String, Value>,
    problems: &mut Vec<Problem>,
) {
    let Some(kind) = known_kind(job) else {
        return;
    };
    let name = template.primary_container_name.as_str();
    let mut names: Vec<&str> = job.values().flat_map(all_containers).collect();
    let open = names.iter().any(|name| name.contains("${")) || names.is_empty();
    names.extend((kind.added_containers)(job));
    if !open && !name.is_empty() && !names.contains(&name) {
        let some: Vec<&str> = names.iter().copied().take(20).collect();
        let message = format!(
            "is no container of spec.trialTemplate: [{}]",
            some.join(" ")
        );
        let path = format!("{PATH}.primaryContainerName");
        problems.push(Problem::invalid(path, name, message).hinting_at(name, names));
    }
}
