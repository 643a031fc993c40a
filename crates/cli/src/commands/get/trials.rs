//! Rows and resources of trials.

use diwan_core::record::{ExperimentRecord, TrialRecord, TrialState};
use diwan_core::resources::UNAVAILABLE;
use diwan_core::view;
use diwan_server::clock::now;
use diwan_server::runner::Plans;
use diwan_store::TrialQuery;
use serde_json::Value;

use super::{Arguments, Listing, chosen};
use crate::commands::export::{LABELS, labels};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Format, Rows, short, span};

/// Trials of one experiment.
struct Group {
    record: ExperimentRecord,
    trials: Vec<TrialRecord>,
}

pub(super) async fn listing(arguments: &Arguments, context: &Context) -> Result<Listing, Failure> {
    let groups = if arguments.names.is_empty() {
        all(arguments, context).await?
    } else {
        named(arguments, context).await?
    };
    let columns = Columns::of(&groups, arguments.output == Format::Csv);
    let mut listing = Listing {
        rows: Rows {
            titles: columns.titles(),
            rows: Vec::new(),
        },
        wide: Rows {
            titles: columns.wide_titles(),
            rows: Vec::new(),
        },
        items: Vec::new(),
    };
    for Group { record, trials } in &groups {
        for trial in trials {
            let row = columns.row(record, trial);
            listing
                .rows
                .rows
                .push(row.iter().map(|cell| short(cell)).collect());
            listing
                .wide
                .rows
                .push([row, columns.more(record, trial)].concat());
        }
        if arguments.wants_objects() {
            listing.items.extend(resources(context, record, trials)?);
        }
    }
    Ok(listing)
}

/// The newest trials of each chosen experiment, oldest first.
async fn all(arguments: &Arguments, context: &Context) -> Result<Vec<Group>, Failure> {
    let mut groups = Vec::new();
    for record in chosen(&arguments.experiment, context).await? {
        let trials = newest(arguments, context, &record).await?;
        let total = record.progress.counts.trials;
        if arguments.state.is_empty()
            && usize::try_from(total).is_ok_and(|total| trials.len() < total)
        {
            let name = &record.metadata.name;
            eprintln!(
                "the newest {} of {total} trials of {name}; --limit shows more, `diwan export {name}` all",
                trials.len()
            );
        }
        if !trials.is_empty() {
            groups.push(Group { record, trials });
        }
    }
    Ok(groups)
}

async fn newest(
    arguments: &Arguments,
    context: &Context,
    record: &ExperimentRecord,
) -> Result<Vec<TrialRecord>, Failure> {
    let mut query = TrialQuery {
        states: arguments.state.clone(),
        limit: arguments.limit(),
        newest_first: true,
        ..TrialQuery::of(record.key())
    };
    let mut trials = Vec::new();
    while query.limit > 0 {
        let page = context.store.trials(&query).await?;
        let Some(last) = page.last() else { break };
        query.after = Some(last.number);
        query.limit -= u32::try_from(page.len())
            .unwrap_or(query.limit)
            .min(query.limit);
        trials.extend(page);
    }
    trials.reverse();
    Ok(trials)
}

async fn named(arguments: &Arguments, context: &Context) -> Result<Vec<Group>, Failure> {
    let mut groups: Vec<Group> = Vec::new();
    for name in &arguments.names {
        let (snapshot, trial) = context.trial(name).await?;
        match groups
            .iter_mut()
            .find(|group| group.record.key() == snapshot.record.key())
        {
            Some(group) => group.trials.push(trial),
            None => groups.push(Group {
                record: snapshot.record,
                trials: vec![trial],
            }),
        }
    }
    Ok(groups)
}

fn resources(
    context: &Context,
    record: &ExperimentRecord,
    trials: &[TrialRecord],
) -> Result<Vec<Value>, Failure> {
    let plans = Plans::new(record, &context.directory(record)).ok();
    let resource = |trial| {
        let run_spec = plans
            .as_ref()
            .and_then(|plans| plans.manifest(record, trial).ok());
        serde_json::to_value(view::trial(record, trial, run_spec))
    };
    Ok(trials.iter().map(resource).collect::<Result<_, _>>()?)
}

/// Parameters and metrics are columns where all trials are of one experiment.
struct Columns {
    one_experiment: bool,
    objective: String,
    other_metrics: Vec<String>,
    parameters: Vec<String>,
    /// Only programs read them.
    has_labels: bool,
}

impl Columns {
    fn of(groups: &[Group], has_labels: bool) -> Self {
        let [Group { record, .. }] = groups else {
            return Self {
                one_experiment: false,
                objective: "objective".into(),
                other_metrics: Vec::new(),
                parameters: Vec::new(),
                has_labels,
            };
        };
        let objective = record.spec.objective.clone().unwrap_or_default();
        Self {
            one_experiment: true,
            objective: objective.objective_metric_name,
            other_metrics: objective.additional_metric_names,
            parameters: record.spec.parameter_names().map(str::to_owned).collect(),
            has_labels,
        }
    }

    fn titles(&self) -> Vec<String> {
        let mut titles = vec!["name".to_owned(), "state".to_owned()];
        titles.extend((!self.one_experiment).then(|| "experiment".to_owned()));
        titles.push(self.objective.clone());
        titles.extend(self.parameters.iter().cloned());
        titles.push("duration".to_owned());
        titles
    }

    fn row(&self, record: &ExperimentRecord, trial: &TrialRecord) -> Vec<String> {
        let mut row = vec![trial.name.clone(), format!("{:?}", trial.state)];
        row.extend((!self.one_experiment).then(|| record.metadata.name.clone()));
        let objective = record
            .spec
            .objective
            .as_ref()
            .map_or("", |objective| &objective.objective_metric_name);
        row.push(result(record, trial, objective));
        row.extend(self.parameters.iter().map(|name| assignment(trial, name)));
        row.push(duration(trial));
        row
    }

    fn wide_titles(&self) -> Vec<String> {
        let mut titles = self.titles();
        titles.extend(self.other_metrics.iter().cloned());
        titles.extend(["number", "attempt"].map(str::to_owned));
        titles.extend(self.one_experiment.then(|| "experiment".to_owned()));
        titles.push("reason".to_owned());
        titles.extend(self.has_labels.then(|| LABELS.to_owned()));
        titles
    }

    fn more(&self, record: &ExperimentRecord, trial: &TrialRecord) -> Vec<String> {
        let mut more: Vec<String> = self
            .other_metrics
            .iter()
            .map(|name| result(record, trial, name))
            .collect();
        more.extend([trial.number.to_string(), trial.attempt.to_string()]);
        more.extend(self.one_experiment.then(|| record.metadata.name.clone()));
        more.push(
            trial
                .conditions
                .last()
                .map(|condition| condition.reason.clone())
                .unwrap_or_default(),
        );
        more.extend(self.has_labels.then(|| labels(&trial.labels)));
        more
    }
}

/// A trial's value of a metric; empty if there is none.
fn result(record: &ExperimentRecord, trial: &TrialRecord, metric: &str) -> String {
    let value = || {
        let metric = trial.observation.as_ref()?.metric(metric)?;
        Some(record.spec.objective.as_ref()?.chosen(metric))
    };
    value()
        .filter(|value| *value != UNAVAILABLE)
        .unwrap_or_default()
        .to_owned()
}

fn assignment(trial: &TrialRecord, name: &str) -> String {
    trial
        .assignments
        .iter()
        .find(|one| one.name == name)
        .map(|one| one.value.clone())
        .unwrap_or_default()
}

/// How long its last launch ran, or has been running; nothing while it waits for one.
fn duration(trial: &TrialRecord) -> String {
    let (Some(begin), false) = (trial.started, trial.state == TrialState::Pending) else {
        return String::new();
    };
    let millis = trial
        .finished
        .unwrap_or_else(now)
        .millis_since(begin)
        .max(0);
    if millis < 10_000 {
        format!("{}.{}s", millis / 1000, millis % 1000 / 100)
    } else {
        span(millis / 1000)
    }
}
