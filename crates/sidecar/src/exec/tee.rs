//! What the command prints: to the container's output, unchanged and at once, and to the log.

use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::SharedLog;
use super::child::Outputs;
use super::log::Log;
use crate::say;

/// How long the start of a line waits for its end before it is written to the log.
const IDLE_MILLIS: u16 = 200;

/// How much is read at once, in bytes.
const CHUNK: usize = 64 << 10;

/// The most that a pipe holds, in bytes. What is read after the command's end is at most that: processes that it has left
/// behind may go on printing.
const PIPE: usize = 1 << 20;

/// Two threads, so that neither stream waits for the other, and a slow reader of the output holds up nothing but the command.
pub(super) struct Tees {
    threads: Vec<JoinHandle<()>>,
    /// The threads see it close.
    end: Option<PipeWriter>,
    log: SharedLog,
}

struct Tee<R> {
    stream: usize,
    from: R,
    to: Option<File>,
    log: SharedLog,
    /// Closes when the command ends. Without it the stream is read until all who have it are gone.
    end: Option<PipeReader>,
    has_ended: bool,
    has_said: bool,
}

impl Tees {
    pub(super) fn start(outputs: Outputs, log: &SharedLog) -> Self {
        let (reader, writer) = io::pipe().map_or((None, None), |(reader, writer)| {
            (Some(reader), Some(writer))
        });
        let end = || reader.as_ref().and_then(|reader| reader.try_clone().ok());
        let stdout = owned(io::stdout().as_fd());
        let stderr = owned(io::stderr().as_fd());
        let threads = vec![
            Tee::spawn(0, outputs.stdout, stdout, log, end()),
            Tee::spawn(1, outputs.stderr, stderr, log, end()),
        ];
        Self {
            threads,
            end: writer,
            log: log.clone(),
        }
    }

    /// The command has ended: reads what it has printed, and no more.
    pub(super) fn finish(self) {
        drop(self.end);
        for thread in self.threads {
            // What a thread that panicked had to say is said.
            let _ = thread.join();
        }
        let lost = self.log.map_or(0, |log| lock(&log).lost());
        if lost > 0 {
            say(&format!(
                "{lost} bytes of what the command printed could not be written to the log; metrics in them are not read"
            ));
        }
    }
}

/// A poisoned log is a log still.
pub(super) fn lock(log: &Arc<Mutex<Log<File>>>) -> MutexGuard<'_, Log<File>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The container's output as a file, which buffers nothing.
fn owned(output: BorrowedFd<'_>) -> Option<File> {
    output.try_clone_to_owned().ok().map(File::from)
}

impl<R: Read + AsFd + Send + 'static> Tee<R> {
    fn spawn(
        stream: usize,
        from: R,
        to: Option<File>,
        log: &SharedLog,
        end: Option<PipeReader>,
    ) -> JoinHandle<()> {
        let tee = Self {
            stream,
            from,
            to,
            log: log.clone(),
            end,
            has_ended: false,
            has_said: false,
        };
        std::thread::spawn(move || tee.run())
    }

    fn run(mut self) {
        let mut buffer = vec![0; CHUNK];
        let mut left = PIPE;
        while left > 0 {
            match self.wait() {
                Next::Bytes => match self.from.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => {
                        self.pass(&buffer[..count]);
                        if self.has_ended {
                            left = left.saturating_sub(count);
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                },
                Next::Idle => self.log_with(|log, stream| log.flush(stream)),
                Next::Ended => self.has_ended = true,
                Next::Drained => break,
            }
        }
        self.log_with(|log, stream| log.flush(stream));
    }

    fn wait(&self) -> Next {
        let is_held = |log: &Arc<Mutex<Log<File>>>| lock(log).is_held(self.stream);
        let timeout = match self.has_ended {
            true => PollTimeout::ZERO,
            false if self.log.as_ref().is_some_and(is_held) => PollTimeout::from(IDLE_MILLIS),
            false => PollTimeout::NONE,
        };
        let ready = |fd: &PollFd<'_>| fd.any().unwrap_or(false);
        let mut fds = vec![PollFd::new(self.from.as_fd(), PollFlags::POLLIN)];
        if let Some(end) = self.end.as_ref().filter(|_| !self.has_ended) {
            fds.push(PollFd::new(end.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut fds, timeout) {
            // Reading says what is wrong, if it is not just an interruption.
            Err(_) => Next::Bytes,
            Ok(_) if ready(&fds[0]) => Next::Bytes,
            Ok(_) if fds.get(1).is_some_and(ready) => Next::Ended,
            Ok(_) if self.has_ended => Next::Drained,
            Ok(_) => Next::Idle,
        }
    }

    /// To the log first: it must have what the container's output has, also when somebody reads that slowly.
    fn pass(&mut self, bytes: &[u8]) {
        self.log_with(|log, stream| log.push(stream, bytes));
        let Some(to) = &mut self.to else { return };
        if let Err(error) = write_all(to, bytes) {
            self.to = None;
            say(&format!(
                "what the command prints can be shown no more, it runs on: {error}"
            ));
        }
    }

    fn log_with(&mut self, write: impl FnOnce(&mut Log<File>, usize) -> io::Result<()>) {
        let Some(log) = &self.log else { return };
        let written = write(&mut lock(log), self.stream);
        if let Err(error) = written
            && !std::mem::replace(&mut self.has_said, true)
        {
            say(&format!(
                "the log cannot be written, the command runs on: {error}"
            ));
        }
    }
}

/// What a thread is to do.
enum Next {
    Bytes,
    /// Nothing has come for a while.
    Idle,
    /// The command has just ended.
    Ended,
    /// The command has ended, and all is read.
    Drained,
}

/// Also to an output that somebody has made non-blocking.
fn write_all(to: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let mut fds = [PollFd::new(to.as_fd(), PollFlags::POLLOUT)];
                let _ = poll(&mut fds, PollTimeout::NONE);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
