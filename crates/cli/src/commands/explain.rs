//! `diwan explain TRIAL`: why a trial is where it is, and which lines became metrics.

use std::path::Path;

use clap::Args;
use diwan_collect::{Line, LineSplitter, told_cut};
use diwan_core::initial;
use diwan_core::observation::{MetricPoint, Source};
use diwan_core::record::{
    EarlierAttempt, ExperimentRecord, OptimizerState, TrialRecord, TrialState,
};
use diwan_core::resources::{CollectorKind, InitialTrial};
use diwan_core::time::Timestamp;
use diwan_drivers::{LaunchId, logs};
use diwan_store::{ObservationQuery, TrialRef};

use super::logs::launch_id;
use crate::Exit;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{print_line, span, values};
use crate::shell::quoted;
use crate::standing::is_unattended;

/// Lines shown from each end of a long list of metrics.
const SHOWN: usize = 5;
/// Bytes shown of a line.
const LINE: usize = 200;

/// Say why a trial is where it is
///
/// Why it waits, failed or was stopped; where its point came from; which lines of its output became metrics.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The trial
    trial: String,
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let (snapshot, trial) = context.trial(&arguments.trial).await?;
    let record = &snapshot.record;
    print_line(&format!(
        "trial {} of experiment {}: {:?}",
        trial.name, record.metadata.name, trial.state
    ))?;
    let why = unattended(context, record, &trial).unwrap_or_else(|| why(record, &trial));
    print_line(&format!("why: {}", indented(&why)))?;
    print_line("history:")?;
    for (time, what) in history(&trial) {
        print_line(&format!("  {time}  {}", indented(&what)))?;
    }
    print_line(&format!("point: {}", origin(record, &trial)))?;
    for one in &trial.assignments {
        print_line(&format!("  {} = {}", one.name, one.value))?;
    }
    let reference = TrialRef::new(record, &trial);
    let mut query = ObservationQuery::of(reference);
    let mut points = Vec::new();
    loop {
        let page = context.store.observations(&query).await?;
        let Some(last) = page.last() else { break };
        query.after = Some(last.place);
        points.extend(page);
    }
    let id = launch_id(context, record, &trial, trial.attempt);
    print_metrics(record, &trial, &points, &id)?;
    let collector = record.spec.metrics_collector_spec.as_ref();
    let reads_stdout = collector.is_none_or(|spec| spec.kind() == CollectorKind::StdOut);
    let cut = if reads_stdout {
        cut_lines(&id.stdout())
    } else {
        0
    };
    if let Some(told) = told_cut(cut) {
        print_line(&format!("stdout: {told}"))?;
    }
    Ok(Exit::Done)
}

/// How many lines of a log were too long to be read whole, as far as it is still there.
fn cut_lines(path: &Path) -> u64 {
    let (mut lines, mut offset, mut cut) = (LineSplitter::new(0), 0, 0);
    let mut count = |line: Line<'_>| cut += u64::from(line.is_cut);
    while let Ok(chunk) = logs::read_from(path, offset) {
        if chunk.bytes.is_empty() {
            break;
        }
        if chunk.offset != offset {
            // What was before is gone, and the line that it ended in with it.
            lines = LineSplitter::new(chunk.offset);
        }
        lines.push(&chunk.bytes, &mut count);
        offset = chunk.next();
    }
    lines.finish(&mut count);
    cut
}

/// What has happened to the trial, oldest first.
fn history(trial: &TrialRecord) -> Vec<(Timestamp, String)> {
    let mut told = vec![(trial.created, "suggested".to_owned())];
    told.extend(earlier(trial));
    // Until the next launch, this is still the start of the one before.
    let before = trial.earlier.last().map(|attempt| attempt.started);
    let started = trial
        .started
        .filter(|time| trial.state != TrialState::Pending && Some(*time) != before);
    told.extend(started.map(|time| (time, format!("attempt {} started", trial.attempt))));
    told.extend(
        trial
            .finished
            .map(|time| (time, format!("{:?}", trial.state))),
    );
    told
}

/// The launches before the current one: when each began, how long it ran at most, and how it ended.
pub(super) fn earlier(trial: &TrialRecord) -> impl Iterator<Item = (Timestamp, String)> {
    trial.earlier.iter().map(|attempt| {
        let EarlierAttempt {
            number,
            started,
            ended,
            why,
        } = attempt;
        let ran = span(ended.millis_since(*started) / 1000);
        (
            *started,
            format!("attempt {number} ended within {ran}: {why}"),
        )
    })
}

/// Continued lines stand below their first.
fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}

/// That nothing happens to the trial, and how that changes, when nobody runs its experiment.
fn unattended(context: &Context, record: &ExperimentRecord, trial: &TrialRecord) -> Option<String> {
    let then = match trial.state {
        TrialState::Running => "what became of it is found out",
        TrialState::Pending if !record.is_paused() => "it can start",
        _ => return None,
    };
    is_unattended(context, record).then(|| {
        let (program, name) = (context.program(), quoted(&record.metadata.name));
        format!(
            "nobody runs its experiment now; {then} when somebody does: `{program} resume {name}`"
        )
    })
}

/// What keeps the trial where it is.
fn why(record: &ExperimentRecord, trial: &TrialRecord) -> String {
    let spec = &record.spec;
    let parallel = spec.parallel_trial_count.unwrap_or(3);
    let running = record.progress.counts.trials_running;
    match (trial.state, &trial.stopping) {
        (TrialState::Running, Some(_)) => "it is being stopped".to_owned(),
        (TrialState::Running, None) => "it runs".to_owned(),
        (TrialState::Pending, _) if parallel == 0 => "the experiment is paused".to_owned(),
        (TrialState::Pending, _) if trial.not_before.is_some() => {
            let time = trial
                .not_before
                .map(|time| time.to_string())
                .unwrap_or_default();
            format!("it waits until {time} to run again")
        }
        (TrialState::Pending, _) if running >= u64::try_from(parallel).unwrap_or(0) => {
            format!("{running} trials run already, and parallelTrialCount is {parallel}")
        }
        (TrialState::Pending, _) => "it is about to start".to_owned(),
        _ => trial
            .conditions
            .last()
            .map(|condition| condition.message.clone())
            .unwrap_or_default(),
    }
}

/// The entry of `spec.initialTrials` that the trial runs, and its position.
fn given<'a>(
    record: &'a ExperimentRecord,
    trial: &TrialRecord,
) -> Option<(usize, &'a InitialTrial)> {
    let number = usize::try_from(trial.number).ok()?;
    initial::points(&record.spec.initial_trials).nth(number)
}

/// Where the point came from.
fn origin(record: &ExperimentRecord, trial: &TrialRecord) -> String {
    if let Some((index, given)) = given(record, trial) {
        let whole = given.parameter_assignments.len() == trial.assignments.len();
        let drawn = if whole {
            ""
        } else {
            "; what it leaves out was drawn at random"
        };
        return format!("given as spec.initialTrials[{index}]{drawn}");
    }
    let algorithm = record
        .spec
        .algorithm
        .as_ref()
        .map_or("", |algorithm| &algorithm.algorithm_name);
    let labels: Vec<String> = trial
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let labels = if labels.is_empty() {
        String::new()
    } else {
        format!(", labelled {}", labels.join(", "))
    };
    let exhausted = if record.progress.optimizer == OptimizerState::Exhausted {
        "; the optimizer has no more"
    } else {
        ""
    };
    format!(
        "suggestion number {} of algorithm {algorithm}{labels}{exhausted}",
        trial.number
    )
}

fn print_metrics(
    record: &ExperimentRecord,
    trial: &TrialRecord,
    points: &[MetricPoint],
    id: &LaunchId,
) -> Result<(), Failure> {
    if points.is_empty() {
        let collector = record
            .spec
            .metrics_collector_spec
            .clone()
            .unwrap_or_default()
            .kind();
        return print_line(&match (trial.state, collector) {
            (TrialState::Pending, _) => "metrics: none before it runs".to_owned(),
            (_, CollectorKind::Push) => "metrics: the trial has pushed none".to_owned(),
            (TrialState::Running, _) => "metrics: none so far".to_owned(),
            _ => format!(
                "metrics: no line of its output became one; try diwan validate FILE --log {}",
                quoted(&id.stdout().display().to_string())
            ),
        });
    }
    print_line(&format!("metrics: {}", values(points.len() as u64)))?;
    let hidden = points.len().saturating_sub(2 * SHOWN);
    for (index, point) in points.iter().enumerate() {
        if index == SHOWN && hidden > 0 {
            print_line(&format!("  … {hidden} more …"))?;
        }
        if index < SHOWN || index >= SHOWN + hidden {
            print_line(&format!(
                "  {} = {}  {}",
                point.metric,
                point.value,
                place(point, id)
            ))?;
        }
    }
    Ok(())
}

/// The line that a value was read from.
fn place(point: &MetricPoint, id: &LaunchId) -> String {
    let (name, path) = match point.place.source {
        Source::StdOut => ("stdout", id.stdout()),
        Source::StdErr => ("stderr", id.stderr()),
        Source::File => return format!("from the metrics file, byte {}", point.place.offset),
        Source::Push => return "pushed".to_owned(),
    };
    let offset = u64::try_from(point.place.offset).unwrap_or(0);
    let line = line_at(&path, offset).unwrap_or_else(|| "(no longer kept)".to_owned());
    format!("from {name}, byte {offset}: {line}")
}

/// The line that begins at a byte of a log, if it is still there.
fn line_at(path: &Path, offset: u64) -> Option<String> {
    let chunk = logs::read_from(path, offset)
        .ok()
        .filter(|chunk| chunk.offset == offset)?;
    let line = chunk
        .bytes
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .next()?;
    Some(
        String::from_utf8_lossy(&line[..line.len().min(LINE)])
            .trim()
            .to_owned(),
    )
}
