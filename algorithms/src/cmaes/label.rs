//! What is written on a trial, so that any process finds the generation it belongs to.

use std::collections::BTreeMap;
use std::fmt::Write;

/// What is written on a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    /// The generation whose distribution it was drawn from.
    pub(super) generation: u64,
    /// The number of the suggestion.
    pub(super) index: u64,
    /// Where that distribution came from.
    pub(super) origin: Origin,
}

/// Where the distribution of a generation came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is the first, round the middle of the space.
    Middle,
    /// It is the first, round the point of another program's trial with this digest.
    Foreign(u64),
    /// From the one before it, and the trials that had ended.
    Generation(Harvest),
}

/// Which trials of a run had ended when a generation closed: all up to one, but for some. Those that earlier generations have
/// taken are no longer meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Harvest {
    /// The last one's number.
    pub(super) last: u64,
    /// The numbers of those before it that had not ended, from the highest on; at most [`GAPS`].
    pub(super) gaps: Vec<u64>,
}

/// More trials under way than this keep a generation from closing: what is written is at most 63 characters long, as labels of
/// Kubernetes are.
pub(super) const GAPS: usize = 8;

/// Generation and number, as `12.130`.
const PLACE: &str = "cmaes";
/// `middle`, the digest of a point (`point-…`), or a harvest (`129-1-4`: all up to 129 but 128 and 125).
const ORIGIN: &str = "cmaes-origin";

// === impl Label ===

impl Label {
    pub(super) fn write(&self) -> BTreeMap<String, String> {
        let place = format!("{}.{}", self.generation, self.index);
        let origin = match &self.origin {
            Origin::Middle => "middle".to_owned(),
            Origin::Foreign(digest) => format!("point-{digest:x}"),
            Origin::Generation(harvest) => harvest.write(),
        };
        BTreeMap::from([(PLACE.to_owned(), place), (ORIGIN.to_owned(), origin)])
    }

    /// What is written on a trial; `None` if it is another program's.
    pub(super) fn read(labels: &BTreeMap<String, String>) -> Option<Self> {
        let (generation, index) = labels.get(PLACE)?.split_once('.')?;
        let generation = generation.parse().ok()?;
        let origin = labels.get(ORIGIN)?;
        let origin = match (origin.as_str(), generation) {
            ("middle", 0) => Origin::Middle,
            (text, 0) => {
                let digest = text.strip_prefix("point-")?;
                Origin::Foreign(u64::from_str_radix(digest, 16).ok()?)
            }
            (text, _) => Origin::Generation(Harvest::read(text)?),
        };
        Some(Self {
            generation,
            index: index.parse().ok()?,
            origin,
        })
    }
}

// === impl Harvest ===

impl Harvest {
    /// Whether the trial of a number is one of them, if it is in the run and no earlier generation has taken it.
    pub(super) fn contains(&self, index: u64) -> bool {
        index <= self.last && !self.gaps.contains(&index)
    }

    fn write(&self) -> String {
        let mut text = self.last.to_string();
        for gap in &self.gaps {
            // Distances are shorter than numbers.
            let _ = write!(text, "-{}", self.last - gap);
        }
        text
    }

    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split('-').map(|number| number.parse::<u64>().ok());
        let last = numbers.next()??;
        let gap = |distance: Option<u64>| last.checked_sub(distance?);
        let gaps = numbers.map(gap).collect::<Option<Vec<u64>>>()?;
        Some(Self { last, gaps })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn labels_are_read_back(generation in 0..100_000_u64, index in 0..1_000_000_000_u64, digest: u64, gaps in prop::collection::btree_set(1..10_000_u64, 0..=GAPS), foreign: bool) {
            let last = index + 10_000;
            let gaps = gaps.into_iter().map(|distance| last - distance).collect();
            let origin = match (generation, foreign) {
                (0, false) => Origin::Middle,
                (0, true) => Origin::Foreign(digest),
                _ => Origin::Generation(Harvest { last, gaps }),
            };
            let label = Label { generation, index, origin };
            let written = label.write();
            prop_assert!(written.values().all(|text| text.len() <= 63), "{written:?}");
            prop_assert_eq!(Label::read(&written), Some(label));
        }

        #[test]
        fn any_text_is_read_or_not(place in "[0-9.x-]{0,20}", origin in "[0-9a-f.-]{0,20}|point-[0-9a-z]*") {
            let labels = BTreeMap::from([(PLACE.to_owned(), place), (ORIGIN.to_owned(), origin)]);
            if let Some(label) = Label::read(&labels) {
                prop_assert_eq!(Label::read(&label.write()), Some(label));
            }
        }
    }
}
