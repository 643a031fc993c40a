//! How many configurations there are, and which is which number.
//!
//! Conditions make the dimensions a forest: each has at most one parent. A dimension and all below it have as many
//! configurations as its values have together, and a value has the product of those of the children that it gives an
//! effect. The numbers are those of a mixed radix, the first dimension without a parent counting most, and within one of
//! its values its children in the same way. Without conditions that is the lexicographic order.

use super::dimension::Dimension;
use super::point::Coordinate;

/// Values that a continuous dimension counts as.
const CONTINUOUS: u128 = 1 << 64;

/// Counts configurations; `None` stands for more than `u128` has.
#[derive(Clone, Debug)]
pub(super) struct Census {
    roots: Vec<usize>,
    families: Vec<Family>,
    total: Option<u128>,
}

/// A dimension and what depends on it.
#[derive(Clone, Debug)]
struct Family {
    values: u128,
    children: Vec<usize>,
    /// The values that give a child an effect, rising, and how many configurations each has.
    special: Vec<(u64, Option<u128>)>,
    total: Option<u128>,
}

// === impl Census ===

impl Census {
    /// The conditions must not lead in a circle.
    pub(super) fn new(dimensions: &[Dimension]) -> Self {
        let family = |dimension: &Dimension| {
            let values = dimension.count().unwrap_or(CONTINUOUS);
            Family {
                values,
                children: Vec::new(),
                special: Vec::new(),
                total: Some(values),
            }
        };
        let mut families: Vec<Family> = dimensions.iter().map(family).collect();
        let mut roots = Vec::new();
        for (index, dimension) in dimensions.iter().enumerate() {
            match dimension.condition() {
                Some(condition) => families[condition.parent()].children.push(index),
                None => roots.push(index),
            }
        }
        let mut order = roots.clone();
        let mut next = 0;
        while let Some(index) = order.get(next) {
            let children = families[*index].children.clone();
            order.extend(children);
            next += 1;
        }
        for index in order.into_iter().rev() {
            count(index, dimensions, &mut families);
        }
        let total = product(roots.iter().map(|root| families[*root].total));
        Self {
            roots,
            families,
            total,
        }
    }

    /// How many configurations there are, a continuous dimension counted as 2^64 values.
    pub(super) fn total(&self) -> Option<u128> {
        self.total
    }

    /// The coordinates of a configuration, of those that have no effect the lowest.
    pub(super) fn coordinates(&self, number: u128, dimensions: &[Dimension]) -> Vec<Coordinate> {
        let mut coordinates: Vec<Coordinate> = dimensions.iter().map(Dimension::lowest).collect();
        let mut open = Vec::new();
        self.split(number, &self.roots, &mut open);
        while let Some((index, number)) = open.pop() {
            let family = &self.families[index];
            let (value, rest) = family.find(number);
            coordinates[index] = match dimensions[index].count() {
                Some(_) => Coordinate::number(value),
                None => dimensions[index].at((value as f64 + 0.5) / CONTINUOUS as f64),
            };
            let has_effect = |child: &usize| {
                let condition = dimensions[*child].condition();
                condition.is_some_and(|condition| condition.admits(Coordinate::number(value)))
            };
            if family.special.iter().any(|(special, _)| *special == value) {
                let children: Vec<usize> =
                    family.children.iter().copied().filter(has_effect).collect();
                self.split(rest, &children, &mut open);
            }
        }
        coordinates
    }

    /// Gives each of some dimensions its own number.
    fn split(&self, number: u128, dimensions: &[usize], numbers: &mut Vec<(usize, u128)>) {
        let mut rest = number;
        for index in dimensions.iter().rev() {
            let (here, left) = match self.families[*index].total {
                Some(total) => (rest % total, rest / total),
                None => (rest, 0),
            };
            numbers.push((*index, here));
            rest = left;
        }
    }
}

/// Counts the configurations of a dimension whose children are counted.
fn count(index: usize, dimensions: &[Dimension], families: &mut [Family]) {
    let condition = |child: &usize| dimensions[*child].condition();
    let children = std::mem::take(&mut families[index].children);
    let conditions = children.iter().filter_map(condition);
    let mut special: Vec<Coordinate> = conditions.flat_map(super::Condition::coordinates).collect();
    special.sort_unstable();
    special.dedup();
    let special: Vec<(u64, Option<u128>)> = special
        .into_iter()
        .map(|value| {
            let admits = |child: &&usize| condition(child).is_some_and(|one| one.admits(value));
            let below = children.iter().filter(admits);
            let totals = below.map(|child| families[*child].total);
            (value.as_number(), product(totals))
        })
        .collect();
    let family = &mut families[index];
    let plain = family.values.saturating_sub(special.len() as u128);
    family.total = special.iter().try_fold(plain, |sum, (_, count)| {
        count.and_then(|count| sum.checked_add(count))
    });
    (family.children, family.special) = (children, special);
}

fn product(mut counts: impl Iterator<Item = Option<u128>>) -> Option<u128> {
    counts.try_fold(1_u128, |product, count| product.checked_mul(count?))
}

impl Family {
    /// The value that a configuration has here, and the configuration's number among those with this value.
    fn find(&self, number: u128) -> (u64, u128) {
        let value = |number: u128| u64::try_from(number).unwrap_or(u64::MAX);
        let (mut rest, mut next) = (number, 0_u128);
        for (special, count) in &self.special {
            let before = u128::from(*special) - next;
            if rest < before {
                return (value(next + rest), 0);
            }
            rest -= before;
            match count {
                Some(count) if rest >= *count => rest -= count,
                _ => return (*special, rest),
            }
            next = u128::from(*special) + 1;
        }
        (value(next + rest), 0)
    }
}
