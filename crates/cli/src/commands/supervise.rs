//! `diwan supervise`: the process that trials are children of. Started by `run` and `resume`, never by hand.

use std::io;

use diwan_drivers::SupervisorCommand;

use crate::Exit;
use crate::failure::Failure;

/// The verb; `Command::Supervise` in the command line's terms.
pub(crate) const VERB: &str = "supervise";

/// How this program starts itself as a supervisor.
pub(crate) fn command() -> io::Result<SupervisorCommand> {
    SupervisorCommand::this_program([VERB])
}

pub(crate) fn run() -> Result<Exit, Failure> {
    diwan_drivers::supervise()?;
    Ok(Exit::Done)
}
