//! Names of trials.

/// The alphabet of Kubernetes' generated names: no vowels, no digits that look like letters.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// 27^8 names of eight letters.
const NAMES: u64 = 282_429_536_481;
/// The smallest even number of bits that holds them: two halves of 20 bits.
const HALF_BITS: u32 = 20;

/// Name of an experiment's trial: `<experiment>-<8 letters>`, as Katib's look.
///
/// A keyed permutation of the number, so two trials of one experiment never share a name however many there are (random
/// letters would collide within a million), and asking again for the same trial gives the same name. `key` comes from the
/// experiment's uid, so that a deleted and remade experiment has other names.
#[must_use]
pub fn trial_name(experiment: &str, key: u64, number: u64) -> String {
    let mut code = number % NAMES;
    loop {
        code = permute(code, key);
        if code < NAMES {
            break;
        }
    }
    let mut letters = String::with_capacity(experiment.len() + 9);
    letters.push_str(experiment);
    letters.push('-');
    for _ in 0..8 {
        letters.push(char::from(
            ALPHABET[usize::try_from(code % 27).unwrap_or_default()],
        ));
        code /= 27;
    }
    letters
}

/// Four Feistel rounds over 40 bits: a bijection whatever the round function.
fn permute(value: u64, key: u64) -> u64 {
    let mask = (1 << HALF_BITS) - 1;
    let (mut left, mut right) = (value >> HALF_BITS, value & mask);
    for round in 0..4 {
        (left, right) = (
            right,
            left ^ (mix(right ^ key.rotate_left(16 * round)) & mask),
        );
    }
    left << HALF_BITS | right
}

/// SplitMix64's finaliser (Steele, Lea, Flood 2014).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_look_like_katibs_and_never_repeat() {
        let names: HashSet<String> = (0..200_000)
            .map(|number| trial_name("tune", 7, number))
            .collect();
        assert_eq!(names.len(), 200_000);
        let name = names.iter().next().unwrap();
        assert!(name.starts_with("tune-") && name.len() == 13, "{name}");
        assert!(
            name.bytes()
                .skip(5)
                .all(|letter| ALPHABET.contains(&letter)),
            "{name}"
        );
    }

    #[test]
    fn another_experiment_has_other_names() {
        let first = (0..100)
            .map(|number| trial_name("tune", 1, number))
            .collect::<HashSet<_>>();
        assert!((0..100).all(|number| !first.contains(&trial_name("tune", 2, number))));
    }
}
