//! Protocol buffers, as far as they are needed: fields by their numbers.

use super::BadEvents;

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Number(u64),
    Eight([u8; 8]),
    Four([u8; 4]),
    Bytes(&'a [u8]),
}

/// The fields of a message, in their order.
pub(super) struct Fields<'a>(&'a [u8]);

const CUT: BadEvents = BadEvents("a message is cut");

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The next field, none after the last.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, BadEvents> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = number(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Number(number(&mut self.0)?),
            1 => Value::Eight(self.array()?),
            2 => {
                let length = number(&mut self.0)?;
                let length = usize::try_from(length).map_err(|_| CUT)?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Four(self.array()?),
            _ => return Err(BadEvents("a message has a field of an unknown type")),
        };
        Ok(Some((key >> 3, value)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadEvents> {
        self.take(N)?.try_into().map_err(|_| CUT)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], BadEvents> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// A number of seven bits a byte, which it takes from the front.
pub(super) fn number(bytes: &mut &[u8]) -> Result<u64, BadEvents> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or(CUT)?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BadEvents("a number is too long"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_have_seven_bits_a_byte() {
        assert_eq!(number(&mut [0xac, 0x02].as_slice()), Ok(300));
        number(&mut [0xff; 11].as_slice()).unwrap_err();
        number(&mut [0x80].as_slice()).unwrap_err();
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut fields = Fields::new(&bytes);
            while let Ok(Some(_)) = fields.next() {}
        }
    }
}
