//! The command line: verbs, flags and their help.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{
    ArgAction, Args, Command as Clap, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
};

use diwan_core::validate::{LABEL_RULE, is_label};
use diwan_server::suggester::service_url;

use crate::commands::{
    algorithms, bench, completions, controller, delete, describe, edit, explain, export, get, logs,
    run, serve, suggest, supervise, validate, wait,
};

use crate::environment;
use crate::failure::Failure;
use crate::usage;

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 not found, 4 timed out, 5 stopped, interrupted, paused or out of time";

/// Tunes hyperparameters: hand it an Experiment, get the best trial back.
#[derive(Debug, Parser)]
#[command(
    name = "diwan",
    version,
    after_help = EXIT_CODES,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags of every verb.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// The database, such as sqlite:diwan.db or postgres://USER:PASSWORD@HOST/DATABASE; by default a file in your data directory
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) db: Option<String>,
    /// Where trials run and keep their logs; by default a directory beside the database
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) work_dir: Option<PathBuf>,
    /// The namespace of experiments; by default the one in the file, or default
    #[arg(long, short, global = true, value_name = "NAME", value_parser = namespace)]
    pub(crate) namespace: Option<String>,
    /// Ask a foreign optimizer that speaks api.v1.beta1, such as tpe-x=http://127.0.0.1:6789 (repeatable)
    #[arg(long = "suggestion-service", global = true, value_name = "ALGORITHM=URL", value_parser = service, value_delimiter = ',')]
    pub(crate) suggestion_services: Vec<(String, String)>,
    /// Say more of what happens, on stderr (repeat for details)
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl Global {
    /// The algorithms that services elsewhere have.
    pub(crate) fn services(&self) -> Vec<String> {
        let names = self.suggestion_services.iter().map(|(name, _)| name);
        names.cloned().collect()
    }

    /// The URL of the service that has an algorithm, if one was named; the last one counts.
    pub(crate) fn service(&self, algorithm: &str) -> Option<&str> {
        let mut services = self.suggestion_services.iter().rev();
        let (_, url) = services.find(|(name, _)| name == algorithm)?;
        Some(url)
    }
}

fn namespace(text: &str) -> Result<String, String> {
    if is_label(text) {
        Ok(text.to_owned())
    } else {
        Err(LABEL_RULE.to_owned())
    }
}

fn service(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, url)) if !name.is_empty() => Ok((name.to_owned(), service_url(url)?)),
        _ => Err("expected ALGORITHM=URL, such as tpe-x=http://127.0.0.1:6789".to_owned()),
    }
}

/// The verbs. Their help is the documentation of their arguments.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Arguments),
    Validate(validate::Arguments),
    Get(get::Arguments),
    Describe(describe::Arguments),
    Explain(explain::Arguments),
    Logs(logs::Arguments),
    Wait(wait::Arguments),
    Stop(edit::StopArguments),
    Pause(edit::PauseArguments),
    Resume(edit::ResumeArguments),
    Delete(delete::Arguments),
    Export(export::Arguments),
    Algorithms(algorithms::Arguments),
    Suggest(suggest::Arguments),
    Bench(bench::Arguments),
    Serve(serve::Arguments),
    Controller(controller::Arguments),
    Completions(completions::Arguments),
    #[command(hide = true)]
    Supervise(supervise::Arguments),
}

impl Cli {
    /// The command line as clap sees it, with a variable for every flag: `DIWAN_DB`, and `DIWAN_GET_STATE` for one of a verb.
    pub(crate) fn build() -> Clap {
        with_variables(Self::command(), "DIWAN")
    }

    /// Reads the process's arguments; prints help and exits when that is asked for.
    ///
    /// # Errors
    /// When they cannot be understood.
    pub(crate) fn read() -> Result<Self, Failure> {
        let mut command = Self::build();
        let parsed = command
            .try_get_matches_from_mut(std::env::args_os())
            .and_then(|matches| Self::from_arg_matches(&matches));
        parsed.map_err(|error| {
            if !error.use_stderr()
                || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            {
                error.exit();
            }
            let variable = usage::variable(&error, &command, environment::variable);
            let verbs: Vec<&str> = command.get_subcommands().map(Clap::get_name).collect();
            usage::failure(&error, &verbs, variable.as_deref())
        })
    }
}

/// Names the variables of the flags of a command, and of its verbs' after these: a trial inherits variables, and what is meant
/// for one verb may mean something else to another.
fn with_variables(command: Clap, prefix: &str) -> Clap {
    let command = command.mut_args(|arg| {
        let Some(long) = arg
            .get_long()
            .filter(|long| !matches!(*long, "help" | "version"))
        else {
            return arg;
        };
        let variable = variable(prefix, long);
        let arg = match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
            _ => arg,
        };
        arg.env(variable).hide_env_values(true)
    });
    command.mut_subcommands(|verb| {
        let prefix = variable(prefix, verb.get_name());
        with_variables(verb, &prefix)
    })
}

fn variable(prefix: &str, name: &str) -> String {
    format!("{prefix}_{}", name.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::build().debug_assert();
    }

    /// The variable of every flag below a command, but not of those that it inherits.
    fn variables(command: &Clap) -> Vec<String> {
        let own = command.get_arguments().filter_map(|arg| {
            let long = arg.get_long()?;
            let variable = arg
                .get_env()
                .map(|name| name.to_string_lossy().into_owned());
            let has_none = matches!(long, "help" | "version");
            assert!(
                has_none || variable.is_some(),
                "{} {arg}",
                command.get_name()
            );
            variable
        });
        own.chain(command.get_subcommands().flat_map(variables))
            .collect()
    }

    #[test]
    fn every_flag_has_a_variable_of_its_own() {
        let mut names = variables(&Cli::build());
        for known in [
            "DIWAN_DB",
            "DIWAN_NAMESPACE",
            "DIWAN_GET_STATE",
            "DIWAN_SERVE_ASK_DB_MANAGERS",
        ] {
            assert!(names.iter().any(|name| name == known), "{known}: {names:?}");
        }
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{names:?}");
    }

    #[test]
    fn what_a_trial_is_told_is_no_flag() {
        let names = variables(&Cli::build());
        for told in ["TRIAL_NAME", "TRIAL_DIR", "ATTEMPT", "SOURCE_DIR", "LOG"] {
            assert!(!names.contains(&format!("DIWAN_{told}")), "{told}");
        }
    }
}
