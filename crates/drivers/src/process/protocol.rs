//! What Diwan and its supervisor say to each other.
//!
//! A frame is its length, four bytes, least first, and fields that each end in a NUL: no path, argument or variable can have
//! one inside. Both ends are always the same program, so there are no versions.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use diwan_core::record::ExperimentKey;

use super::status::Leader;
use crate::launch::LaunchId;

/// To the supervisor: run this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// Absolute directory in it.
    pub(super) id: LaunchId,
    /// Where the command starts; none: in the trial's own working directory.
    pub(super) working_dir: Option<PathBuf>,
    /// At least one.
    pub(super) argv: Vec<String>,
    /// Put over Diwan's own environment, in this order.
    pub(super) env: Vec<(String, String)>,
}

/// From the supervisor, about the order with the same number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The command runs.
    Started(Leader),
    /// Somebody else has the attempt.
    Taken,
    /// Nothing was started, and the attempt is free.
    Refused(Refusal),
    /// The command has ended, or could not be run; what is left in its group got a TERM.
    Ended {
        /// As a shell counts.
        code: i32,
        /// Whether the status file says so too.
        recorded: bool,
        /// Whether the disk was full then.
        full: bool,
    },
}

/// What the system did not grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) doing: Doing,
    pub(super) path: PathBuf,
    /// Error number of the system; 0 if there is none.
    pub(super) errno: i32,
}

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// To make a file or directory.
    Create,
    /// To make a process.
    Spawn,
}

impl Order {
    /// The frame, under a number. None: something has a NUL inside, which no process can be given.
    pub(super) fn encode(&self, number: u64) -> Option<Vec<u8>> {
        let mut frame = Writer::new(number);
        let id = &self.id;
        frame.text(&id.experiment.namespace);
        frame.text(&id.experiment.name);
        frame.text(&id.trial);
        frame.number(id.attempt);
        frame.path(&id.directory);
        frame.path(self.working_dir.as_deref().unwrap_or(Path::new("")));
        frame.number(self.argv.len());
        self.argv.iter().for_each(|argument| frame.text(argument));
        for (name, value) in &self.env {
            frame.text(name);
            frame.text(value);
        }
        frame.finish()
    }

    /// Reads a frame's fields.
    pub(super) fn decode(frame: &[u8]) -> Option<(u64, Self)> {
        let mut fields = Reader::new(frame);
        let number = fields.number()?;
        let id = LaunchId {
            experiment: ExperimentKey::new(fields.text()?, fields.text()?),
            trial: fields.text()?,
            attempt: fields.number()?,
            directory: fields.path()?,
        };
        let working_dir = fields.path().filter(|path| path != Path::new(""));
        let count = fields.number()?;
        let argv: Vec<_> = (0..count).map_while(|_: usize| fields.text()).collect();
        let mut env = Vec::new();
        while let Some(name) = fields.text() {
            env.push((name, fields.text()?));
        }
        let order = Self {
            id,
            working_dir,
            argv,
            env,
        };
        (order.argv.len() == count && count > 0).then_some((number, order))
    }
}

impl Report {
    /// The frame, about an order.
    pub(super) fn encode(&self, number: u64) -> Vec<u8> {
        let mut frame = Writer::new(number);
        match self {
            Self::Started(leader) => {
                frame.text("started");
                frame.number(leader.pid);
                frame.number(leader.start);
            }
            Self::Taken => frame.text("taken"),
            Self::Refused(refusal) => {
                frame.text(match refusal.doing {
                    Doing::Create => "create",
                    Doing::Spawn => "spawn",
                });
                frame.number(refusal.errno);
                frame.path(&refusal.path);
            }
            Self::Ended {
                code,
                recorded,
                full,
            } => {
                frame.text(if *recorded { "ended" } else { "unrecorded" });
                frame.number(*code);
                frame.number(u8::from(*full));
            }
        }
        frame.finish().unwrap_or_default()
    }

    /// Reads a frame's fields.
    pub(super) fn decode(frame: &[u8]) -> Option<(u64, Self)> {
        let mut fields = Reader::new(frame);
        let number = fields.number()?;
        let kind = fields.text()?;
        let report = match kind.as_str() {
            "started" => Self::Started(Leader {
                pid: fields.number()?,
                start: fields.number()?,
            }),
            "taken" => Self::Taken,
            "ended" | "unrecorded" => Self::Ended {
                code: fields.number()?,
                recorded: kind == "ended",
                full: fields.number::<u8>()? > 0,
            },
            "create" | "spawn" => Self::Refused(Refusal {
                doing: if kind == "create" {
                    Doing::Create
                } else {
                    Doing::Spawn
                },
                errno: fields.number()?,
                path: fields.path()?,
            }),
            _ => return None,
        };
        Some((number, report))
    }
}

impl Refusal {
    pub(super) fn new(doing: Doing, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self {
            doing,
            path: path.to_owned(),
            errno: error.raw_os_error().unwrap_or_default(),
        }
    }
}

/// Bytes as they arrive, cut into frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    start: usize,
}

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The fields of the next whole frame.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let (length, rest) = self.bytes.get(self.start..)?.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let frame = rest.get(..length)?;
        self.start += 4 + length;
        Some(frame)
    }
}

struct Writer {
    frame: Vec<u8>,
    whole: bool,
}

impl Writer {
    fn new(number: u64) -> Self {
        let mut writer = Self {
            frame: vec![0; 4],
            whole: true,
        };
        writer.number(number);
        writer
    }

    fn bytes(&mut self, field: &[u8]) {
        self.whole &= !field.contains(&0);
        self.frame.extend_from_slice(field);
        self.frame.push(0);
    }

    fn text(&mut self, field: &str) {
        self.bytes(field.as_bytes());
    }

    fn path(&mut self, field: &Path) {
        self.bytes(field.as_os_str().as_bytes());
    }

    fn number(&mut self, field: impl ToString) {
        self.text(&field.to_string());
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        let length = u32::try_from(self.frame.len() - 4).ok()?;
        self.frame[..4].copy_from_slice(&length.to_le_bytes());
        self.whole.then_some(self.frame)
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn new(frame: &'a [u8]) -> Self {
        Self(frame)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let (field, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..)?;
        Some(field)
    }

    fn text(&mut self) -> Option<String> {
        Some(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    fn path(&mut self) -> Option<PathBuf> {
        Some(PathBuf::from(OsStr::from_bytes(self.bytes()?)))
    }

    fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.text()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        Order {
            id: LaunchId {
                experiment: ExperimentKey::new("default", "é"),
                trial: "tune-1".to_owned(),
                attempt: 2,
                directory: "/d/tune-1".into(),
            },
            working_dir: None,
            argv: vec!["sh".to_owned(), String::new(), "a\nb".to_owned()],
            env: vec![("A".to_owned(), "b=c".to_owned())],
        }
    }

    #[test]
    fn frames_arrive_whatever_their_pieces() {
        let reports = [
            Report::Started(Leader { pid: 7, start: 8 }),
            Report::Taken,
            Report::Ended {
                code: 137,
                recorded: false,
                full: true,
            },
            Report::Refused(Refusal {
                doing: Doing::Spawn,
                path: "/x y".into(),
                errno: 11,
            }),
        ];
        let mut frames = Frames::default();
        let mut seen = Vec::new();
        for byte in reports.iter().flat_map(|report| report.encode(5)) {
            frames.push(&[byte]);
            while let Some(frame) = frames.next() {
                seen.push(Report::decode(frame).unwrap());
            }
        }
        assert_eq!(seen, reports.map(|report| (5, report)));
    }

    #[test]
    fn orders_arrive_as_they_are() {
        let frame = order().encode(9).unwrap();
        assert_eq!(Order::decode(&frame[4..]), Some((9, order())));
        for end in 4..frame.len() {
            // A frame cut short is refused, or lacks variables at most.
            let cut = Order::decode(&frame[4..end]);
            assert!(cut.is_none_or(|(_, order)| order.env.is_empty()));
        }
    }

    #[test]
    fn no_process_is_given_a_nul() {
        let mut order = order();
        order.argv.push("a\0b".to_owned());
        assert_eq!(order.encode(1), None);
    }
}
