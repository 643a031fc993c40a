//! What a misspelt word was meant to be.

/// How many words a misspelt one is compared with.
const COMPARED: usize = 200;

/// The word most like `given`, if one is like it at all: at most a third of its letters differ, case aside.
#[must_use]
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Measuring is quadratic in the length; nobody mistypes a word into a page of text.
    if given.len() > 64 {
        return None;
    }
    let wanted = given.to_lowercase();
    let limit = (wanted.chars().count() / 3).max(1);
    known
        .into_iter()
        .take(COMPARED)
        .filter(|word| !word.is_empty())
        .map(|word| (strsim::osa_distance(&wanted, &word.to_lowercase()), word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
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
}
