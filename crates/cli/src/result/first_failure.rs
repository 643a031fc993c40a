//! What an experiment says that ended without a best trial.

use diwan_core::gist::gist;
use diwan_core::record::{ExperimentRecord, TrialRecord, TrialState};
use diwan_core::resources::CollectorKind;
use diwan_store::TrialQuery;

use crate::Exit;
use crate::commands::logs::launch_id;
use crate::context::Context;
use crate::failure::Failure;
use crate::shell::quoted;

/// That no trial succeeded, and what became of the first that failed.
pub(super) async fn failure(
    context: &Context,
    record: &ExperimentRecord,
) -> Result<Failure, Failure> {
    let failure = Failure::new(Exit::Failed, summary(record));
    let query = TrialQuery {
        states: vec![TrialState::Failed, TrialState::MetricsUnavailable],
        limit: 1,
        ..TrialQuery::of(record.key())
    };
    let Some(trial) = context.store.trials(&query).await?.pop() else {
        return Ok(failure);
    };
    let message = trial.conditions.last().map(|last| gist(&last.message));
    let message = message.unwrap_or_default();
    let mut failure = failure.cause(format!("trial {}: {message}", trial.name));
    if trial.state == TrialState::MetricsUnavailable
        && let Some(hint) = of_metrics(context, record, &trial)
    {
        failure = failure.hint(hint);
    }
    let explain = format!("{} explain {}", context.program(), quoted(&trial.name));
    Ok(failure.hint(format!("`{explain}` says more")))
}

fn summary(record: &ExperimentRecord) -> String {
    let counts = &record.progress.counts;
    let objective = record.spec.objective.as_ref();
    let metric = objective.map_or("", |objective| &objective.objective_metric_name);
    if counts.trials_succeeded + counts.trials_early_stopped == 0 {
        "no trial succeeded".to_owned()
    } else {
        format!("no trial reported {metric} as a number")
    }
}

/// How to find out why the metrics are missing.
fn of_metrics(context: &Context, record: &ExperimentRecord, trial: &TrialRecord) -> Option<String> {
    let id = launch_id(context, record, trial, trial.attempt);
    let collector = record.spec.metrics_collector_spec.clone();
    match collector.unwrap_or_default().kind() {
        CollectorKind::StdOut => {
            let log = id.stdout().display().to_string();
            let log = quoted(&log);
            Some(format!(
                "`diwan validate FILE --log {log}` shows what the lines that it printed become"
            ))
        }
        CollectorKind::File => Some(format!(
            "`diwan validate FILE --log METRICS` shows what the lines of its metrics file become; its files are in {}",
            id.directory.display()
        )),
        CollectorKind::Push => Some(format!(
            "trials report by gRPC (api.v1.beta1.DBManager) to `{} serve`, which must run beside them",
            context.program()
        )),
        _ => None,
    }
}
