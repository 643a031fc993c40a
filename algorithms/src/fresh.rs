//! Points that were not tried yet.

use std::collections::HashSet;

use diwan_core::permutation::{Permutation, mix};
use rand::rngs::ChaCha8Rng;

use crate::algorithm::Suggested;
use crate::space::{Coordinate, Point, Size, Space};
use crate::study::Study;

/// The order in which a space is enumerated.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// Lexicographic, the last parameter changing fastest.
    Ascending,
    /// Shuffled.
    Shuffled(Permutation),
}

/// A study and the points that its current batch has taken.
pub(crate) struct Fresh<'a> {
    study: &'a Study,
    taken: HashSet<Point>,
    /// A coordinate that all points have, and its dimension.
    pinned: Option<(usize, Coordinate)>,
}

/// So many drawn points may turn out old before the untried ones are enumerated.
pub(crate) const DRAWS: usize = 64;

/// The points of a space in an order, from suggestion number `study.next` on, without those that the study has tried.
///
/// Suggestion k has position k or a later one, so positions before `study.next` are used up by the study's own
/// suggestions, and no history is needed to know it. Only trials from elsewhere can have left a gap there: once the end
/// is reached, and if all trials are known, the gaps are filled.
pub(crate) fn untried(study: &Study, order: Order) -> impl Iterator<Item = Point> {
    let positions = match study.space().size() {
        Size::Finite(count) => count,
        Size::Huge => u128::MAX,
        Size::Continuous => 0,
    };
    let next = u128::from(study.next);
    let gaps = if study.is_whole() {
        next.min(positions)
    } else {
        0
    };
    (next..positions)
        .chain(0..gaps)
        .filter_map(move |position| order.point(study.space(), position))
        .filter(|point| !study.has_tried(point))
}

/// New points from the space's distribution, each from its suggestion's own random stream.
pub(crate) fn drawn<'a>(
    study: &'a Study,
    rng: &'a mut ChaCha8Rng,
) -> impl Iterator<Item = Point> + 'a {
    let mut fresh = Fresh::new(study);
    (study.next..=u64::MAX).map_while(move |index| {
        rng.set_stream(index);
        fresh.take(index, std::iter::repeat_with(|| study.space().random(rng)))
    })
}

/// What proposes points one after the other, knowing those it has proposed.
pub(crate) trait Proposer {
    /// What it would like to be suggestion number `index`.
    fn propose(&mut self, index: u64, fresh: &Fresh<'_>, rng: &mut ChaCha8Rng) -> Proposal;

    /// A point is suggested.
    fn await_point(&mut self, point: &Point);
}

/// What a proposer would like to be suggested.
pub(crate) struct Proposal {
    /// Points, the best first; there may be none, or only old ones.
    pub(crate) points: Vec<Point>,
    /// A label for the trial of the one that is taken.
    pub(crate) label: Option<(&'static str, &'static str)>,
}

/// A proposer's points, each from its suggestion's own random stream; random ones where it has none that may be taken.
pub(crate) fn proposed(
    study: &Study,
    count: usize,
    rng: &mut ChaCha8Rng,
    mut proposer: impl Proposer,
) -> Suggested {
    let mut fresh = Fresh::new(study);
    let mut labels = Vec::new();
    let points = (study.next..=u64::MAX).map_while(|index| {
        rng.set_stream(index);
        let (point, label) = fresh.take_proposed(index, &mut proposer, rng)?;
        fresh.note(&point);
        proposer.await_point(&point);
        labels.push(label);
        Some(point)
    });
    let mut suggested = Suggested::first(count, study.space(), points);
    for (point, label) in suggested.points.iter_mut().zip(labels) {
        point.labels.extend(label);
    }
    suggested
}

impl From<Vec<Point>> for Proposal {
    fn from(points: Vec<Point>) -> Self {
        Self {
            points,
            label: None,
        }
    }
}

// === impl Order ===

impl Order {
    fn point(&self, space: &Space, position: u128) -> Option<Point> {
        match self {
            Self::Ascending => space.point_at(position),
            Self::Shuffled(permutation) => space.point_at(permutation.at(position)),
        }
    }
}

// === impl Fresh ===

impl<'a> Fresh<'a> {
    pub(crate) fn new(study: &'a Study) -> Self {
        Self {
            study,
            taken: HashSet::new(),
            pinned: None,
        }
    }

    /// From now on all points have this coordinate in a dimension. It has an effect at every point, and no condition is on it.
    pub(crate) fn pin(&mut self, dimension: usize, coordinate: Coordinate) {
        self.pinned = Some((dimension, coordinate));
    }

    /// Notes that a point is taken.
    pub(crate) fn note(&mut self, point: &Point) {
        self.taken.insert(point.clone());
    }

    fn placed(&self, point: Point) -> Point {
        match self.pinned {
            Some((dimension, coordinate)) => {
                self.study.space().moved(&point, dimension, coordinate)
            }
            None => point,
        }
    }

    /// Takes the first new point of `draws`, suggestion number `index`'s endless candidates in order of preference. Where
    /// chance may repeat a point, and all trials must be known, it is any other if luck is bad, and `None` if a finite space
    /// has none left. In any other space the answer depends on no trial but those that the experiment begins with.
    pub(crate) fn take(&mut self, index: u64, draws: impl Iterator<Item = Point>) -> Option<Point> {
        let mut draws = draws.map(|point| self.placed(point));
        if !self.study.space().may_repeat() {
            let begun = |point: &Point| self.study.begins_with(point);
            let found = draws.by_ref().take(DRAWS).find(|point| !begun(point));
            return found.or_else(|| draws.next());
        }
        let drawn = draws.by_ref().take(DRAWS).find(|point| self.is_new(point));
        let point = drawn.or_else(|| match self.study.space().size() {
            Size::Finite(count) => self.left_over(index, count),
            Size::Huge | Size::Continuous => self.scattered(index).or_else(|| draws.next()),
        });
        drop(draws);
        let point = point?;
        self.taken.insert(point.clone());
        Some(point)
    }

    /// Takes a proposer's point, or a random one where it has none that may be taken; and the label for its trial.
    pub(crate) fn take_proposed(
        &mut self,
        index: u64,
        proposer: &mut impl Proposer,
        rng: &mut ChaCha8Rng,
    ) -> Option<(Point, Option<(String, String)>)> {
        let Proposal { points, label } = proposer.propose(index, self, rng);
        let space = self.study.space();
        let random = std::iter::repeat_with(|| space.random(rng));
        let point = self.take(index, points.into_iter().chain(random))?;
        let label = label.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Some((point, label))
    }

    /// A new point of a space with endlessly many. Those are where the draws seldom came, so all are equally likely here.
    fn scattered(&self, index: u64) -> Option<Point> {
        let key = mix(self.study.spec.effective_seed() ^ mix(index));
        let numbers = (0..DRAWS as u64).map(|draw| {
            let (high, low) = (mix(key ^ mix(draw)), mix(!key ^ mix(draw)));
            (u128::from(high) << 64) | u128::from(low)
        });
        let mut points = numbers.map(|number| self.placed(self.study.space().scattered(number)));
        points.find(|point| self.is_new(point))
    }

    fn left_over(&self, index: u64, count: u128) -> Option<Point> {
        if self.is_empty(count) {
            return None;
        }
        let permutation = Permutation::new(count, self.study.spec.effective_seed());
        let start = u128::from(index) % count;
        let mut positions = (start..count).chain(0..start);
        positions.find_map(|position| {
            self.study
                .space()
                .point_at(permutation.at(position))
                .map(|point| self.placed(point))
                .filter(|point| self.is_new(point))
        })
    }

    /// Whether no point is left of `count`.
    fn is_empty(&self, count: u128) -> bool {
        let Some((dimension, coordinate)) = self.pinned else {
            return (self.study.distinct() + self.taken.len()) as u128 >= count;
        };
        let values = self.study.space().dimensions()[dimension].count();
        let points = self.study.tried().chain(&self.taken);
        let here: HashSet<&Point> = points
            .filter(|point| point.coordinates()[dimension] == coordinate)
            .collect();
        here.len() as u128 >= count / values.unwrap_or(1)
    }

    /// Whether a point was neither tried nor taken.
    pub(crate) fn is_new(&self, point: &Point) -> bool {
        !self.study.has_tried(point) && !self.taken.contains(point)
    }
}
