//! TensorBoard's event files: records of protocol buffers, of which only single numbers are read.
//!
//! A file only grows, and a record that is not whole yet is waited for. A record does not depend on others, so a file can be
//! left after any record and be taken up there.

mod event;
mod frame;
mod tags;
mod wire;

pub use event::Scalar;
pub use tags::Tags;

/// What is no event file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no event file, or it is damaged: {0}")]
pub struct BadEvents(&'static str);

/// What some bytes of an event file have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// The numbers, in their order.
    pub scalars: Vec<Scalar>,
    /// The bytes of whole records; read on behind them.
    pub whole: usize,
    /// How long the next record is, if its start is there.
    pub next: Option<u64>,
}

/// Reads the whole records at the start of `bytes`, which begin at the start of a record.
///
/// # Errors
/// When they are none. Nothing behind such a place can be read.
pub fn read(bytes: &[u8]) -> Result<Events, BadEvents> {
    let mut events = Events::default();
    loop {
        match frame::next(&bytes[events.whole..])? {
            frame::Next::Record { data, length } => {
                event::read(data, &mut events.scalars)?;
                events.whole += length;
            }
            frame::Next::Part(next) => {
                events.next = next;
                return Ok(events);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &[u8] = include_bytes!("../tests/data/train.tfevents");

    #[test]
    fn a_file_of_a_well_known_writer() {
        let events = read(FILE).unwrap();
        assert_eq!((events.whole, events.next), (FILE.len(), None));
        let short: Vec<String> = events
            .scalars
            .iter()
            .map(|scalar| format!("{} {} @{}", scalar.tag, scalar.value, scalar.step))
            .collect();
        assert_eq!(
            short,
            [
                "accuracy 0.5 @0",
                "loss 1 @0",
                "loss_extra 7 @0",
                "accuracy 0.75 @1",
                "loss 0.5 @1",
                "loss_extra 7 @1",
                "accuracy 0.9 @2",
                "loss NaN @2",
                "loss_extra 7 @2",
            ]
        );
        assert_eq!(events.scalars[3].time_ns, Some(1_795_255_201_250_000_000));
    }

    #[test]
    fn any_cut_gives_the_same() {
        let all = read(FILE).unwrap().scalars;
        for length in 0..FILE.len() {
            let first = read(&FILE[..length]).unwrap();
            let second = read(&FILE[first.whole..]).unwrap();
            assert_eq!([first.scalars, second.scalars].concat(), all, "{length}");
        }
    }

    #[test]
    fn damage_is_noticed() {
        for place in 0..FILE.len() {
            let mut bytes = FILE.to_vec();
            bytes[place] ^= 1;
            read(&bytes).unwrap_err();
        }
        let text = b"acc=0.9 is no event file".as_slice();
        assert!(
            read(text)
                .unwrap_err()
                .to_string()
                .contains("no event file")
        );
    }
}
