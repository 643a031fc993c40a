//! `diwan run FILE`.

use std::path::PathBuf;

use clap::Args;
use diwan_core::engine::{Event, Snapshot};
use diwan_core::record::{ExperimentKey, ExperimentRecord, Progress};
use diwan_core::resources::Experiment;
use diwan_core::validate::{FieldDifference, difference, validate_edit};
use diwan_core::view;
use diwan_server::clock::now;
use diwan_server::edit::change;
use diwan_server::runner::{Control, Report};
use diwan_server::suggester::SuggestError;
use diwan_store::StoreError;
use tokio::sync::watch;

use super::file::Source;
use crate::Exit;
use crate::cli::Global;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Format;
use crate::{progress, result};

/// Runs the experiment of a file to its end, and prints its best trial. Run again, it goes on where it was.
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
    let foreign: Vec<String> = global.suggestion_services.iter().map(|(name, _)| name.clone()).collect();
    let experiment = source.experiment(&foreign)?;
    let context = Context::open(global).await?;
    let key = admit(&context, experiment, &source.path).await?;
    carry_on(&context, &key, arguments.output, arguments.quiet).await
}

/// Runs an experiment of the store to its end, shows progress meanwhile and the result afterwards.
pub(super) async fn carry_on(context: &Context, key: &ExperimentKey, output: Format, quiet: bool) -> Result<Exit, Failure> {
    let runner = context.runner();
    let (report, reports) = watch::channel(Report::default());
    let (control, controls) = watch::channel(Control::Run);
    let display = (!quiet).then(|| tokio::spawn(progress::show(reports)));
    let signals = tokio::spawn(listen(control));
    let ended = runner.run(key, controls, report).await;
    signals.abort();
    if let Some(display) = display {
        let _ = display.await;
    }
    let record = ended?;
    result::print(context, &record, output).await?;
    Ok(result::exit(&record))
}

/// The first Ctrl-C or TERM stops trials gracefully, the second at once.
async fn listen(control: watch::Sender<Control>) {
    until_asked_to_end().await;
    eprintln!("stopping the running trials; they run again when the experiment goes on. Once more kills them");
    control.send_replace(Control::Interrupt);
    until_asked_to_end().await;
    control.send_replace(Control::Kill);
    std::future::pending::<()>().await;
}

/// Until Ctrl-C or TERM.
pub(super) async fn until_asked_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
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

/// Puts the experiment into the store, or finds it there and takes its edits.
async fn admit(context: &Context, experiment: Experiment, file: &str) -> Result<ExperimentKey, Failure> {
    let mut record = record_of(context, experiment);
    if record.metadata.name.is_empty() {
        record.metadata.name = format!("{}{:06x}", record.metadata.generate_name, fresh() & 0xff_ffff);
    }
    let key = record.key();
    match context.store.load(&key).await? {
        Some(existing) => go_on(context, existing, &record, file).await?,
        None => create(context, record).await?,
    }
    Ok(key)
}

fn record_of(context: &Context, experiment: Experiment) -> ExperimentRecord {
    let mut metadata = experiment.metadata;
    if metadata.namespace.is_empty() {
        metadata.namespace.clone_from(&context.namespace);
    }
    ExperimentRecord { metadata, spec: experiment.spec, progress: Progress::default() }
}

/// Bits that no other call gives.
fn fresh() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(std::process::id())
}

async fn create(context: &Context, mut record: ExperimentRecord) -> Result<(), Failure> {
    record.metadata.uid = format!("{:016x}{:016x}", fresh(), fresh());
    record.metadata.generation = Some(1);
    context.suggester().validate(&record).await.map_err(refused)?;
    let mut snapshot = Snapshot::create(record, now());
    match context.store.create(&mut snapshot).await {
        // Somebody ran the same file at the same moment: the lock decides who goes on.
        Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn refused(error: SuggestError) -> Failure {
    match error {
        SuggestError::Refused(_) => Failure::usage("the optimizer refuses the experiment").cause(error),
        SuggestError::Failed(_) | SuggestError::NotFound(_) => Failure::new(Exit::Failed, "the optimizer cannot be asked").cause(error),
    }
}

/// The experiment exists: takes edits of its budget, refuses all others.
async fn go_on(context: &Context, existing: Snapshot, wanted: &ExperimentRecord, file: &str) -> Result<(), Failure> {
    let differences = difference(&existing.record.spec, &wanted.spec);
    if differences.is_empty() {
        eprintln!("experiment {} exists; going on with it", existing.record.key());
        return Ok(());
    }
    let before = view::experiment(&existing.record, existing.version, view::NamesByState::new());
    let problems = validate_edit(&before, &Experiment { spec: wanted.spec.clone(), ..before.clone() });
    if !problems.is_empty() {
        let mut failure = Failure::usage(format!("experiment {} exists and {file} differs from it", existing.record.key()));
        for one in differences {
            failure = failure.cause(told(&one));
        }
        for problem in problems {
            failure = failure.cause(problem);
        }
        return Err(failure
            .hint("give the file another metadata.name to run it beside the old one")
            .hint(format!("or forget the old one: diwan delete {}", existing.record.metadata.name)));
    }
    for one in &differences {
        eprintln!("edited {}", told(one));
    }
    let edited = |_: &mut Snapshot| vec![Event::Edited(Box::new(wanted.spec.clone()))];
    change(&*context.store, &existing.record.key(), edited).await?;
    Ok(())
}

fn told(one: &FieldDifference) -> String {
    let text = |value: &Option<serde_json::Value>| value.as_ref().map_or("unset".to_owned(), ToString::to_string);
    format!("{}: {} in the experiment, {} in the file", one.path, text(&one.old), text(&one.new))
}
