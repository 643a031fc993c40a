//! `diwan supervise`: the process that trials are children of, and its heir. Started by `run` and `resume`, never by hand.

use std::io;

use clap::{Args, ValueEnum};
use diwan_drivers::SupervisorCommand;

use crate::Exit;
use crate::failure::Failure;

/// The verb; `Command::Supervise` in the command line's terms.
const VERB: &str = "supervise";

/// Start trials and record their ends for the process that started this one
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Which of the two processes this is
    role: Role,
}

/// The processes between Diwan and its trials.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    /// Starts the supervisor, and takes its place if it dies before its trials.
    Heir,
    /// Starts trials and waits for them.
    Supervisor,
}

impl Role {
    fn command(self) -> io::Result<SupervisorCommand> {
        let role = self.to_possible_value();
        let name = role.iter().map(|role| role.get_name());
        SupervisorCommand::this_program(std::iter::once(VERB).chain(name))
    }
}

/// How this program starts itself as a supervisor with an heir.
pub(crate) fn command() -> io::Result<SupervisorCommand> {
    Role::Heir.command()
}

pub(crate) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    match arguments.role {
        Role::Heir => diwan_drivers::inherit(&Role::Supervisor.command()?)?,
        Role::Supervisor => diwan_drivers::supervise()?,
    }
    Ok(Exit::Done)
}
