//! Copies the trial's log to this container's output, where Katib's clients look for it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::interval;

/// How soon what the trial prints is shown.
const LOOK: Duration = Duration::from_millis(200);

/// How much is copied at once, in bytes.
const CHUNK: usize = 64 << 10;

/// The task that copies.
pub(super) struct Relay {
    is_over: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Copies from the start of the file: the output of a container that was started again is a new one.
    pub(super) fn start(path: PathBuf) -> Self {
        let (is_over, over) = watch::channel(false);
        Self {
            is_over,
            task: tokio::spawn(copy(path, over)),
        }
    }

    /// Nothing more is coming: copies the rest, if that takes no longer than `patience`.
    pub(super) async fn finish(self, patience: Duration) {
        let _ = self.is_over.send(true);
        let _ = tokio::time::timeout(patience, self.task).await;
    }
}

async fn copy(path: PathBuf, mut over: watch::Receiver<bool>) {
    let mut look = interval(LOOK);
    let mut copied = Copied {
        path,
        position: 0,
        buffer: vec![0; CHUNK],
    };
    loop {
        let is_last = *over.borrow();
        // On a thread that may wait: whoever reads the output may be slow.
        let more = tokio::task::spawn_blocking(move || copied.more().map(|()| copied));
        match more.await {
            Ok(Ok(next)) if !is_last => copied = next,
            // All is copied, or nobody reads the output any more.
            _ => return,
        }
        tokio::select! {
            _ = look.tick() => {}
            _ = over.changed() => {}
        }
    }
}

/// How far the file is copied.
struct Copied {
    path: PathBuf,
    position: u64,
    buffer: Vec<u8>,
}

impl Copied {
    /// Copies what is new.
    ///
    /// # Errors
    /// When it cannot be written. What cannot be read is said by who reads the metrics in it.
    fn more(&mut self) -> io::Result<()> {
        let mut output = io::stdout().lock();
        while let Ok(count @ 1..) = self.read() {
            self.position += count as u64;
            output.write_all(&self.buffer[..count])?;
        }
        output.flush()
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.position))?;
        file.read(&mut self.buffer)
    }
}
