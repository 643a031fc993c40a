//! `diwan supervise`: the process that trials are children of. Started by `run` and `resume`, never by hand.

use std::io;

use diwan_drivers::SupervisorCommand;

use crate::Exit;
use crate::environment;
use crate::failure::Failure;

/// The word that starts it. It is no verb of the command line, whose help and completions are for people.
const VERB: &str = "supervise";

/// Whether this process is to be one.
pub(crate) fn is_meant() -> bool {
    environment::first_argument().is_some_and(|word| word == VERB)
}

/// How this program starts itself as a supervisor.
pub(crate) fn command() -> io::Result<SupervisorCommand> {
    SupervisorCommand::this_program([VERB])
}

pub(crate) fn run() -> Result<Exit, Failure> {
    diwan_drivers::supervise()?;
    Ok(Exit::Done)
}
