//! Diwan's end of its supervisor: starts it when it is needed, gives orders, hands out reports.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
#[cfg(target_os = "linux")]
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use super::protocol::{Frames, Order, Report};

/// How to start a process that calls [`supervise`](super::supervise) or [`inherit`](super::inherit).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl SupervisorCommand {
    /// A program with arguments.
    pub fn new(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item: AsRef<OsStr>>,
    ) -> Self {
        let arguments = arguments.into_iter();
        Self {
            program: program.into(),
            arguments: arguments
                .map(|argument| argument.as_ref().to_owned())
                .collect(),
        }
    }

    /// This very program with arguments; on Linux also when its file has been replaced meanwhile.
    ///
    /// # Errors
    /// When the system cannot tell where this program is.
    pub fn this_program(arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> io::Result<Self> {
        let program = if cfg!(target_os = "linux") {
            PathBuf::from("/proc/self/exe")
        } else {
            std::env::current_exe()?
        };
        Ok(Self::new(program, arguments))
    }

    fn spawn(&self, socket: net::UnixStream) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .current_dir("/")
            .stdin(OwnedFd::from(socket))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    }

    /// With this process's standard input.
    #[cfg(target_os = "linux")]
    pub(super) fn spawn_as_child(&self, stdout: File) -> io::Result<std::process::Child> {
        std::process::Command::new(&self.program)
            .args(&self.arguments)
            .stdout(stdout)
            .spawn()
    }
}

/// Starts trials through a supervisor. Dropping it leaves the supervisor with its trials.
#[derive(Debug)]
pub(super) struct Launcher {
    command: SupervisorCommand,
    supervisor: Mutex<Option<Connection>>,
}

/// The connection to one supervisor.
#[derive(Clone, Debug)]
struct Connection {
    orders: mpsc::UnboundedSender<Vec<u8>>,
    expected: Arc<Mutex<Expected>>,
}

/// Who waits for reports, by order. None in it: the supervisor is gone.
#[derive(Debug)]
struct Expected {
    next: u64,
    reports: Option<HashMap<u64, mpsc::UnboundedSender<Report>>>,
}

/// The reports about one order, until it has ended or its supervisor is gone.
pub(super) type Reports = mpsc::UnboundedReceiver<Report>;

impl Launcher {
    pub(super) fn new(command: SupervisorCommand) -> Self {
        Self {
            command,
            supervisor: Mutex::new(None),
        }
    }

    /// Gives an order. The first report says what became of it; none: the supervisor is gone, and nobody knows.
    ///
    /// # Errors
    /// When there is no supervisor and none can be started, or the order has a NUL inside.
    pub(super) fn order(&self, order: &Order) -> io::Result<Reports> {
        let mut supervisor = lock(&self.supervisor);
        if let Some(connection) = &*supervisor
            && let Some(reports) = connection.order(order)?
        {
            return Ok(reports);
        }
        let connection = supervisor.insert(Connection::open(&self.command)?);
        let reports = connection.order(order)?;
        reports.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl Connection {
    fn open(command: &SupervisorCommand) -> io::Result<Self> {
        let (ours, theirs) = net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(ours)?.into_split();
        let child = command.spawn(theirs)?;
        let (orders, given) = mpsc::unbounded_channel();
        let expected = Arc::new(Mutex::new(Expected {
            next: 0,
            reports: Some(HashMap::new()),
        }));
        let (dropped, closed) = oneshot::channel();
        tokio::spawn(async move {
            write(writer, given).await;
            drop(dropped);
        });
        tokio::spawn(read(reader, child, Arc::clone(&expected), closed));
        Ok(Self { orders, expected })
    }

    /// None: the supervisor is gone.
    fn order(&self, order: &Order) -> io::Result<Option<Reports>> {
        let mut expected = lock(&self.expected);
        let number = expected.next;
        let frame = order.encode(number).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "there is a NUL in the command, its variables or its directory",
            )
        })?;
        let Some(waiting) = &mut expected.reports else {
            return Ok(None);
        };
        let (sender, reports) = mpsc::unbounded_channel();
        waiting.insert(number, sender);
        expected.next += 1;
        // If the writer is gone the reader notices too, and ends the wait.
        let _ = self.orders.send(frame);
        Ok(Some(reports))
    }
}

/// Ends when the driver is dropped; that closes the socket for writing, and the supervisor knows.
async fn write(mut writer: OwnedWriteHalf, mut orders: mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(frame) = orders.recv().await {
        if writer.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// Hands out reports until the supervisor is gone or the driver is dropped.
async fn read(
    mut reader: OwnedReadHalf,
    mut child: Child,
    expected: Arc<Mutex<Expected>>,
    mut closed: oneshot::Receiver<()>,
) {
    let mut frames = Frames::default();
    let mut bytes = Vec::with_capacity(4096);
    loop {
        let read = tokio::select! {
            read = reader.read_buf(&mut bytes) => read,
            _ = &mut closed => break,
        };
        if !read.is_ok_and(|read| read > 0) {
            break;
        }
        frames.push(&bytes);
        bytes.clear();
        while let Some(frame) = frames.next() {
            hand_out(&expected, frame);
        }
    }
    lock(&expected).reports = None;
    drop(reader);
    // Not a zombie for longer than it must be. It outlives a dropped driver, whose runtime may end first.
    let _ = child.wait().await;
}

fn hand_out(expected: &Mutex<Expected>, frame: &[u8]) {
    let Some((number, report)) = Report::decode(frame) else {
        return;
    };
    let mut expected = lock(expected);
    let Some(waiting) = &mut expected.reports else {
        return;
    };
    let goes_on = matches!(report, Report::Started(_));
    if let Some(sender) = waiting.get(&number) {
        // Nobody may be interested any more.
        let _ = sender.send(report);
    }
    if !goes_on {
        waiting.remove(&number);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
