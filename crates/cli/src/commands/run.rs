//! `diwan run FILE`.

use std::path::PathBuf;

use clap::Args;
use diwan_core::engine::{Event, Snapshot};
use diwan_core::problem::{Problem, ProblemKind};
use diwan_core::record::{ExperimentKey, ExperimentRecord, Progress};
use diwan_core::resources::{DEFAULT_NAMESPACE, Experiment, TrialTemplate};
use diwan_core::validate::{EDITABLE, FieldDifference, difference, generated_name, validate_edit};
use diwan_core::view::{self, SOURCE_ANNOTATION, TEMPLATE_ANNOTATION, WORK_ANNOTATION};
use diwan_server::clock::now;
use diwan_server::edit::change;
use diwan_server::runner::{Control, Hold, Report, RunError};
use diwan_server::suggester::SuggestError;
use diwan_store::StoreError;
use tokio::sync::{mpsc, watch};

use super::file::Source;
use crate::Exit;
use crate::cli::Global;
use crate::context::Context;
use crate::database::Need;
use crate::failure::Failure;
use crate::output::Format;
use crate::standing::holder;
use crate::{progress, result};

/// Run the experiment of a file, or go on with it
///
/// Prints its best trial at the end. Run again, it goes on where it was, unless it is paused: `diwan resume` lifts a pause.
///
/// Exit codes: 0 it ended with a best trial, 1 it ended without one or failed, 5 it was stopped, interrupted or paused, or its
/// time was up.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file; - reads standard input
    file: PathBuf,
    /// How the result is printed
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// Show no progress
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) async fn run(arguments: &Arguments, global: &Global) -> Result<Exit, Failure> {
    let source = Source::read(&arguments.file)?;
    let experiment = source.experiment(&global.services())?;
    let namespace = namespace(&experiment, global)?;
    let global = Global {
        namespace: Some(namespace),
        ..global.clone()
    };
    let context = Context::open(&global, Need::Kept).await?;
    let (key, is_edited) = Box::pin(admit(&context, experiment, &source)).await?;
    let record = context.experiment(&key.name).await?.record;
    let is_paused = record.is_paused() && result::verdict(&record).is_none();
    if is_edited
        && !is_paused
        && let Some(holder) = holder(&context, &record)?
    {
        eprintln!("{holder} runs the experiment and goes on with it");
        return Ok(Exit::Done);
    }
    if is_paused {
        if !matches!(arguments.output, Format::Table | Format::Wide) {
            let (name, program) = (&key.name, context.program());
            eprintln!("experiment {name} is paused; go on with `{program} resume {name}`");
        }
        result::print(&context, &record, None, arguments.output).await?;
        return Ok(result::exit(&record));
    }
    carry_on(&context, &key, arguments.output, arguments.quiet).await
}

/// The file's namespace, which a flag may not contradict.
fn namespace(experiment: &Experiment, global: &Global) -> Result<String, Failure> {
    let in_file = Some(&experiment.metadata.namespace).filter(|namespace| !namespace.is_empty());
    match (in_file, &global.namespace) {
        (Some(file), Some(flag)) if file != flag => Err(Failure::usage(format!(
            "the file's namespace is {file}, and --namespace says {flag}"
        ))
        .hint("leave one of them out")),
        (Some(namespace), _) | (None, Some(namespace)) => Ok(namespace.clone()),
        (None, None) => Ok(DEFAULT_NAMESPACE.to_owned()),
    }
}

/// Runs an experiment of the store to its end, shows progress meanwhile and the result afterwards.
pub(super) async fn carry_on(
    context: &Context,
    key: &ExperimentKey,
    output: Format,
    quiet: bool,
) -> Result<Exit, Failure> {
    let record = context.experiment(&key.name).await?.record;
    let runner = context.runner(&record)?;
    let held = match context.store.hold(&record.metadata.uid).await {
        // By a process of this machine, which the runner names.
        Err(StoreError::Held) if holder(context, &record)?.is_some() => None,
        held => Some(held?),
    };
    // With trials of an earlier run, the time of this one says nothing of the whole.
    let began = (record.progress.counts.trials == 0).then(now);
    let (report, reports) = watch::channel(Report::default());
    let (control, controls) = watch::channel(Control::Run);
    let (notes, noted) = mpsc::unbounded_channel();
    let display = tokio::spawn(progress::show(reports, noted, quiet));
    let signals = tokio::spawn(listen(control, notes));
    let ended = runner.run(key, controls, report).await;
    drop(held);
    signals.abort();
    let _ = display.await;
    let record = ended?;
    result::print(context, &record, began, output).await?;
    Ok(result::exit(&record))
}

/// The first Ctrl-C or TERM stops trials gracefully, the second at once.
async fn listen(control: watch::Sender<Control>, notes: mpsc::UnboundedSender<&'static str>) {
    until_asked_to_end().await;
    let again = until_asked_to_end();
    let _ = notes.send("stopping the running trials; press Ctrl-C again to kill them");
    control.send_replace(Control::Interrupt);
    again.await;
    let _ = notes.send("killing the running trials");
    control.send_replace(Control::Kill);
    std::future::pending::<()>().await;
}

/// Until Ctrl-C or TERM, from the call on.
pub(super) fn until_asked_to_end() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let handlers = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    async {
        match handlers {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            // Without handlers the signals end the process as they always do.
            _ => std::future::pending().await,
        }
    }
}

/// Puts the experiment into the store, or finds it there and takes its edits; whether there were any.
async fn admit(
    context: &Context,
    experiment: Experiment,
    source: &Source,
) -> Result<(ExperimentKey, bool), Failure> {
    let obstacles = source.obstacles(
        std::slice::from_ref(&experiment),
        context.default_work_directory(),
    );
    let mut record = record_of(context, experiment);
    if record.metadata.name.is_empty() {
        record.metadata.name = generated_name(&record.metadata.generate_name, fresh());
    }
    let key = record.key();
    loop {
        if let Some(existing) = context.store.load(&key).await? {
            let is_edited = go_on(context, existing, &record, &source.path).await?;
            return Ok((key, is_edited));
        }
        can_be_run(&record, &source.path, &obstacles.concat())?;
        if create(context, record.clone()).await? {
            return Ok((key, false));
        }
    }
}

/// What would make every trial fail is refused before any of them is spent.
fn can_be_run(record: &ExperimentRecord, file: &str, obstacles: &[Problem]) -> Result<(), Failure> {
    if obstacles.is_empty() {
        return Ok(());
    }
    let template = record.spec.trial_template.as_ref();
    let is_played = template.is_some_and(TrialTemplate::is_simulated);
    let failure = Failure::usage(match is_played {
        true => format!("the trials of {file} cannot be played"),
        false => format!("{file} is for a cluster; this machine cannot run it"),
    });
    Err(failure.caused_by(file, obstacles))
}

fn record_of(context: &Context, experiment: Experiment) -> ExperimentRecord {
    let mut metadata = experiment.metadata;
    if metadata.namespace.is_empty() {
        metadata.namespace.clone_from(&context.namespace);
    }
    ExperimentRecord {
        metadata,
        spec: experiment.spec,
        progress: Progress::default(),
    }
}

/// Bits that no other call gives.
fn fresh() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Puts a new experiment into the store. False: somebody else has just put one of this name there.
async fn create(context: &Context, mut record: ExperimentRecord) -> Result<bool, Failure> {
    record.metadata.uid = format!("{:016x}{:016x}", fresh(), fresh());
    record.metadata.generation = Some(1);
    let work_directory = context.default_work_directory().display().to_string();
    record
        .metadata
        .annotations
        .insert(WORK_ANNOTATION.into(), work_directory);
    context
        .suggester()
        .validate(&record)
        .await
        .map_err(refused)?;
    let mut snapshot = Snapshot::create(record, now());
    match context.store.create(&mut snapshot).await {
        Ok(()) => {
            let template = snapshot.record.spec.trial_template.as_ref();
            eprintln!(
                "{}",
                match template.is_some_and(TrialTemplate::is_simulated) {
                    true => "trials are played by this program; nothing is trained",
                    false =>
                        "trials run as processes of this machine; the images of their containers are not used",
                }
            );
            Ok(true)
        }
        Err(StoreError::AlreadyExists { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What an optimizer says of an experiment that it does not take.
pub(super) fn refused(error: SuggestError) -> Failure {
    match error {
        SuggestError::Refused(_) => {
            Failure::usage("the optimizer refuses the experiment").cause(error)
        }
        SuggestError::Failed(_) => {
            Failure::new(Exit::Failed, "the optimizer cannot be asked").cause(error)
        }
    }
}

/// The experiment exists: takes edits of its budget, refuses all others. Whether there were any.
async fn go_on(
    context: &Context,
    existing: Snapshot,
    wanted: &ExperimentRecord,
    file: &str,
) -> Result<bool, Failure> {
    let differences = difference(&existing.record.spec_of_file(), &wanted.spec);
    let (old, new) = (
        &existing.record.metadata.annotations,
        &wanted.metadata.annotations,
    );
    if old.get(TEMPLATE_ANNOTATION) != new.get(TEMPLATE_ANNOTATION) {
        return Err(refuse_template(context, &existing.record, file));
    }
    if differences.is_empty() && old.get(SOURCE_ANNOTATION) == new.get(SOURCE_ANNOTATION) {
        let name = &existing.record.metadata.name;
        if existing.is_completed() {
            eprintln!("experiment {name} exists and has ended");
        } else if !existing.record.is_paused() {
            eprintln!("experiment {name} exists; going on with it");
        }
        return Ok(false);
    }
    let mut before = view::experiment(
        &existing.record,
        existing.version,
        view::NamesByState::new(),
    );
    before.spec = existing.record.spec_of_file();
    let problems = validate_edit(
        &before,
        &Experiment {
            spec: wanted.spec.clone(),
            ..before.clone()
        },
    );
    if !problems.is_empty() {
        return Err(refuse_edit(
            context,
            &existing.record,
            file,
            &differences,
            &problems,
        ));
    }
    if !differences.is_empty() {
        context
            .suggester()
            .validate(wanted)
            .await
            .map_err(refused)?;
    }
    if differences.is_empty() {
        // Only the file is elsewhere now, which is nothing to whoever runs it.
        Hold::acquire(&context.directory(&existing.record), &existing.record.key())
            .map_err(RunError::from)?;
    }
    let source = new.get(SOURCE_ANNOTATION).cloned().unwrap_or_default();
    let edited = |snapshot: &mut Snapshot| {
        let annotations = &mut snapshot.record.metadata.annotations;
        annotations.insert(SOURCE_ANNOTATION.into(), source.clone());
        let spec = snapshot.record.edit(&wanted.spec);
        vec![Event::Edited(Box::new(spec))]
    };
    change(&*context.store, &existing.record.key(), edited).await?;
    for one in &differences {
        eprintln!("edited {}", told(one));
    }
    Ok(!differences.is_empty())
}

fn refuse_edit(
    context: &Context,
    existing: &ExperimentRecord,
    file: &str,
    differences: &[FieldDifference],
    problems: &[Problem],
) -> Failure {
    let name = &existing.metadata.name;
    let mut failure = Failure::usage(format!(
        "experiment {name} exists and {file} differs from it"
    ));
    let fixed: Vec<_> = differences
        .iter()
        .filter(|one| !EDITABLE.contains(&one.path.as_str()))
        .collect();
    for one in &fixed {
        failure = failure.cause(told(one));
    }
    if !fixed.is_empty() {
        failure = failure.hint(format!("only {} can be edited", EDITABLE.join(", ")));
    }
    // Katib's words on it name a rule that is not Diwan's.
    let is_restart = |problem: &Problem| problem.path == "spec.resumePolicy";
    if problems.iter().any(is_restart) {
        failure = failure.cause(
            "its goal is reached, so a larger budget changes nothing; what ended otherwise goes on under any resumePolicy",
        );
    }
    // The differences above say more than the one problem about all of them.
    for problem in problems
        .iter()
        .filter(|problem| problem.kind != ProblemKind::Forbidden && !is_restart(problem))
    {
        failure = failure.cause(problem);
        if let Some(hint) = &problem.hint {
            failure = failure.hint(hint);
        }
    }
    failure
        .hint("give the file another metadata.name to run it beside the old one")
        .hint(format!(
            "or forget the old one: {} delete {name}",
            context.program()
        ))
}

fn refuse_template(context: &Context, existing: &ExperimentRecord, file: &str) -> Failure {
    let name = &existing.metadata.name;
    Failure::usage(format!(
        "experiment {name} exists and {file} differs from it"
    ))
    .cause("the template in the ConfigMap is another one than when the experiment was made")
    .hint("give the file another metadata.name to run it beside the old one")
    .hint(format!(
        "or forget the old one: {} delete {name}",
        context.program()
    ))
}

fn told(one: &FieldDifference) -> String {
    let text = |value: &Option<serde_json::Value>| {
        value
            .as_ref()
            .map_or("unset".to_owned(), ToString::to_string)
    };
    format!(
        "{}: {} in the experiment, {} in the file",
        one.path,
        text(&one.old),
        text(&one.new)
    )
}
