//! What is written on a trial, so that any process finds the generation it belongs to.

use std::collections::BTreeMap;

use super::harvest::Harvest;

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

/// Generation and number, as `12.130`.
const PLACE: &str = "cmaes";
/// `middle`, the digest of a point (`point-…`), or a harvest (`129-1-4.2`).
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn labels_are_read_back(generation in 0..100_000_u64, index in 0..1_000_000_000_u64, digest: u64, ended in prop::collection::vec(any::<bool>(), 0..40), foreign: bool) {
            let harvest = Harvest::of((index..).zip(ended.into_iter().chain([true])));
            let origin = match (generation, foreign) {
                (0, false) => Origin::Middle,
                (0, true) => Origin::Foreign(digest),
                _ => Origin::Generation(harvest.unwrap()),
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
