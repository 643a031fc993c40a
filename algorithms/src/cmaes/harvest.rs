//! Which trials a generation has learned from, in few enough characters to be a label.

use std::fmt::Write;

/// Which trials of a run had ended when a generation closed: all up to one, but for some. Those that earlier generations have
/// taken are no longer meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Harvest {
    /// The last one's number.
    pub(super) last: u64,
    /// Those before it that are not meant, from the highest on.
    gaps: Vec<Gap>,
}

/// The first and the last number of trials that are not meant.
type Gap = (u64, u64);

/// Trials that have ended, with none under way between them.
struct Stretch {
    /// Those under way before them.
    gap: Option<Gap>,
    first: u64,
    last: u64,
    count: usize,
}

/// The most characters of a label of Kubernetes. One gap fits, whatever the numbers.
const LONGEST: usize = 63;
/// More stretches do not fit, however short their numbers.
const STRETCHES: usize = 1 + LONGEST / 2;

// === impl Harvest ===

impl Harvest {
    /// Those that have ended, of trials by rising number; `None` if none has. If that takes too many words, the shortest stretches
    /// are left for a later generation.
    pub(super) fn of(trials: impl IntoIterator<Item = (u64, bool)>) -> Option<Self> {
        let stretches = stretches(trials);
        let mut by_count: Vec<usize> = (0..stretches.len()).rev().collect();
        by_count.sort_by_key(|&index| std::cmp::Reverse(stretches[index].count));
        let most = by_count.len().min(STRETCHES);
        let mut harvests = (1..=most)
            .rev()
            .filter_map(|count| Self::of_some(&stretches, &by_count[..count]));
        harvests.find(|harvest| harvest.write().len() <= LONGEST)
    }

    fn of_some(stretches: &[Stretch], kept: &[usize]) -> Option<Self> {
        let mut kept = kept.to_vec();
        kept.sort_unstable();
        let (mut gaps, mut next) = (Vec::new(), 0);
        for &index in &kept {
            let skipped = &stretches[next..=index];
            let low = skipped.first().map(Stretch::begin);
            let until = stretches[index].gap.map(|(_, high)| high);
            gaps.extend(low.zip(until));
            next = index + 1;
        }
        gaps.reverse();
        let last = stretches[*kept.last()?].last;
        Some(Self { last, gaps })
    }

    /// Whether the trial of a number is one of them, if it is in the run and no earlier generation has taken it.
    pub(super) fn contains(&self, index: u64) -> bool {
        let is_in = |(low, high): &Gap| (*low..=*high).contains(&index);
        index <= self.last && !self.gaps.iter().any(is_in)
    }

    /// As `129-1-4.2`: all up to 129 but 128, 125, 124 and 123.
    pub(super) fn write(&self) -> String {
        let mut text = self.last.to_string();
        for (low, high) in &self.gaps {
            // Distances are shorter than numbers.
            let _ = write!(text, "-{}", self.last - high);
            if low < high {
                let _ = write!(text, ".{}", high - low);
            }
        }
        text
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let last = parts.next()?.parse::<u64>().ok()?;
        let gap = |part: &str| {
            let (distance, more) = part.split_once('.').unwrap_or((part, "0"));
            let high = last.checked_sub(distance.parse().ok()?)?;
            let low = high.checked_sub(more.parse().ok()?)?;
            Some((low, high))
        };
        let gaps = parts.map(gap).collect::<Option<Vec<Gap>>>()?;
        Some(Self { last, gaps })
    }
}

/// Trials under way after the last one that has ended are in none.
fn stretches(trials: impl IntoIterator<Item = (u64, bool)>) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut gap: Option<Gap> = None;
    for (index, has_ended) in trials {
        match stretches.last_mut() {
            _ if !has_ended => gap = Some((gap.map_or(index, |(low, _)| low), index)),
            Some(stretch) if gap.is_none() => {
                stretch.last = index;
                stretch.count += 1;
            }
            _ => stretches.push(Stretch {
                gap: gap.take(),
                first: index,
                last: index,
                count: 1,
            }),
        }
    }
    stretches
}

// === impl Stretch ===

impl Stretch {
    fn begin(&self) -> u64 {
        self.gap.map_or(self.first, |(low, _)| low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Trials with numbers from 100 on.
    fn trials(ended: &[bool]) -> impl Iterator<Item = (u64, bool)> {
        (100..).zip(ended.iter().copied())
    }

    #[test]
    fn those_under_way_are_written_by_their_distance() {
        let written = |trials: &[bool]| Harvest::of(self::trials(trials)).map(|h| h.write());
        assert_eq!(written(&[false, false]), None);
        assert_eq!(written(&[true, true, false]).unwrap(), "101");
        let ended = [true, false, true, false, false, false, true, true, false];
        assert_eq!(written(&ended).unwrap(), "107-2.2-6");
        assert_eq!(Harvest::read("107-2.2-6"), Harvest::of(trials(&ended)));
        for wrong in ["", "x", "7-8", "7-3.5", "7-1.", "7.1"] {
            assert_eq!(Harvest::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn where_many_are_under_way_most_that_ended_are_taken() {
        // Every third is under way, and the last hundred numbers are free of those.
        let ended: Vec<bool> = (0..400).map(|i| i >= 300 || i % 3 > 0).collect();
        let harvest = Harvest::of(trials(&ended)).unwrap();
        let taken = (100..500).filter(|i| harvest.contains(*i)).count();
        assert!((110..220).contains(&taken), "{harvest:?}");
    }

    proptest! {
        #[test]
        fn only_what_has_ended_is_taken_and_read_back(
            first in prop_oneof![Just(0_u64), 0_u64..1_000_000_000, Just(u64::MAX - 100_000)],
            trials in prop::collection::vec((1_u64..200, any::<bool>()), 1..300),
        ) {
            let mut index = first;
            let trials: Vec<(u64, bool)> = trials
                .into_iter()
                .map(|(distance, ended)| { index += distance; (index, ended) })
                .collect();
            let Some(harvest) = Harvest::of(trials.iter().copied()) else {
                prop_assert!(trials.iter().all(|(_, ended)| !ended));
                return Ok(());
            };
            prop_assert!(harvest.write().len() <= LONGEST);
            prop_assert_eq!(Harvest::read(&harvest.write()), Some(harvest.clone()));
            prop_assert!(trials.iter().all(|(index, ended)| *ended || !harvest.contains(*index) || *index > harvest.last));
            let taken = trials.iter().filter(|(index, _)| harvest.contains(*index)).count();
            let ended = trials.iter().filter(|(_, ended)| *ended).count();
            let stretches = stretches(trials).len();
            prop_assert!(taken > 0 && (stretches > 2 || taken * 2 >= ended), "{taken} of {ended}");
        }
    }
}
