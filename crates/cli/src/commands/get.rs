//! `diwan get NOUN [NAME…]`.

mod experiments;
mod suggestions;
mod trials;

use std::time::Duration;

use clap::{Args, ValueEnum};
use diwan_core::record::{ExperimentRecord, TrialState};
use diwan_core::time::Timestamp;
use diwan_server::clock::now;
use diwan_store::ExperimentQuery;
use serde_json::Value;

pub(crate) use self::experiments::experiment_resource;
use crate::Exit;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Format, List, Rows, print_json, print_line, print_yaml, span};

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Noun {
    /// Experiments
    #[value(alias = "experiment")]
    Experiments,
    /// Trials of one experiment, or of all
    #[value(alias = "trial")]
    Trials,
    /// What the optimizers were asked and said
    #[value(alias = "suggestion")]
    Suggestions,
}

/// List experiments, trials or suggestions
///
/// Lists objects, or shows the named ones.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What to list
    #[arg(value_enum)]
    noun: Noun,
    /// Only these
    names: Vec<String>,
    /// Trials of this experiment only
    #[arg(long, short)]
    experiment: Option<String>,
    /// Trials in this state only, such as Running (repeatable)
    #[arg(long, value_name = "STATE", value_parser = state, value_delimiter = ',')]
    state: Vec<TrialState>,
    /// At most so many trials of an experiment, the newest; by default 500 in tables, and all in other formats
    #[arg(long)]
    limit: Option<u32>,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// Print again whenever something changes, until interrupted
    #[arg(long, short)]
    watch: bool,
}

fn state(text: &str) -> Result<TrialState, String> {
    let named = |state: &TrialState| format!("{state:?}").eq_ignore_ascii_case(text);
    TrialState::ALL.into_iter().find(named).ok_or_else(|| {
        let known: Vec<String> = TrialState::ALL
            .iter()
            .map(|state| format!("{state:?}"))
            .collect();
        format!("states are {}", known.join(", "))
    })
}

/// Trials of an experiment that a table shows when nobody says how many.
const IN_TABLES: u32 = 500;

impl Arguments {
    /// Most trials of an experiment. Programs that read the other formats would not see that some are missing.
    fn limit(&self) -> u32 {
        let usual = match self.output {
            Format::Table | Format::Wide => IN_TABLES,
            Format::Json | Format::Yaml | Format::Csv | Format::Name => u32::MAX,
        };
        self.limit.unwrap_or(usual)
    }

    /// That there is nothing to list.
    fn nothing(&self, namespace: &str) -> String {
        let mut told = format!("no {:?}", self.noun).to_lowercase();
        if let Some(experiment) = &self.experiment {
            told += &format!(" of experiment {experiment}");
        }
        if !self.state.is_empty() {
            let states = self.state.iter().map(|state| format!("{state:?}"));
            told += &format!(" in state {}", states.collect::<Vec<_>>().join(" or "));
        }
        told + &format!(" in namespace {namespace}")
    }

    /// Whether whole objects are printed; rows are enough for the other formats.
    fn wants_objects(&self) -> bool {
        matches!(self.output, Format::Json | Format::Yaml)
    }
}

pub(crate) async fn run(arguments: &Arguments, context: &Context) -> Result<Exit, Failure> {
    let mut seen = None;
    loop {
        let listing = listing(arguments, context).await?;
        let now = Some(listing.fingerprint());
        if seen != now {
            listing.print(arguments, context)?;
            seen = now;
        }
        if !arguments.watch {
            return Ok(Exit::Done);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// What there is to print, in every format.
struct Listing {
    /// For people: the name first, an age or a duration last, numbers shortened.
    rows: Rows,
    /// More columns, with numbers as they are.
    wide: Rows,
    /// Whole objects, when they are wanted.
    items: Vec<Value>,
}

impl Listing {
    /// Everything but the last column, which changes all the time.
    fn fingerprint(&self) -> Vec<Vec<String>> {
        let rows = self.rows.rows.iter();
        rows.map(|row| {
            row.split_last()
                .map(|(_, rest)| rest.to_vec())
                .unwrap_or_default()
        })
        .collect()
    }

    fn print(self, arguments: &Arguments, context: &Context) -> Result<(), Failure> {
        if self.rows.rows.is_empty() && matches!(arguments.output, Format::Table | Format::Wide) {
            eprintln!("{}", arguments.nothing(&context.namespace));
            return Ok(());
        }
        match arguments.output {
            Format::Table => self.rows.print_table(),
            Format::Wide => self.wide.print_table(),
            Format::Csv => self.wide.print_csv(),
            Format::Name => self
                .rows
                .rows
                .iter()
                .try_for_each(|row| print_line(&row[0])),
            Format::Json => print_json(&self.document(arguments)?),
            Format::Yaml => print_yaml(&self.document(arguments)?),
        }
    }

    /// A `List`, or the one object that was named.
    fn document(mut self, arguments: &Arguments) -> Result<Value, Failure> {
        if arguments.names.len() == 1 && self.items.len() == 1 {
            return Ok(self.items.remove(0));
        }
        Ok(serde_json::to_value(List::new(self.items))?)
    }
}

async fn listing(arguments: &Arguments, context: &Context) -> Result<Listing, Failure> {
    match arguments.noun {
        Noun::Experiments => experiments::listing(arguments, context).await,
        Noun::Trials => trials::listing(arguments, context).await,
        Noun::Suggestions => suggestions::listing(arguments, context).await,
    }
}

/// The named experiments; without a name, all of the namespace.
async fn chosen(
    names: impl IntoIterator<Item = &String>,
    context: &Context,
) -> Result<Vec<ExperimentRecord>, Failure> {
    let mut records = Vec::new();
    for name in names {
        records.push(context.experiment(name).await?.record);
    }
    if records.is_empty() {
        let query = ExperimentQuery {
            namespace: Some(context.namespace.clone()),
            ..ExperimentQuery::default()
        };
        records.extend(
            context
                .store
                .experiments(&query)
                .await?
                .into_iter()
                .map(|known| known.record),
        );
    }
    Ok(records)
}

/// How long ago something was.
fn age(since: Option<Timestamp>) -> String {
    since
        .map(|begin| span(now().millis_since(begin) / 1000))
        .unwrap_or_default()
}
