//! `diwan algorithms`.

use clap::Args;
use diwan_algorithms::registry::ALGORITHMS;
use diwan_algorithms::settings::Setting;
use diwan_algorithms::stopping::STOPPING_RULES;
use serde_json::{Value, json};

use crate::Exit;
use crate::failure::Failure;
use crate::output::{Format, Rows, print_json, print_line, print_yaml};

/// List the optimizers and their settings
///
/// Optimizers go into `spec.algorithm`, stopping rules into `spec.earlyStopping`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Show this one's settings
    name: Option<String>,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
}

/// What the two registries have in common.
struct Entry {
    kind: &'static str,
    name: &'static str,
    summary: &'static str,
    settings: &'static [Setting],
}

fn entries() -> Vec<Entry> {
    let algorithms = ALGORITHMS.iter().map(|one| Entry {
        kind: "algorithm",
        name: one.name(),
        summary: one.summary(),
        settings: one.settings(),
    });
    let rules = STOPPING_RULES.iter().map(|one| Entry {
        kind: "stopping rule",
        name: one.name(),
        summary: one.summary(),
        settings: one.settings(),
    });
    algorithms.chain(rules).collect()
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut entries = entries();
    if let Some(name) = &arguments.name {
        let names: Vec<&str> = entries.iter().map(|entry| entry.name).collect();
        if !names.contains(&name.as_str()) {
            let failure =
                Failure::not_found(format!("there is no algorithm or stopping rule {name}"));
            return Err(match diwan_core::problem::nearest(name, names) {
                Some(nearest) => failure.hint(format!("did you mean {nearest}?")),
                None => failure.hint("`diwan algorithms` lists them"),
            });
        }
        entries.retain(|entry| entry.name == name.as_str());
    }
    print(&entries, arguments)?;
    Ok(Exit::Done)
}

fn print(entries: &[Entry], arguments: &Arguments) -> Result<(), Failure> {
    let documents = || match entries {
        [entry] if arguments.name.is_some() => document(entry),
        _ => Value::Array(entries.iter().map(document).collect()),
    };
    match arguments.output {
        Format::Json => print_json(&documents()),
        Format::Yaml => print_yaml(&documents()),
        Format::Name => entries.iter().try_for_each(|entry| print_line(entry.name)),
        Format::Csv => rows(entries).print_csv(),
        Format::Table if arguments.name.is_none() => rows(entries).print_table(),
        Format::Table | Format::Wide => entries.iter().try_for_each(describe),
    }
}

fn rows(entries: &[Entry]) -> Rows {
    let mut rows = Rows::new(&["name", "kind", "settings", "what it does"]);
    for entry in entries {
        let settings: Vec<&str> = entry.settings.iter().map(|setting| setting.name).collect();
        rows.rows.push(vec![
            entry.name.to_owned(),
            entry.kind.to_owned(),
            settings.join(", "),
            entry.summary.to_owned(),
        ]);
    }
    rows
}

fn describe(entry: &Entry) -> Result<(), Failure> {
    print_line(&format!("{} ({})", entry.name, entry.kind))?;
    print_line(&format!("  {}", entry.summary))?;
    let mut settings = entry.settings.iter();
    settings.try_for_each(|setting| {
        print_line(&format!("  {}: {}", setting.name, setting.description()))
    })
}

fn document(entry: &Entry) -> Value {
    let settings: Vec<Value> = entry
        .settings
        .iter()
        .map(|setting| {
            json!({
                "name": setting.name, "range": setting.kind.to_string(), "default": setting.default, "help": setting.help,
            })
        })
        .collect();
    json!({"name": entry.name, "kind": entry.kind, "summary": entry.summary, "settings": settings})
}
