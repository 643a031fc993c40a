//! `diwan completions SHELL`.

use std::io;

use clap::Args;
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
    clap_complete::generate(arguments.shell, &mut Cli::build(), "diwan", &mut script);
    io::Write::write_all(&mut io::stdout().lock(), &script)?;
    Ok(Exit::Done)
}
