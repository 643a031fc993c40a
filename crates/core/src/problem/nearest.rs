//! What a misspelt word was meant to be.

/// How many words a misspelt one is compared with.
const COMPARED: usize = 200;
/// Fewer letters are the beginning of too many words.
const SHORTEST_BEGIN: usize = 3;

/// The word most like `given`, if one is like it at all: at most a third of its letters differ, case aside. If none is, the
/// word that begins like it: at most a quarter of the letters differ from the word's first ones.
#[must_use]
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Measuring is quadratic in the length; nobody mistypes a word into a page of text.
    if given.len() > 64 {
        return None;
    }
    let wanted = given.to_lowercase();
    let letters = wanted.chars().count();
    let known = known.into_iter().take(COMPARED);
    let known: Vec<&str> = known.filter(|word| !word.is_empty()).collect();
    let whole = |word: &str| word.to_lowercase();
    let begin = |word: &str| whole(word).chars().take(letters).collect();
    let found = closest(&wanted, &known, (letters / 3).max(1), whole);
    let is_begin = letters >= SHORTEST_BEGIN;
    found.or_else(|| closest(&wanted, &known, letters / 4, begin).filter(|_| is_begin))
}

/// The word of which a part differs least, if that is at most `limit` letters.
fn closest<'a>(
    wanted: &str,
    known: &[&'a str],
    limit: usize,
    part: impl Fn(&str) -> String,
) -> Option<&'a str> {
    let distances = known.iter().map(|word| {
        let distance = strsim::osa_distance(wanted, &part(word));
        (distance, *word)
    });
    let near = distances.filter(|(distance, _)| *distance <= limit);
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_must_be_near() {
        assert_eq!(
            nearest("MaxTrialcount", ["maxTrialCount", "max"]),
            Some("maxTrialCount")
        );
        assert_eq!(nearest("xyz", ["abc"]), None);
        assert_eq!(nearest(&"a".repeat(100_000), ["abc"]), None);
    }

    #[test]
    fn a_beginning_stands_for_its_word() {
        let known = ["random", "cmaes", "medianstop", "hyperband"];
        for (given, meant) in [
            ("cma", "cmaes"),
            ("median", "medianstop"),
            ("medin", "medianstop"),
            ("HYPER", "hyperband"),
        ] {
            assert_eq!(nearest(given, known), Some(meant), "{given}");
        }
        for given in ["cm", "cmx", "hypothesis", ""] {
            assert_eq!(nearest(given, known), None, "{given}");
        }
        assert_eq!(
            nearest("grid", ["grids-of-all-kinds", "gird"]),
            Some("gird")
        );
    }
}
