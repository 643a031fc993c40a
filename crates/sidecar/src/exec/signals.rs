//! Signals that are for the command.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use nix::sys::signal::Signal;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What is passed on: everything that people and Kubernetes send to processes. Not what the kernel tells a process about
/// itself (a broken pipe, a fault), nor what no process can catch.
const FORWARDED: [Signal; 9] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGCONT,
    Signal::SIGWINCH,
];

/// Listens. Handlers, and not a mask: a mask would be inherited by the command.
pub(super) struct Signals {
    child: Stream,
    forwarded: Vec<(Signal, Stream)>,
}

/// A signal that came.
pub(super) enum Heard {
    /// A process has ended.
    Child,
    /// One for the command.
    Forward(Signal),
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        let listen = |kind: Signal| Ok((kind, signal(SignalKind::from_raw(kind as i32))?));
        Ok(Self {
            child: signal(SignalKind::child())?,
            forwarded: FORWARDED
                .into_iter()
                .map(listen)
                .collect::<io::Result<_>>()?,
        })
    }

    pub(super) async fn next(&mut self) -> Heard {
        poll_fn(|context| self.poll(context)).await
    }

    /// Those to forward first: one that came before the command's end is for it.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Heard> {
        for (kind, stream) in &mut self.forwarded {
            if stream.poll_recv(context).is_ready() {
                return Poll::Ready(Heard::Forward(*kind));
            }
        }
        self.child.poll_recv(context).map(|_| Heard::Child)
    }
}
