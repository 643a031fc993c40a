//! `diwan completions SHELL`.

use std::io;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::Exit;
use crate::cli::Cli;
use crate::failure::Failure;

/// Print a completion script for your shell
///
/// `diwan completions bash > ~/.local/share/bash-completion/completions/diwan`
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Your shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let mut command = for_people(&Cli::build());
    clap_complete::generate(arguments.shell, &mut command, "diwan", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(Exit::Done)
}

/// The command without its hidden verbs, which some shells' scripts name all the same.
fn for_people(command: &Command) -> Command {
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    Command::new("diwan")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .args(command.get_arguments().cloned())
        .subcommands(verbs.cloned())
}
