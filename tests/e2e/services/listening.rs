//! Servers, ours and foreign ones, as processes.

use std::io::{BufRead as _, BufReader};
use std::process::{ChildStdout, Command, Stdio};

use tonic::transport::{Channel, Endpoint};

use crate::harness::{Running, World};

/// A process that prints where it listens.
pub(super) struct Listening {
    pub(super) process: Running,
    /// The line that it printed.
    pub(super) line: String,
    _stdout: BufReader<ChildStdout>,
}

impl Listening {
    /// Starts a server and waits for its first line.
    pub(super) fn start(command: &mut Command) -> Self {
        let mut process = Running(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut stdout = BufReader::new(process.0.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the server printed only {line:?}");
        Self {
            process,
            line: line.trim_end().to_owned(),
            _stdout: stdout,
        }
    }

    /// `diwan serve` on a free port.
    pub(super) fn diwan(world: &World) -> Self {
        Self::start(&mut world.diwan(["serve", "--listen", "127.0.0.1:0"]))
    }

    /// Where `diwan serve` listens.
    pub(super) fn address(&self) -> &str {
        self.line.strip_prefix("listening on ").unwrap()
    }

    /// A connection to `diwan serve`.
    pub(super) async fn connect(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address())).unwrap();
        endpoint.connect().await.unwrap()
    }
}
