//! A record: its length, a checksum of that, its bytes, a checksum of those.

use super::BadEvents;

/// Bytes before the data.
const HEAD: usize = 12;

/// Bytes of a checksum.
const SUM: usize = 4;

/// What comes next.
pub(super) enum Next<'a> {
    Record {
        data: &'a [u8],
        /// With what surrounds the data.
        length: usize,
    },
    /// Not all of it is there; how long it will be, if that is.
    Part(Option<u64>),
}

pub(super) fn next(bytes: &[u8]) -> Result<Next<'_>, BadEvents> {
    let Some((head, rest)) = bytes.split_at_checked(HEAD) else {
        return Ok(Next::Part(None));
    };
    let (size, sum) = head.split_at(HEAD - SUM);
    check(size, sum)?;
    let mut number = [0; 8];
    number.copy_from_slice(size);
    let size = u64::from_le_bytes(number);
    let around = (HEAD + SUM) as u64;
    let length = size.saturating_add(around);
    let whole = usize::try_from(size)
        .ok()
        .and_then(|size| rest.split_at_checked(size));
    let Some((data, sum)) = whole.and_then(|(data, rest)| Some((data, rest.get(..SUM)?))) else {
        return Ok(Next::Part(Some(length)));
    };
    check(data, sum)?;
    Ok(Next::Record {
        data,
        length: HEAD + data.len() + SUM,
    })
}

fn check(bytes: &[u8], sum: &[u8]) -> Result<(), BadEvents> {
    match masked(crc32c(bytes)).to_le_bytes() == sum {
        true => Ok(()),
        false => Err(BadEvents("a checksum is wrong")),
    }
}

/// TensorFlow's way to keep the checksum of something that has a checksum in it from being special.
fn masked(sum: u32) -> u32 {
    sum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Castagnoli's polynomial, reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[byte] = sum;
        byte += 1;
    }
    table
}

fn crc32c(bytes: &[u8]) -> u32 {
    let add = |sum: u32, byte: &u8| {
        let [low, ..] = sum.to_le_bytes();
        TABLE[usize::from(low ^ byte)] ^ (sum >> 8)
    };
    !bytes.iter().fold(!0, add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_rfc_3720() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
