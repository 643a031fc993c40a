//! FNV-1a: a small hash that never changes, so that what it gives can be stored. Not safe against those who look for
//! collisions.

/// What the hash of no bytes is.
pub const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of all bytes so far: `before` is that of the earlier ones, or [`EMPTY`].
#[must_use]
pub fn fnv1a(before: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(before, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The same for a text of several: none ends where another one begins, because no UTF-8 has the byte between them.
#[must_use]
pub fn text(before: u64, text: &str) -> u64 {
    fnv1a(fnv1a(before, text.as_bytes()), &[0xff])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_known_function() {
        assert_eq!(fnv1a(EMPTY, b"foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(fnv1a(fnv1a(EMPTY, b"foo"), b"bar"), 0x8594_4171_f739_67e8);
    }
}
