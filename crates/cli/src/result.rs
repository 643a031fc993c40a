//! How a run ended.

mod best;
mod first_failure;
mod print;

use diwan_core::engine::Outcome;
use diwan_core::record::ExperimentRecord;
use diwan_core::resources::{Condition, ConditionStatus};

use crate::Exit;
pub(crate) use print::print;

/// The exit code of a run that left the experiment so.
pub(crate) fn exit(record: &ExperimentRecord) -> Exit {
    let Some(last) = verdict(record) else {
        return Exit::Stopped;
    };
    match Outcome::of_reason(&last.reason) {
        Some(Outcome::Stopped | Outcome::DeadlineReached) => Exit::Stopped,
        Some(_) if record.progress.best.best_trial_name.is_empty() => Exit::Failed,
        Some(_) => Exit::Done,
        None => Exit::Failed,
    }
}

/// The condition that ended the experiment, if one did.
pub(crate) fn verdict(record: &ExperimentRecord) -> Option<&Condition> {
    let last = record.progress.conditions.last()?;
    let ended = matches!(last.kind.as_str(), "Succeeded" | "Failed")
        && last.status == ConditionStatus::True;
    ended.then_some(last)
}

/// Whether it has ended by itself, and no trial is good for anything.
fn is_fruitless(record: &ExperimentRecord) -> bool {
    let Some(verdict) = verdict(record) else {
        return false;
    };
    let progress = &record.progress;
    let has_trials = progress.counts.finished() > 0;
    let has_best = !progress.best.best_trial_name.is_empty();
    has_trials && !has_best && Outcome::of_reason(&verdict.reason) != Some(Outcome::Stopped)
}
