//! Names of trials.

use crate::permutation::Permutation;

/// The alphabet of Kubernetes' generated names: no vowels, no digits that look like letters.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// 27^8 names of eight letters.
const NAMES: u128 = 282_429_536_481;

/// Name of an experiment's trial: `<experiment>-<8 letters>`, as Katib's look.
///
/// A keyed permutation of the number, so two trials of one experiment never share a name however many there are (random
/// letters would collide within a million), and asking again for the same trial gives the same name. `key` comes from the
/// experiment's uid, so that a deleted and remade experiment has other names.
#[must_use]
pub fn trial_name(experiment: &str, key: u64, number: u64) -> String {
    let keys = [0, 16, 32, 48].map(|bits| key.rotate_left(bits));
    let mut code = Permutation::keyed(NAMES, keys).at(number.into());
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

    /// Stored trials are found by these names.
    #[test]
    fn names_never_change() {
        let names = [(7, 0), (7, 1), (u64::MAX, 999_999)].map(|(k, n)| trial_name("tune", k, n));
        assert_eq!(names, ["tune-mrhbwxgk", "tune-hvq6qpnz", "tune-7lzw5465"]);
    }

    #[test]
    fn another_experiment_has_other_names() {
        let first = (0..100)
            .map(|number| trial_name("tune", 1, number))
            .collect::<HashSet<_>>();
        assert!((0..100).all(|number| !first.contains(&trial_name("tune", 2, number))));
    }
}
