//! Follows a file that a trial writes.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use diwan_core::digest::{EMPTY, fnv1a};
use diwan_core::observation::{MetricPoint, Source};

use crate::Stream;

/// How much is read at once, in bytes.
const CHUNK: u64 = 64 << 10;

/// The smallest buffer, in bytes.
const SMALL: u64 = 4 << 10;

/// How much one poll reads at most, in bytes, so that a caller with many trials is never kept by one.
const BATCH: u64 = 4 << 20;

/// How many of the last bytes read are remembered to recognise the file by.
const MEMORY: usize = 64;

/// Feeds a [`Stream`] from a file.
///
/// It has no timer: the caller decides when to poll. It keeps no file open, and a poll that finds nothing new costs one look
/// at the file's metadata. The file need not exist yet.
///
/// The logs of the trial's own output only ever grow, but a file of the user's ([`Source::File`]) may be written anew:
/// truncated, or replaced by another. It is known by its size and the last 64 bytes that were read. A new content is read from
/// its start, and its offsets go on where the old content's ended, so that its points are new ones; a content that starts with
/// all that was read before is just longer. Over a restart the same is known by the [`Origin`] that is kept with the cursor.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    stream: Stream,
    /// Offset in the stream of the file's first byte.
    base: u64,
    /// The last bytes read of the file, none before the first.
    memory: Vec<u8>,
    /// The last bytes before the stream's cursor.
    mark: Vec<u8>,
    /// The fingerprint of those, of a file that was not looked at since the restart.
    expected: Option<u64>,
    /// The file when it had been read to its end.
    seen: Option<Seen>,
}

/// Which file a cursor was in. Of a stream that only grows, all zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Offset in the stream of the file's first byte.
    pub base: u64,
    /// Fingerprint of the last bytes of the file before the cursor, 64 of them if there are so many.
    pub print: u64,
}

/// What tells that a file has not been written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    length: u64,
    modified: Option<std::time::SystemTime>,
    inode: u64,
}

impl Tail {
    /// Follows the file at `path` from its start, or a stream that only grows from the stream's cursor on.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, stream: Stream) -> Self {
        Self {
            path: path.into(),
            stream,
            base: 0,
            memory: Vec::new(),
            mark: Vec::new(),
            expected: None,
            seen: None,
        }
    }

    /// Goes on at the stream's cursor, which an earlier tail of the file at `path` reached with this
    /// [`origin`](Self::origin).
    #[must_use]
    pub fn resumed(path: impl Into<PathBuf>, stream: Stream, origin: Origin) -> Self {
        Self {
            base: origin.base,
            expected: Some(origin.print),
            ..Self::new(path, stream)
        }
    }

    /// What is to be kept with the stream's cursor.
    #[must_use]
    pub fn origin(&self) -> Origin {
        if self.stream.source() != Source::File {
            return Origin::default();
        }
        Origin {
            base: self.base,
            print: self.expected.unwrap_or_else(|| fnv1a(EMPTY, &self.mark)),
        }
    }

    /// Reads what is new, at most some megabytes, and appends its points. Returns how many bytes were read; 0 means that the
    /// end is reached.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or is no regular file.
    pub fn poll(&mut self, out: &mut Vec<MetricPoint>) -> io::Result<u64> {
        let metadata = match std::fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            other => other?,
        };
        if !metadata.is_file() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "it is no regular file; metrics are read from a file",
            ));
        }
        if self.seen == Some(Seen::of(&metadata))
            || (metadata.len() == 0 && self.stream.position() == self.base)
        {
            return Ok(0);
        }
        self.read_new(out)
    }

    /// Ends a last line that has no end: the trial is over and a poll has returned 0.
    pub fn finish(&mut self, out: &mut Vec<MetricPoint>) {
        self.stream.finish(out);
        self.mark.clone_from(&self.memory);
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The stream, for its cursor and what it has seen.
    #[must_use]
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    fn read_new(&mut self, out: &mut Vec<MetricPoint>) -> io::Result<u64> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            other => other?,
        };
        if self.stream.source() == Source::File && !self.is_continued(&mut file)? {
            self.start_over(out);
        }
        file.seek(SeekFrom::Start(self.position()))?;
        let read = self.read_batch(&mut file, out)?;
        let after = Seen::of(&file.metadata()?);
        self.seen = (after.length == self.position()).then_some(after);
        Ok(read)
    }

    fn read_batch(&mut self, file: &mut File, out: &mut Vec<MetricPoint>) -> io::Result<u64> {
        let left = file.metadata()?.len().saturating_sub(self.position());
        let mut buffer = vec![0; usize::try_from(left.clamp(SMALL, CHUNK)).unwrap_or(MEMORY)];
        let mut total = 0;
        while total < BATCH {
            let count = match file.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                other => other?,
            };
            if count == 0 {
                break;
            }
            let before = self.stream.cursor();
            self.stream.push(&buffer[..count], out);
            self.remember(&buffer[..count], before);
            total += count as u64;
        }
        Ok(total)
    }

    /// Where to read on in the file.
    fn position(&self) -> u64 {
        self.stream.position().saturating_sub(self.base)
    }

    /// Whether the file still starts with what was read of it.
    fn is_continued(&mut self, file: &mut File) -> io::Result<bool> {
        let position = self.position();
        let known = match self.expected {
            None => self.memory.len(),
            Some(_) => usize::try_from(position).map_or(MEMORY, |bytes| bytes.min(MEMORY)),
        };
        if file.metadata()?.len() < position {
            return Ok(false);
        }
        let mut before = vec![0; known];
        file.seek(SeekFrom::Start(
            position.saturating_sub(before.len() as u64),
        ))?;
        match file.read_exact(&mut before) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            other => other.map(|()| self.recognises(before)),
        }
    }

    fn recognises(&mut self, before: Vec<u8>) -> bool {
        match self.expected {
            None => before == self.memory,
            Some(print) if fnv1a(EMPTY, &before) == print => {
                self.expected = None;
                self.memory.clone_from(&before);
                self.mark = before;
                true
            }
            Some(_) => false,
        }
    }

    fn start_over(&mut self, out: &mut Vec<MetricPoint>) {
        self.stream.finish(out);
        self.base = self.stream.position();
        self.memory.clear();
        self.mark.clear();
        self.expected = None;
    }

    /// Bytes were pushed while the stream's cursor was at `before`. When it moved, it moved to the end of a line in them.
    fn remember(&mut self, bytes: &[u8], before: u64) {
        if self.stream.cursor() > before {
            let unfinished = self.stream.position() - self.stream.cursor();
            let unfinished = usize::try_from(unfinished).unwrap_or(usize::MAX);
            let lines = bytes.len().saturating_sub(unfinished);
            self.mark = last(&self.memory, &bytes[..lines]);
        }
        self.memory = last(&self.memory, bytes);
    }
}

/// The last bytes of two parts.
fn last(before: &[u8], after: &[u8]) -> Vec<u8> {
    let after = &after[after.len().saturating_sub(MEMORY)..];
    let left = MEMORY - after.len();
    let before = &before[before.len().saturating_sub(left)..];
    [before, after].concat()
}

impl Seen {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            inode,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{OpenOptions, write};
    use std::io::Write;

    use diwan_core::resources::MetricsCollectorSpec;
    use tempfile::TempDir;

    use super::*;
    use crate::Collector;
    use crate::wanted::objective;

    struct Followed {
        directory: TempDir,
        tail: Tail,
        points: Vec<MetricPoint>,
    }

    impl Followed {
        fn new(source: Source) -> Self {
            let directory = tempfile::tempdir().unwrap();
            let stream = Self::stream(source, 0);
            let tail = Tail::new(directory.path().join("log"), stream);
            Self {
                directory,
                tail,
                points: Vec::new(),
            }
        }

        fn stream(source: Source, cursor: u64) -> Stream {
            let collector =
                Collector::new(&MetricsCollectorSpec::default(), &objective(&["acc"])).unwrap();
            collector.stream(source, cursor)
        }

        fn restart(&mut self) {
            let stream = self.tail.stream();
            let stream = Self::stream(stream.source(), stream.cursor());
            self.tail = Tail::resumed(&self.tail.path, stream, self.tail.origin());
        }

        fn write(&self, text: &str) {
            write(&self.tail.path, text).unwrap();
        }

        fn append(&self, text: &str) {
            let mut file = OpenOptions::new()
                .append(true)
                .create(true)
                .open(&self.tail.path)
                .unwrap();
            file.write_all(text.as_bytes()).unwrap();
        }

        fn poll(&mut self) -> u64 {
            self.tail.poll(&mut self.points).unwrap()
        }

        fn values(&self) -> Vec<&str> {
            self.points
                .iter()
                .map(|point| point.value.as_str())
                .collect()
        }

        fn places(&self) -> Vec<i64> {
            self.points.iter().map(|point| point.place.offset).collect()
        }
    }

    #[test]
    fn follows_a_file_that_grows() {
        let mut log = Followed::new(Source::StdOut);
        assert_eq!(log.poll(), 0, "no file yet");
        log.append("");
        assert_eq!(log.poll(), 0, "an empty file");
        log.append("acc=1\nac");
        assert_eq!(log.poll(), 8);
        assert_eq!(log.poll(), 0);
        log.append("c=2\nacc=3");
        log.poll();
        assert_eq!((log.values(), log.places()), (vec!["1", "2"], vec![0, 6]));
        log.tail.finish(&mut log.points);
        assert_eq!(log.values(), ["1", "2", "3"]);
    }

    #[test]
    fn resumes_at_its_cursor() {
        for source in [Source::StdOut, Source::File] {
            let mut log = Followed::new(source);
            log.append("acc=1\nacc");
            log.poll();
            log.restart();
            log.append("=2\n");
            log.poll();
            assert_eq!((log.values(), log.places()), (vec!["1", "2"], vec![0, 6]));
        }
    }

    #[test]
    fn reads_in_batches() {
        let mut log = Followed::new(Source::StdOut);
        log.write(&"x".repeat(9 << 20));
        let reads: Vec<u64> = (0..4).map(|_| log.poll()).collect();
        assert_eq!((reads.iter().sum::<u64>(), reads[3]), (9 << 20, 0));
        assert!(reads[0] < BATCH + CHUNK);
    }

    #[test]
    fn a_file_written_anew_is_read_anew() {
        let mut log = Followed::new(Source::File);
        for (text, why) in [
            ("acc=0.1", "first"),
            ("acc=0.25\n", "longer"),
            ("acc=0.3\n", "shorter"),
            ("acc=0.4\nacc=0.5\n", "much longer"),
        ] {
            log.write(text);
            assert!(log.poll() > 0, "{why}");
        }
        assert_eq!(log.values(), ["0.1", "0.25", "0.3", "0.4", "0.5"]);
        assert_eq!(log.places(), [0, 7, 16, 24, 32]);
    }

    #[test]
    fn a_replacement_that_starts_the_same_is_only_longer() {
        let mut log = Followed::new(Source::File);
        log.write("acc=1\n");
        log.poll();
        let new = log.directory.path().join("new");
        write(&new, "acc=1\nacc=2\n").unwrap();
        std::fs::rename(new, &log.tail.path).unwrap();
        log.poll();
        assert_eq!((log.values(), log.places()), (vec!["1", "2"], vec![0, 6]));
        File::open(&log.tail.path)
            .unwrap()
            .set_modified(std::time::UNIX_EPOCH)
            .unwrap();
        assert_eq!(log.poll(), 0, "touched");
        assert_eq!(log.values(), ["1", "2"]);
    }

    #[test]
    fn a_restart_knows_the_file_again() {
        let long = format!("{}\nacc=4\n", "x".repeat(100));
        for (next, values) in [
            ("acc=2\nacc=3\n", vec!["1", "2", "3"]),
            ("acc=2\nac", vec!["1", "2"]),
            ("acc=5\nacc=3\nacc=6\n", vec!["1", "2", "5", "3", "6"]),
            (&long, vec!["1", "2", "4"]),
            ("acc=7\n", vec!["1", "2", "7"]),
        ] {
            let mut log = Followed::new(Source::File);
            log.write("acc=1\n");
            log.poll();
            // Written anew before the restart, with an unfinished line at it.
            log.write("acc=2\nac");
            log.poll();
            log.restart();
            log.write(next);
            log.poll();
            log.restart();
            log.poll();
            assert_eq!(log.values(), values, "{next}");
            let places = log.places();
            assert!(places.is_sorted_by(|one, other| one < other), "{places:?}");
            log.append("\nacc=9\n");
            log.restart();
            log.poll();
            assert_eq!(log.values().last(), Some(&"9"), "{next}");
            assert_eq!(log.points.len(), values.len() + 1, "{next}");
        }
    }

    #[test]
    fn the_trial_s_own_log_may_lose_its_start() {
        let mut log = Followed::new(Source::StdOut);
        log.write("acc=1\nacc=2\n");
        log.poll();
        log.write("\0\0\0\0\0\0\0\0\0\0\0\0acc=3\n");
        log.poll();
        assert_eq!(
            (log.values(), log.places()),
            (vec!["1", "2", "3"], vec![0, 6, 12])
        );
    }

    #[test]
    fn a_directory_is_an_error() {
        let mut log = Followed::new(Source::File);
        std::fs::create_dir(&log.tail.path).unwrap();
        assert_eq!(
            log.tail.poll(&mut log.points).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
}
