//! One file for two streams.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How much of an unfinished line waits for its end, in bytes.
const HELD: usize = 64 << 10;

/// Opens the file, which grows by what is appended. The other container, which may run as another user, reads it.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    // Only its owner may do that; if it was there before, another user made it readable.
    let _ = file.set_permissions(Permissions::from_mode(0o644));
    Ok(file)
}

/// Writes what comes on two streams so that no line has parts of both.
///
/// An unfinished line waits for its end, or for [`flush`](Self::flush).
pub(super) struct Log<W> {
    out: W,
    held: [Vec<u8>; 2],
    last: Last,
    lost: u64,
}

/// What the file ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A whole line, or nothing.
    Line,
    /// The start of a line of this stream.
    Part(usize),
    /// Something that could not be written to its end.
    Torn,
}

impl<W: Write> Log<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            held: Default::default(),
            // Of an earlier start of the container, nobody knows.
            last: Last::Line,
            lost: 0,
        }
    }

    /// Takes the next bytes of a stream.
    ///
    /// # Errors
    /// When they cannot be written; they are lost, the next are tried again.
    pub(super) fn push(&mut self, stream: usize, bytes: &[u8]) -> io::Result<()> {
        let held = &mut self.held[stream];
        let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        match bytes.iter().rposition(is_end) {
            Some(end) => {
                held.extend_from_slice(&bytes[..=end]);
                let lines = std::mem::take(held);
                held.extend_from_slice(&bytes[end + 1..]);
                self.write(stream, &lines)?;
            }
            None => held.extend_from_slice(bytes),
        }
        match self.held[stream].len() {
            HELD.. => self.flush(stream),
            _ => Ok(()),
        }
    }

    /// Writes the start of an unfinished line of a stream.
    ///
    /// # Errors
    /// See [`push`](Self::push).
    pub(super) fn flush(&mut self, stream: usize) -> io::Result<()> {
        let part = std::mem::take(&mut self.held[stream]);
        self.write(stream, &part)
    }

    /// Whether a line of a stream waits for its end.
    pub(super) fn is_held(&self, stream: usize) -> bool {
        !self.held[stream].is_empty()
    }

    /// How many bytes could not be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    fn write(&mut self, stream: usize, bytes: &[u8]) -> io::Result<()> {
        let Some(end) = bytes.last() else {
            return Ok(());
        };
        let separator: &[u8] = match self.last {
            Last::Part(other) if other != stream => b"\n",
            Last::Torn => b"\n",
            Last::Line | Last::Part(_) => b"",
        };
        let written = match separator {
            [] => self.out.write_all(bytes),
            _ => self.out.write_all(&[separator, bytes].concat()),
        };
        self.last = match (&written, end) {
            (Err(_), _) => Last::Torn,
            (Ok(()), b'\n' | b'\r') => Last::Line,
            (Ok(()), _) => Last::Part(stream),
        };
        if written.is_err() {
            self.lost += bytes.len() as u64;
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(pushes: &[(usize, &str)]) -> String {
        let mut log = Log::new(Vec::new());
        for (stream, text) in pushes {
            log.push(*stream, text.as_bytes()).unwrap();
        }
        log.flush(0).unwrap();
        log.flush(1).unwrap();
        String::from_utf8(log.out).unwrap()
    }

    #[test]
    fn lines_stay_whole() {
        let pushes = [
            (0, "acc="),
            (1, "warn"),
            (0, "0.9\nlo"),
            (1, "ing\n"),
            (0, "ss=1\n"),
        ];
        assert_eq!(written(&pushes), "acc=0.9\nwarning\nloss=1\n");
    }

    #[test]
    fn an_unfinished_line_is_ended_by_another_stream_s() {
        assert_eq!(written(&[(0, "acc=0.9"), (1, "bye")]), "acc=0.9\nbye");
    }

    #[test]
    fn a_long_line_does_not_wait() {
        let mut log = Log::new(Vec::new());
        log.push(0, &vec![b'x'; HELD]).unwrap();
        assert_eq!((log.out.len(), log.is_held(0)), (HELD, false));
    }

    /// A disk that is full for some writes.
    struct Full {
        written: Vec<u8>,
        writes: usize,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.writes += 1;
            match self.writes {
                1 => {
                    self.written.extend(&bytes[..4]);
                    Ok(4)
                }
                2 => Err(io::ErrorKind::StorageFull.into()),
                _ => self.written.write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn after_a_full_disk_a_line_starts_anew() {
        let mut log = Log::new(Full {
            written: Vec::new(),
            writes: 0,
        });
        log.push(0, b"acc=0.95\n").unwrap_err();
        log.push(0, b"acc=0.8\n").unwrap();
        assert_eq!(log.out.written, b"acc=\nacc=0.8\n");
        assert_eq!(log.lost(), 9);
    }

    proptest! {
        #[test]
        fn every_line_of_a_stream_is_there_in_order(
            pushes in prop::collection::vec((0_usize..2, "[ab]{0,3}\n?"), 0..30),
        ) {
            // The streams have letters of their own, so that a mixed line would be seen.
            let pushes: Vec<(usize, String)> = pushes
                .into_iter()
                .map(|(stream, text)| (stream, if stream == 1 { text.to_uppercase() } else { text }))
                .collect();
            let borrowed: Vec<_> = pushes.iter().map(|(stream, text)| (*stream, text.as_str())).collect();
            let log = written(&borrowed);
            for stream in 0..2 {
                let whole: String = pushes.iter().filter(|push| push.0 == stream).map(|push| push.1.as_str()).collect();
                let own = |line: &&str| line.chars().all(|letter| letter.is_uppercase() == (stream == 1));
                let expected: Vec<&str> = whole.lines().filter(|line| !line.is_empty()).collect();
                let found: Vec<&str> = log.lines().filter(|line| !line.is_empty()).filter(own).collect();
                prop_assert_eq!(found, expected);
            }
            for line in log.lines() {
                prop_assert!(line.chars().all(char::is_uppercase) || !line.chars().any(char::is_uppercase), "{}", line);
            }
        }
    }
}
