//! Which step or epoch a line speaks of.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::text::ends_longer_name;

/// Words that count progress, the best first: a step tells more than an epoch, but see [`rank`].
pub(super) const WORDS: [&str; 5] = ["global_step", "step", "iteration", "iter", "epoch"];

/// A word of [`WORDS`] (groups 1 to 5), its number (`number`), and the total if one follows (`total`).
static COUNTER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi)
        (?: (global[\ _-]?step) | (step) | (iteration) | (iter) | (epoch) )
        ["']? \s* [=:\#]? \s* [\[(\#]? \s* ["']?
        (?<number> [0-9]+ ) (?: \.0+ )? (?<total> \s* / \s* [0-9]+ )?"#,
    )
    .expect("a constant pattern")
});

/// A counter at the start, as boosting libraries print it, or one of so many: `[12] eval-rmse:0.3`, `12: learn: 0.3`, `[3/20] …`.
static LEADING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:\[\s*([0-9]+)\s*(?:/\s*[0-9]+\s*)?\]|([0-9]+):)\s")
        .expect("a constant pattern")
});

/// The step or epoch of a line: `epoch=3`, `Epoch 3/20`, `[epoch 3/20]`, `step: 120`, `'epoch': 1.0`, `[12] …`, `[3/20] …`.
///
/// A global step is preferred to a step or iteration, and those to an epoch; but a step "of so many" beside an epoch starts
/// again in every epoch, so there the epoch counts.
pub(super) fn in_line(line: &str) -> Option<i64> {
    let counters = COUNTER
        .captures_iter(line)
        .filter(|counter| stands_alone(line, counter));
    let best = counters
        .min_by_key(rank)
        .and_then(|counter| counter["number"].parse().ok());
    best.or_else(|| {
        let leading = LEADING.captures(line)?;
        leading.get(1).or(leading.get(2))?.as_str().parse().ok()
    })
}

/// A whole number as text: `3` or `3.0`.
pub(super) fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let whole = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|byte| byte == b'0') => whole,
        _ => text,
    };
    whole.parse().ok()
}

fn rank(counter: &Captures<'_>) -> usize {
    let word = (0..WORDS.len())
        .find(|word| counter.get(word + 1).is_some())
        .unwrap_or(WORDS.len());
    let within_epoch = (1..=3).contains(&word) && counter.name("total").is_some();
    if within_epoch {
        word + WORDS.len()
    } else {
        word
    }
}

/// Whether the counter is no part of a longer name or number.
fn stands_alone(line: &str, counter: &Captures<'_>) -> bool {
    let Some(found) = counter.get(0) else {
        return false;
    };
    let mut after = line[found.end()..].chars();
    let goes_on = match after.next() {
        Some('.') => after.next().is_some_and(|next| next.is_ascii_digit()),
        Some(next) => next.is_alphanumeric() || next == '_',
        None => false,
    };
    !goes_on && !ends_longer_name(line, found.start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found() {
        for (line, step) in [
            ("epoch=3 acc=0.9", 3),
            ("Epoch: 3 acc=0.9", 3),
            ("step 120 loss=1", 120),
            ("[epoch 3/20] acc=0.9", 3),
            ("[3/20] acc=0.9", 3),
            ("[ 3/20] acc=0.9", 3),
            ("INFO:root:Epoch[7] Train-accuracy=0.94", 7),
            ("Train Epoch: 1 [0/60000 (0%)] loss=2.3", 1),
            ("{'loss': 0.3, 'epoch': 2.0}", 2),
            ("iter #5 loss=1", 5),
            ("epoch=2 global_step=900 loss=1", 900),
            ("epoch=2 step=900 loss=1", 900),
            ("Epoch [2/5], Step [100/600], Loss: 0.3", 2),
            ("Step [100/600], Loss: 0.3", 100),
            ("[12]\teval-rmse:0.3", 12),
            ("12:\tlearn: 0.3", 12),
        ] {
            assert_eq!(in_line(line), Some(step), "{line}");
        }
    }

    #[test]
    fn other_numbers_are_no_counters() {
        for line in [
            "acc=0.9",
            "epoch=0.52 acc=0.9",
            "epoch=1.05",
            "epochs=20",
            "time/step=3",
            "ms/step 5",
            "12 acc=1",
            "epoch 3rd",
            "epoch 99999999999999999999",
            "",
        ] {
            assert_eq!(in_line(line), None, "{line}");
        }
    }

    #[test]
    fn integers_may_be_written_with_a_point() {
        assert_eq!(integer("3.000"), Some(3));
        assert_eq!(integer(" -3 "), Some(-3));
        assert_eq!(integer("3.5"), None);
        assert_eq!(integer("1e3"), None);
        assert_eq!(integer(""), None);
    }
}
